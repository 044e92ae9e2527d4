"""A sample of pairs for what takes long: always the same for the same corpus, drawn while its size is not yet known."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mtkit.data.batches.splitmix import splitmix64
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
        places = np.arange(self._n + 1, self._n + len(chunk.src) + 1, dtype=np.uint64)
        keys = splitmix64(places)
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
