"""Pairs of held-out sets that stand in training too: found by hashes, 64 bytes for each of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtkit.data.cleaning.filters import hashes_of
from mtkit.data.sources.pairs import Pairs

WAYS = ("leaked_pairs", "leaked_near_pairs", "leaked_sources", "leaked_near_sources")
"""How a held-out pair may occur in training, the worst first."""

_HASHES, _ORDER = "held-out-hashes.npy", "held-out-order.npy"

Leaks = list[tuple[int, int, int]]
"""Row of a chunk, number of a held-out pair, and the way of ``WAYS``."""


@dataclass(frozen=True)
class HeldOutIndex:
    """The hashes of all held-out pairs, in each of the ways that they may be alike to one of training; on disk, so that
    all processes share them.
    """

    hashes: NDArray[np.uint64]
    """(4, n), each row sorted."""

    order: NDArray[np.int64]
    """(4, n): the number of the pair that each hash is of."""

    def leaks(self, hashes: NDArray[np.uint64], pairs: Pairs) -> Leaks:
        """The held-out pairs that some training pairs are alike to: each once, in the worst way.

        Args:
            hashes: Hashes of the training pairs, (n, 2): near and exact.
            pairs: The training pairs.
        """
        found: dict[int, tuple[int, int]] = {}
        for way, ours in enumerate((hashes[:, 1], hashes[:, 0], *_src_hashes(pairs))):
            # Each hash once: ten thousand times Yes. against a thousand are not ten million leaks.
            different, rows = np.unique(ours, return_index=True)
            theirs = self.hashes[way]
            starts, stops = np.searchsorted(theirs, different, "left"), np.searchsorted(theirs, different, "right")
            for i in np.flatnonzero(stops > starts).tolist():
                row = int(rows[i])
                if pairs.src[row] and not pairs.src[row].isspace():
                    for number in self.order[way][starts[i] : stops[i]].tolist():
                        found.setdefault(number, (row, way))
        return [(row, number, way) for number, (row, way) in found.items()]


def save_held_out(chunks: Iterable[Pairs], directory: Path) -> None:
    """Write the hashes of all held-out pairs for ``load_held_out``."""
    found = [np.vstack([pair_hashes(chunk).T[::-1], _src_hashes(chunk)]) for chunk in chunks]
    hashes = np.concatenate(found, axis=1) if found else np.empty((len(WAYS), 0), dtype=np.uint64)
    order = np.argsort(hashes, axis=1, kind="stable")
    np.save(directory / _HASHES, np.take_along_axis(hashes, order, axis=1))
    np.save(directory / _ORDER, order)


@lru_cache(maxsize=1)
def load_held_out(directory: Path) -> HeldOutIndex:
    """Map what was saved; once in each process."""
    return HeldOutIndex(np.load(directory / _HASHES, mmap_mode="r"), np.load(directory / _ORDER, mmap_mode="r"))


def pair_hashes(pairs: Pairs) -> NDArray[np.uint64]:
    """Hashes of pairs, (n, 2): of what is alike in near duplicates, and of the pair exactly."""
    return np.stack([hashes_of(pairs, "pair", near=near) for near in (True, False)], axis=1)


def _src_hashes(pairs: Pairs) -> NDArray[np.uint64]:
    """Hashes of sources, (2, n): exactly, and of what is alike in near duplicates."""
    return np.stack([hashes_of(pairs, "src", near=near) for near in (False, True)])
