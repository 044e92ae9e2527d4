"""The search for equal keys in a corpus of any size: hashes go to disk, split so that each part fits into memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import xxhash
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
"""128-bit hashes, (n, 2)."""

_N_PARTS = 128
_RUN_RECORDS = 1 << 18
"""Records held in memory before they are sorted into parts and written: 6 MB."""

_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8")])
_Records = np.ndarray[tuple[int], np.dtype[np.void]]


def hashes_of(keys: Iterable[bytes]) -> Hashes:
    """Hash keys (XXH3, 128 bits: among 10**9 keys two are taken for the same with a probability of 10**-21)."""
    digests = b"".join(map(xxhash.xxh3_128_digest, keys))
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


class Group(NamedTuple):
    """Some rows, (n,), and which of them begin a new key."""

    rows: NDArray[np.int64]
    new: NDArray[np.bool_]
    new_high: NDArray[np.bool_]
    """Whether a row begins a new first half of the hash, for callers that hash two things."""


class EqualKeys:
    """Rows with their keys; finds those whose key another row has too."""

    def __init__(self, path: Path) -> None:
        """Write to a file that must not exist yet; it is removed at the end."""
        self._path = path
        self._file = path.open("x+b")
        self._waiting: list[_Records] = []
        self._n_waiting = 0
        self._runs: list[NDArray[np.int64]] = []
        """Bounds of the parts of each run, in records, (parts + 1,)."""

    def add(self, hashes: Hashes, rows: NDArray[np.int64]) -> None:
        """Take the next rows; their numbers grow from call to call."""
        records = np.empty(len(hashes), dtype=_RECORD)
        records["high"], records["low"], records["row"] = hashes[:, 0], hashes[:, 1], rows
        self._waiting.append(records)
        self._n_waiting += len(records)
        if self._n_waiting >= _RUN_RECORDS:
            self._write_run()

    def groups(self) -> Iterator["Group"]:
        """Rows part by part, equal keys side by side in the order of their rows; a key has all its rows in one part."""
        self._write_run()
        for part in range(_N_PARTS):
            records = self._part(part)
            # Stable, and records lie in the order of their rows: equal hashes stay in that order.
            records = records[np.lexsort((records["low"], records["high"]))]
            new_high, new_low = (
                np.concatenate([np.ones(min(len(half), 1), bool), half[1:] != half[:-1]])
                for half in (records["high"], records["low"])
            )
            yield Group(records["row"], new_high | new_low, new_high)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _write_run(self) -> None:
        if not self._waiting:
            return
        records = np.concatenate(self._waiting)
        self._waiting, self._n_waiting = [], 0
        part = (records["high"] % np.uint64(_N_PARTS)).astype(np.uint8)
        start = self._runs[-1][-1] if self._runs else 0
        self._runs.append(start + np.cumsum([0, *np.bincount(part, minlength=_N_PARTS)]))
        self._file.write(records[np.argsort(part, kind="stable")].tobytes())

    def _part(self, part: int) -> _Records:
        pieces = [np.empty(0, dtype=_RECORD)]
        for stops in self._runs:
            start, stop = (int(stops[i]) * _RECORD.itemsize for i in (part, part + 1))
            self._file.seek(start)
            pieces.append(np.frombuffer(self._file.read(stop - start), dtype=_RECORD))
        return np.concatenate(pieces)


def later_ones(rows: NDArray[np.int64], new: NDArray[np.bool_], counts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows that count and whose key an earlier row that counts has.

    Args:
        rows: As ``EqualKeys.groups`` gives them, (n,).
        new: Whether a row begins a new key, (n,).
        counts: Whether a row counts, (n,).
    """
    key = np.cumsum(new)[counts]
    again = key[1:] == key[:-1]
    return rows[counts][1:][again]


def repeats(rows: NDArray[np.int64], new: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are not the first with their key, and that first one for each of them."""
    starts = np.flatnonzero(new)
    if not len(starts):
        return rows, rows
    first = np.repeat(np.minimum.reduceat(rows, starts), np.diff(starts, append=len(rows)))
    again = rows != first
    return rows[again], first[again]
