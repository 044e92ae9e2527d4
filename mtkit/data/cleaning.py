"""What is dropped from the training pairs, and why; memory does not grow with the corpus.

Each pair has one verdict: 0 keeps it, any other is the first reason of ``REASONS`` that applies, counted from 1.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from mtkit.config import CleaningConfig

REASONS = ("empty", "duplicate", "too_long", "length_ratio")
EMPTY, DUPLICATE, TOO_LONG, LENGTH_RATIO = range(1, 5)

Verdicts = NDArray[np.uint8]

_N_PARTITIONS = 128
_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("pair", "<i8")])


class TextCleaning:
    """First pass: verdicts that need the text alone, empty sides and exact duplicates.

    The 128-bit hashes of all pairs go to disk, split by their first bits, so that each part can be searched
    for duplicates in memory.
    """

    def __init__(self, scratch: Path, config: CleaningConfig) -> None:
        """Use an empty directory for temporary files."""
        self._config = config
        self.n_characters = np.zeros(2, dtype=np.int64)
        """Of source and target, over all pairs."""
        self._n = 0
        self._verdict_path = scratch / "verdicts"
        self._paths = [scratch / f"hashes-{i:03d}" for i in range(_N_PARTITIONS)]
        with ExitStack() as stack:
            self._verdicts = stack.enter_context(self._verdict_path.open("wb", buffering=1 << 16))
            self._parts = [stack.enter_context(path.open("wb", buffering=1 << 15)) for path in self._paths]
            self._files = stack.pop_all()

    def add(self, src: Sequence[str], tgt: Sequence[str]) -> None:
        """Take the next pairs."""
        empty = [not s or not t or s.isspace() or t.isspace() for s, t in zip(src, tgt, strict=True)]
        self._verdicts.write(np.where(empty, EMPTY, 0).astype(np.uint8).tobytes())
        if self._config.drop_duplicates:
            # A segment holds no line feed, so that joining the sides with one is unambiguous.
            digest = xxhash.xxh3_128_digest
            digests = b"".join([digest(f"{s}\n{t}".encode()) for s, t in zip(src, tgt, strict=True)])
            self._write_hashes(np.frombuffer(digests, dtype="<u8").reshape(-1, 2))
        self._n += len(src)
        self.n_characters += [sum(map(len, src)), sum(map(len, tgt))]

    def finish(self) -> Verdicts:
        """The verdicts of all pairs so far, uint8 (n,), mapped from disk; every occurrence but the first is dropped."""
        self._files.close()
        verdicts = np.memmap(self._verdict_path, dtype=np.uint8, mode="r+", shape=(self._n,))
        for path in self._paths:
            records = np.fromfile(path, dtype=_RECORD)
            path.unlink()
            # Stable, and records lie in the order of the corpus: equal hashes stay in that order.
            records = records[np.lexsort((records["low"], records["high"]))]
            again = (records["high"][1:] == records["high"][:-1]) & (records["low"][1:] == records["low"][:-1])
            pairs = records["pair"][1:][again]
            verdicts[pairs[verdicts[pairs] == 0]] = DUPLICATE
        return verdicts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def _write_hashes(self, hashes: NDArray[np.uint64]) -> None:
        records = np.empty(len(hashes), dtype=_RECORD)
        records["high"], records["low"] = hashes[:, 0], hashes[:, 1]
        records["pair"] = np.arange(self._n, self._n + len(hashes))
        part = (hashes[:, 0] % _N_PARTITIONS).astype(np.uint8)
        records = records[np.argsort(part, kind="stable")]
        stops = np.cumsum(np.bincount(part, minlength=_N_PARTITIONS))
        for file, records_of_part in zip(self._parts, np.split(records, stops[:-1]), strict=True):
            file.write(records_of_part.tobytes())


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
