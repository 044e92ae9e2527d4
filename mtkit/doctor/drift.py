"""Where two sides stop translating each other line by line.

For each pair there is evidence, a log-likelihood ratio in nats, for source n belonging to target n + s, with s between
-MAX_SHIFT and MAX_SHIFT, against the two being strangers: how well their lengths fit (a bivariate normal of their
logarithms, in the spirit of Gale and Church, 1993), and whether they share numbers or capitalised words. The best
sequence of shifts, found by the algorithm of Viterbi over blocks of pairs, pays for each change. Where strangers
explain a stretch best, it has no shift at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_SHIFT = 5
_SHIFTS = range(-MAX_SHIFT, MAX_SHIFT + 1)
_STRANGERS = len(_SHIFTS)
"""The state after those of the shifts."""

_BLOCK = 8
_CHANGE_COST = 40.0
_MAX_EVIDENCE = 4.0
"""Most evidence of one pair: an outlier counts as much as a few plain pairs."""

_WINDOW = 512
_N_WINDOWS = 200
_FAR = 37
_MIN_SIGNS = 100
_MIN_PAIRS = 400
_MIN_SPREAD = 0.05
"""Standard deviation of the logarithm of the lengths."""

_MIN_CORRELATION, _MAX_CORRELATION = 0.3, 0.95
_STEP = 1 << 16

_LOG = np.log1p(np.arange(1 << 16))

Features = NDArray[np.void]
"""Rows of ``mtkit.doctor.chunks.FEATURES``, one for each pair."""


@dataclass(frozen=True)
class Stretch:
    """Pairs in a row that are not aligned as they should be."""

    first: int
    stop: int
    """Pairs of the source from ``first`` to before ``stop``, counted from 0; right to some ten pairs."""

    shift: int | None
    """Source n belongs to target n + shift; None where it belongs to none that is near."""


@dataclass(frozen=True)
class Alignment:
    """How two sides fit each other."""

    stretches: list[Stretch]
    curve: list[tuple[int, float]]
    """First pair of a window, and the correlation of the logarithms of the lengths in it, -1 to 1."""

    told: bool
    """False where it could not be judged: too few pairs, or lengths that hardly differ."""


@dataclass(frozen=True)
class _Model:
    """What lengths and signs of a pair are like."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    rho: float
    shared: tuple[float, float] | None
    """How often a pair that could share a sign does: aligned, and strangers."""


def align(features: Features) -> Alignment:
    """Find the stretches that are not aligned."""
    if len(features) < _MIN_PAIRS or _log_lengths(features[: 1 << 20]).std(axis=1).min() < _MIN_SPREAD:
        return Alignment([], [], told=False)
    model, curve = _model(features)
    if model is None:
        return Alignment([Stretch(0, len(features), None)], curve, told=True)
    scores = np.concatenate([_block_scores(features, start, model) for start in range(0, len(features), _STEP)])
    return Alignment(_stretches(scores, len(features)), curve, told=True)


def _model(features: Features) -> tuple[_Model | None, list[tuple[int, float]]]:
    """Learn from evenly spaced windows; None where no window has pairs that translate each other.

    Each window is taken at the shift that suits it, and those that no shift suits are left aside: a drift must not
    blur what is normal.
    """
    n = len(features)
    size = min(_WINDOW, n // 4)
    starts = [int(i) for i in np.linspace(0, n - size, min(_N_WINDOWS, n // size))]
    windows = [features[start : start + size] for start in starts]
    correlations = [[_correlation(window, shift) for shift in _SHIFTS] for window in windows]
    curve = [(start, row[MAX_SHIFT]) for start, row in zip(starts, correlations, strict=True)]
    fitting = [
        (window, int(np.argmax(row)) - MAX_SHIFT, max(row))
        for window, row in zip(windows, correlations, strict=True)
        # The correlation of strangers has a standard deviation of 1 / sqrt(size); this is the best of eleven.
        if max(row) > max(_MIN_CORRELATION, 4 / size**0.5)
    ]
    if not fitting:
        return None, curve
    lengths = np.concatenate([_log_lengths(window) for window in windows], axis=1)
    rho = float(np.median([correlation for _, _, correlation in fitting]))
    shared = _shared([window for window, _, _ in fitting], [shift for _, shift, _ in fitting])
    return _Model(lengths.mean(axis=1), lengths.std(axis=1), min(rho, _MAX_CORRELATION), shared), curve


def _log_lengths(features: Features) -> NDArray[np.float64]:
    """(2, n)."""
    return _LOG[np.stack([features["src"], features["tgt"]])]


def _correlation(window: Features, shift: int) -> float:
    src, tgt = _shifted(window, shift)
    x, y = _log_lengths(src)[0], _log_lengths(tgt)[1]
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 2 and x.std() > 0 and y.std() > 0 else 0.0


def _shifted(window: Features, shift: int) -> tuple[Features, Features]:
    """Sources n and targets n + shift, where both are in the window."""
    n = len(window)
    return window[max(-shift, 0) : n - max(shift, 0)], window[max(shift, 0) : n - max(-shift, 0)]


def _shared(windows: Sequence[Features], shifts: Sequence[int]) -> tuple[float, float] | None:
    """How often pairs with signs on both sides share one, aligned and as strangers; None where few have any."""
    rates = []
    for offset in (0, _FAR):
        sides = [_shifted(window, shift + offset) for window, shift in zip(windows, shifts, strict=True)]
        src = np.concatenate([src["src_mask"] for src, _ in sides])
        tgt = np.concatenate([tgt["tgt_mask"] for _, tgt in sides])
        both = (src != 0) & (tgt != 0)
        if np.count_nonzero(both) < _MIN_SIGNS:
            return None
        rates.append(float(np.clip(np.mean((src & tgt)[both] != 0), 0.02, 0.98)))
    return (rates[0], rates[1]) if rates[0] > rates[1] else None


def _block_scores(features: Features, start: int, model: _Model) -> NDArray[np.float32]:
    """Evidence for each state in each block of some pairs, (blocks, shifts + 1); none for being strangers."""
    n = min(_STEP, len(features) - start)
    first, stop = max(start - MAX_SHIFT, 0), min(start + n + MAX_SHIFT, len(features))
    margins = (first - (start - MAX_SHIFT), start + n + MAX_SHIFT - stop)
    src, tgt = features[start : start + n], features[first:stop]
    x = ((_LOG[src["src"]] - model.mean[0]) / model.sd[0]).astype(np.float32)
    y = np.pad(((_LOG[tgt["tgt"]] - model.mean[1]) / model.sd[1]).astype(np.float32), margins)
    tgt_mask = np.pad(tgt["tgt_mask"], margins)
    exists = np.pad(np.ones(len(tgt), dtype=np.float32), margins)
    starts = np.arange(0, n, _BLOCK)
    scores = np.zeros((len(starts), len(_SHIFTS) + 1), dtype=np.float32)
    for state in range(len(_SHIFTS)):
        there = slice(state, state + n)
        evidence = _length_evidence(x, y[there], model.rho)
        if model.shared is not None:
            evidence += _sign_evidence(src["src_mask"], tgt_mask[there], *model.shared)
        np.clip(evidence, -_MAX_EVIDENCE, _MAX_EVIDENCE, out=evidence)
        scores[:, state] = np.add.reduceat(evidence * exists[there], starts)
    return scores


def _length_evidence(x: NDArray[np.float32], y: NDArray[np.float32], rho: float) -> NDArray[np.float32]:
    """Log of the bivariate normal density over the product of the two normal ones, of standardised values."""
    spread = 2 * (1 - rho**2)
    return np.float32(-0.5 * np.log(1 - rho**2)) - (rho**2 / spread) * (x * x + y * y) + (2 * rho / spread) * (x * y)


def _sign_evidence(
    src: NDArray[np.uint64], tgt: NDArray[np.uint64], aligned: float, strangers: float
) -> NDArray[np.float32]:
    """Log of how much likelier it is that these signs are shared, or are not, where both sides have some."""
    log_ratios = np.array([0, np.log((1 - aligned) / (1 - strangers)), np.log(aligned / strangers)], dtype=np.float32)
    both = (src != 0) & (tgt != 0)
    return log_ratios[both.astype(np.int8) + ((src & tgt) != 0)]


def _stretches(scores: NDArray[np.float32], n: int) -> list[Stretch]:
    """The stretches of the best path through the blocks that are not at shift 0."""
    if not _may_change(scores):
        return []
    path = _best_path(scores)
    borders = [0, *(np.flatnonzero(path[1:] != path[:-1]) + 1).tolist(), len(path)]
    return [
        Stretch(first * _BLOCK, min(stop * _BLOCK, n), None if path[first] == _STRANGERS else _SHIFTS[path[first]])
        for first, stop in pairwise(borders)
        if path[first] != MAX_SHIFT
    ]


def _may_change(scores: NDArray[np.float32]) -> bool:
    """Whether any stretch is worth a change of shift: where none is, as in most corpora, there is no path to find."""
    gains = np.cumsum(scores - scores[:, [MAX_SHIFT]], axis=0, dtype=np.float64)
    lowest = np.minimum(np.minimum.accumulate(gains, axis=0), 0)
    return bool(np.any(gains - lowest > _CHANGE_COST))


def _best_path(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """The state of each block."""
    n_states = scores.shape[1]
    came_from = np.empty(scores.shape, dtype=np.int8)
    stay = np.arange(n_states)
    best = np.full(n_states, -_CHANGE_COST)
    best[MAX_SHIFT] = 0.0
    for block, row in enumerate(scores):
        leader = int(best.argmax())
        change = best[leader] - _CHANGE_COST
        came_from[block] = np.where(best >= change, stay, leader)
        best = np.maximum(best, change) + row
    path = np.empty(len(scores), dtype=np.int64)
    state = int(best.argmax())
    for block in range(len(scores) - 1, -1, -1):
        path[block] = state
        state = int(came_from[block, state])
    return path
