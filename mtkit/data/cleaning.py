"""What is dropped from the training pairs, and why; memory does not grow with the corpus.

Each pair has one verdict: 0 keeps it, any other is the first reason of ``REASONS`` that applies, counted from 1.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from mtkit.config import CleaningConfig
from mtkit.data.equal_hashes import EqualHashes

REASONS = ("empty", "duplicate", "too_long", "length_ratio")
EMPTY, DUPLICATE, TOO_LONG, LENGTH_RATIO = range(1, 5)

Verdicts = NDArray[np.uint8]


class TextCleaning:
    """First pass: verdicts that need the text alone, empty sides and exact duplicates."""

    def __init__(self, scratch: Path, config: CleaningConfig) -> None:
        """Use an empty directory for temporary files."""
        self._config = config
        self.n_characters = np.zeros(2, dtype=np.int64)
        """Of source and target, over all pairs."""
        self._n = 0
        self._verdict_path = scratch / "verdicts"
        self._hashes = EqualHashes(scratch)
        self._verdicts = self._verdict_path.open("wb", buffering=1 << 16)

    def add(self, src: Sequence[str], tgt: Sequence[str]) -> None:
        """Take the next pairs."""
        empty = [not s or not t or s.isspace() or t.isspace() for s, t in zip(src, tgt, strict=True)]
        self._verdicts.write(np.where(empty, EMPTY, 0).astype(np.uint8).tobytes())
        if self._config.drop_duplicates:
            # A segment holds no line feed, so that joining the sides with one is unambiguous.
            digest = xxhash.xxh3_128_digest
            digests = b"".join([digest(f"{s}\n{t}".encode()) for s, t in zip(src, tgt, strict=True)])
            self._hashes.add(np.frombuffer(digests, dtype="<u8").reshape(-1, 2))
        self._n += len(src)
        self.n_characters += [sum(map(len, src)), sum(map(len, tgt))]

    def finish(self) -> Verdicts:
        """The verdicts of all pairs so far, uint8 (n,), mapped from disk; every occurrence but the first is dropped."""
        self._verdicts.close()
        verdicts = np.memmap(self._verdict_path, dtype=np.uint8, mode="r+", shape=(self._n,))
        for part in self._hashes.parts():
            pairs, _ = part.repeats()
            verdicts[pairs[verdicts[pairs] == 0]] = DUPLICATE
        return verdicts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._verdicts.close()
        self._hashes.__exit__(kind, error, trace)


def length_verdicts(src_lengths: NDArray[np.int32], tgt_lengths: NDArray[np.int32], config: CleaningConfig) -> Verdicts:
    """Second pass: verdicts that need the numbers of tokens.

    Args:
        src_lengths: Source tokens of each pair, (n,), without begin and end of sentence.
        tgt_lengths: Target tokens.
        config: The limits; a pair exactly at one is kept.

    Returns:
        uint8 (n,).
    """
    longer, shorter = np.maximum(src_lengths, tgt_lengths), np.minimum(src_lengths, tgt_lengths)
    return np.select(
        [shorter == 0, longer > config.max_tokens, longer > config.max_ratio * shorter],
        [np.uint8(EMPTY), np.uint8(TOO_LONG), np.uint8(LENGTH_RATIO)],
        default=np.uint8(0),
    )


def drop_report(counts: NDArray[np.int64]) -> dict[str, int]:
    """Pairs that each reason dropped, from the number of pairs with each verdict; unused reasons are left out."""
    return {reason: int(count) for reason, count in zip(REASONS, counts[1:], strict=True) if count}
