"""Which of many pairs are equal, found by their hashes, in memory that does not grow with the corpus."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

_N_PARTITIONS = 128
_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("pair", "<i8")])


class EqualHashes:
    """The hashes of all pairs, on disk, split by their first half so that each part can be searched in memory."""

    def __init__(self, scratch: Path) -> None:
        """Use an empty directory for temporary files."""
        self._n = 0
        self._paths = [scratch / f"hashes-{i:03d}" for i in range(_N_PARTITIONS)]
        with ExitStack() as stack:
            self._parts = [stack.enter_context(path.open("wb", buffering=1 << 15)) for path in self._paths]
            self._files = stack.pop_all()

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take the hashes of the next pairs, (n, 2): two halves, each even enough to be split by."""
        records = np.empty(len(hashes), dtype=_RECORD)
        records["high"], records["low"] = hashes[:, 0], hashes[:, 1]
        records["pair"] = np.arange(self._n, self._n + len(hashes))
        part = (hashes[:, 0] % _N_PARTITIONS).astype(np.uint8)
        records = records[np.argsort(part, kind="stable")]
        stops = np.cumsum(np.bincount(part, minlength=_N_PARTITIONS))
        for file, records_of_part in zip(self._parts, np.split(records, stops[:-1]), strict=True):
            file.write(records_of_part.tobytes())
        self._n += len(hashes)

    def parts(self) -> Iterator["Part"]:
        """All that was added, a part at a time; equal hashes are in the same part. To be called once."""
        self._files.close()
        for path in self._paths:
            records = np.fromfile(path, dtype=_RECORD)
            path.unlink()
            yield Part(records[np.lexsort((records["low"], records["high"]))])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()


class Part:
    """Some of the hashes, sorted; equal ones are neighbours."""

    def __init__(self, records: NDArray[np.void]) -> None:
        self._records = records

    def repeats(self, *, first_half: bool = False) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs that are not the first with their hash, and that first one for each of them.

        Args:
            first_half: Compare the first half of the hashes alone.
        """
        high, low, pairs = (self._records[field] for field in ("high", "low", "pair"))
        if not len(pairs):
            return pairs, pairs
        new = high[1:] != high[:-1]
        if not first_half:
            new |= low[1:] != low[:-1]
        starts = np.concatenate([[0], np.flatnonzero(new) + 1])
        first = np.repeat(np.minimum.reduceat(pairs, starts), np.diff(starts, append=len(pairs)))
        again = pairs != first
        return pairs[again], first[again]
