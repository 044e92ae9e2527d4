"""Cut pairs into batches of like length, on both sides at once.

Sorting by one side leaves the other ragged. Here the plane of (source length, target length) is cut
in two, again and again, each time where it saves most padding, until every part is one batch.
"""

import math

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Lengths = NDArray[np.int32]

# A batch may hold this many times its budget on either side, padding included.
MAX_PADDED = 2

_N_CANDIDATES = 8
_SMALLEST_PART = 0.2


def cut_by_length(src: Lengths, tgt: Lengths, *, budget: int, rng: np.random.Generator) -> list[Rows]:
    """Partition pairs into batches of up to ``budget`` target tokens each, with little padding.

    Pairs of equal length are dealt out at random, so that another draw gives them other neighbours.

    Args:
        src: Source tokens of each pair, (n,), all above 0.
        tgt: Target tokens of each pair, (n,), all above 0.
        budget: Real target tokens of a batch; with padding, neither side exceeds ``MAX_PADDED`` times this.
            A single pair that is longer makes a batch of its own.
        rng: Deals out the pairs.

    Returns:
        Indices into the lengths: every pair in one batch, the batches in no useful order.
    """
    # NumPy sorts 16-bit keys by radix, several times faster.
    keys = [np.minimum(lengths, np.iinfo(np.uint16).max).astype(np.uint16) for lengths in (src, tgt)]
    n_tokens = int(tgt.sum(dtype=np.int64))
    # Room for about two pairs in each batch, so that a cut between pairs can keep to the budget.
    full = max(budget - 2 * n_tokens / max(len(src), 1), budget / 2)
    parts = [(rng.permutation(len(src)), math.ceil(n_tokens / full))]
    batches: list[Rows] = []
    while parts and len(src):
        rows, n_batches = parts.pop()
        if len(rows) <= 1 or (n_batches <= 1 and _fits(src[rows], tgt[rows], budget)):
            batches.append(rows)
            continue
        n_batches = max(n_batches, 2)
        smallest = max(int(n_batches * _SMALLEST_PART), 1)
        counts = np.sort(rng.permutation(np.arange(smallest, n_batches - smallest + 1))[:_N_CANDIDATES])
        orders = [np.argsort(key[rows], kind="stable") for key in keys]
        cuts = [_best_cut(src[rows[order]], tgt[rows[order]], counts, n_batches, budget) for order in orders]
        side = int(cuts[1][0] < cuts[0][0])
        _, at, n_left = cuts[side]
        left = np.zeros(len(rows), dtype=bool)
        left[orders[side][:at]] = True
        # Taking the rows by mask keeps them shuffled: pairs of equal length go left or right by chance.
        for part, n in ((rows[left], n_left), (rows[~left], n_batches - n_left)):
            parts.append((part, min(n, math.ceil(int(tgt[part].sum(dtype=np.int64)) / full))))
    return batches


def _fits(src: Lengths, tgt: Lengths, budget: int) -> bool:
    padded = len(src) * max(int(src.max()), int(tgt.max()))
    return int(tgt.sum()) <= budget and padded <= MAX_PADDED * budget


def _best_cut(src: Lengths, tgt: Lengths, counts: Rows, n_batches: int, budget: int) -> tuple[int, int, int]:
    """Of the cuts through sorted pairs that leave ``counts`` batches to the left, the one with the least padding.

    Returns:
        Positions after the cut, padding included; pairs to the left; batches to the left.
    """
    ends = np.cumsum(tgt, dtype=np.int64)
    wanted = ends[-1] * counts // n_batches
    wanted = np.clip(wanted, ends[-1] - (n_batches - counts) * budget, counts * budget)
    at, first = np.unique(np.clip(np.searchsorted(ends, wanted, side="right"), 1, len(src) - 1), return_index=True)
    (src_left, src_right), (tgt_left, tgt_right) = _widest(src, at), _widest(tgt, at)
    positions = (src_left + tgt_left) * at + (src_right + tgt_right) * (len(src) - at)
    best = int(np.argmin(positions))
    return int(positions[best]), int(at[best]), int(counts[first[best]])


def _widest(lengths: Lengths, cuts: Rows) -> tuple[Rows, Rows]:
    """Largest length before each cut, and after it."""
    largest = np.maximum.reduceat(lengths, np.concatenate([[0], cuts])).astype(np.int64)
    return np.maximum.accumulate(largest)[:-1], np.maximum.accumulate(largest[::-1])[::-1][1:]
