"""A sample of pairs for what takes long: always the same for the same corpus, drawn while its size is not yet known."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtkit.doctor.chunks import Chunk

_MAX_CHARACTERS = 500


class SampledPair(NamedTuple):
    """A pair and where it stands."""

    source: int
    pair: int
    """Place of the pair in the files of the source, counted from 0."""

    src: str
    tgt: str
    """The first few hundred characters of each side."""


@dataclass
class _Drawn:
    key: int
    pair: SampledPair


class PairSample:
    """The ``size`` pairs of the lowest keys, a key being a hash of the place: as if drawn at random."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._limit = np.uint64(np.iinfo(np.uint64).max)
        self._drawn: list[_Drawn] = []
        self._n = 0

    def add(self, chunk: Chunk) -> None:
        """Take the next pairs."""
        keys = _keys(self._n, len(chunk.src))
        self._n += len(keys)
        for row in np.flatnonzero(keys <= self._limit).tolist():
            src, tgt = chunk.src[row][:_MAX_CHARACTERS], chunk.tgt[row][:_MAX_CHARACTERS]
            self._drawn.append(_Drawn(int(keys[row]), SampledPair(chunk.source, chunk.place(row), src, tgt)))
        if len(self._drawn) > 2 * self._size:
            self._shrink()

    def pairs(self) -> list[SampledPair]:
        """The sample, in the order of the corpus."""
        self._shrink()
        return sorted(drawn.pair for drawn in self._drawn)

    def _shrink(self) -> None:
        self._drawn = sorted(self._drawn, key=lambda drawn: drawn.key)[: self._size]
        if len(self._drawn) == self._size:
            self._limit = np.uint64(self._drawn[-1].key)


def _keys(first: int, n: int) -> NDArray[np.uint64]:
    """A hash of each of the numbers from ``first`` on (SplitMix64; Steele, Lea and Flood, 2014)."""
    z = np.arange(first + 1, first + n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
