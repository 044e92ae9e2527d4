"""How long segments are, how the two sides of a pair compare, and which pairs stand out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtkit.doctor.chunks import FEATURES, MAX_LENGTH

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

RATIO_BINS = 50
"""Bins per doubling of the ratio."""

_MAX_DOUBLINGS = 8
_SOFTENING = 10.0
"""Characters that count on both sides: Hi! and Grüß Gott! fit each other."""

_MAX_DEVIATION = np.log(3.0)
_STEP = 1 << 20


class Lengths:
    """Exact histograms, whatever the size of the corpus."""

    def __init__(self) -> None:
        self.characters = np.zeros((2, MAX_LENGTH + 1), dtype=np.int64)
        self.words = np.zeros((2, MAX_LENGTH + 1), dtype=np.int64)
        self.ratios = np.zeros(2 * _MAX_DOUBLINGS * RATIO_BINS + 1, dtype=np.int64)
        """Histogram of target per source characters, in pairs without an empty side: bins even in the logarithm."""

    def add(self, features: NDArray[np.void], n_words: NDArray[np.uint16]) -> None:
        """Take the lengths of some pairs."""
        assert features.dtype == FEATURES
        for side, name in enumerate(("src", "tgt")):
            self.characters[side] += np.bincount(features[name], minlength=MAX_LENGTH + 1)
            self.words[side] += np.bincount(n_words[side], minlength=MAX_LENGTH + 1)
        src, tgt = _both_sides(features)
        bins = np.rint(np.log2(tgt / src) * RATIO_BINS) + _MAX_DOUBLINGS * RATIO_BINS
        self.ratios += np.bincount(np.clip(bins, 0, len(self.ratios) - 1).astype(int), minlength=len(self.ratios))

    def ratio_of(self, rank: float) -> float:
        """The quantile of the ratios, to some 1.4 %."""
        return float(2.0 ** (quantile(self.ratios, rank) / RATIO_BINS - _MAX_DOUBLINGS))


def quantile(histogram: NDArray[np.int64], rank: float) -> int:
    """The smallest value that at least a share ``rank`` of all values does not exceed; 0 without values."""
    cumulated = np.cumsum(histogram)
    return int(np.searchsorted(cumulated, max(rank * cumulated[-1], 1))) if cumulated[-1] else 0


@dataclass(frozen=True)
class Outliers:
    """Pairs whose lengths do not fit each other."""

    count: int
    worst: list[int]
    """Pairs, counted from 0; the worst first."""


def outliers(features: NDArray[np.void], ratio: float, n_worst: int) -> Outliers:
    """Pairs whose ratio is more than three times, or less than a third, of what is usual.

    Args:
        features: Features of all pairs of a source.
        ratio: The usual one, of target to source characters.
        n_worst: How many to name.
    """
    count = 0
    worst: list[tuple[float, int]] = []
    for start in range(0, len(features), _STEP):
        rows = features[start : start + _STEP]
        src, tgt = rows["src"].astype(float), rows["tgt"].astype(float)
        deviation = np.abs(np.log((tgt + _SOFTENING) / (ratio * src + _SOFTENING)))
        deviation[(src == 0) | (tgt == 0)] = 0
        found = np.flatnonzero(deviation > _MAX_DEVIATION)
        count += len(found)
        by_size = found[np.argsort(-deviation[found], kind="stable")][:n_worst]
        worst += [(-float(deviation[row]), start + int(row)) for row in by_size]
        worst = sorted(worst)[:n_worst]
    return Outliers(count, [pair for _, pair in worst])


def _both_sides(features: NDArray[np.void]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths of both sides of the pairs without an empty one."""
    whole = features[(features["src"] > 0) & (features["tgt"] > 0)]
    return whole["src"].astype(float), whole["tgt"].astype(float)
