"""Cut sentences into batches of like length."""

from collections.abc import Iterator, Sequence
from typing import Literal

from mtkit.errors import ConfigError
from mtkit.settings.bounds import check_whole

BatchType = Literal["sentences", "tokens"]
BATCH_SIZE: dict[BatchType, int] = {"sentences": 64, "tokens": 2_000}
"""Batch sizes where none is given."""

MAX_BATCH_TOKENS = 4_096
"""Source tokens with padding that a CPU is given at a time, whatever the batch size: more of them make nothing faster,
but take long to be done."""


def checked_size(size: int | None, batch_type: BatchType) -> int:
    """The size of batches, that of ``BATCH_SIZE`` where none is given.

    Raises:
        ConfigError: If there is no such type, or the size is not a whole number of at least 1.
    """
    if batch_type not in BATCH_SIZE:
        raise ConfigError(f"batch type {batch_type!r}: must be {' or '.join(BATCH_SIZE)}")
    if size is not None:
        check_whole("batch size", size)
    return size or BATCH_SIZE[batch_type]


def in_batches(
    lengths: Sequence[int], size: int, batch_type: BatchType, *, max_tokens: int | None = None
) -> Iterator[list[int]]:
    """Yield the numbers of the sentences, batch by batch, the longest first.

    Args:
        lengths: Of each sentence, in tokens, the end of sentence counted.
        size: Sentences, or tokens with padding, of a batch; a sentence longer than that is a batch of its own.
        batch_type: What ``size`` counts.
        max_tokens: With padding, of a batch of several sentences; by default any number.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        # The first of a batch is its longest, so it alone says how much every row is padded to.
        longest = lengths[order[start]]
        n = size if batch_type == "sentences" else max(size // longest, 1)
        if max_tokens is not None:
            n = min(n, max(max_tokens // longest, 1))
        yield order[start : start + n]
        start += n
