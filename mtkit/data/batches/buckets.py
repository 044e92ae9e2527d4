"""Cut pairs into batches of like length, on both sides at once.

Sorting by one side leaves the other ragged. Here the table of (source length, target length) is cut in two, again and
again, between two lengths of one side, each time where the least padding is to be expected of what the two parts will
still be cut into, until every part is one batch or holds a single pair of lengths.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Lengths = NDArray[np.int32]
Floats = NDArray[np.float64]

# A batch holds up to this many times the budget: cuts between two lengths cannot make all batches equal.
MAX_OVER = 1.5
# A batch may hold this many times its budget on either side, padding included.
MAX_PADDED = 2

# What one more batch costs, and a target token that a batch lacks to half the budget, in positions of padding: weighed
# so that batches hold about the budget on average and there are no very small ones among them.
_BATCH_PRICE = 0.05
_LACK_PRICE = 4
# Costs vary by this share at random, so that another draw cuts elsewhere.
_NOISE = 0.3


def cut_by_length(src: Lengths, tgt: Lengths, *, budget: int, rng: np.random.Generator) -> list[Rows]:
    """Partition pairs into batches of about ``budget`` target tokens each, with little padding.

    Pairs of equal lengths are dealt out at random, and the cuts vary, so that another draw gives them other neighbours.

    Args:
        src: Source tokens of each pair, (n,), all above 0.
        tgt: Target tokens of each pair, (n,), all above 0.
        budget: Real target tokens of a batch on average, and ``MAX_OVER`` times this at most; with padding, neither
            side exceeds ``MAX_PADDED`` times this. A single pair that is longer makes a batch of its own.
        rng: Deals out the pairs.

    Returns:
        Indices into the lengths: every pair in one batch, the batches in no useful order.
    """
    if not len(src):
        return []
    src_values, src_at = np.unique(src, return_inverse=True)
    tgt_values, tgt_at = np.unique(tgt, return_inverse=True)
    cells = src_at * len(tgt_values) + tgt_at
    counts = np.bincount(cells, minlength=len(src_values) * len(tgt_values)).reshape(len(src_values), -1)
    part_of = np.zeros(counts.shape, dtype=np.int64)
    n_batches: list[int] = []
    todo = [(slice(0, len(src_values)), slice(0, len(tgt_values)))]
    while todo:
        src_part, tgt_part = _shrunk(counts, todo.pop())
        table, lengths = counts[src_part, tgt_part], (src_values[src_part], tgt_values[tgt_part])
        if table.size == 1 or _fits(table, *lengths, budget):
            part_of[src_part, tgt_part] = len(n_batches)
            n_batches.append(1 if table.size > 1 else _n_equal(int(table[0, 0]), *lengths, budget))
            continue
        side, at = _best_cut(table, *lengths, budget, rng)
        if side == 0:
            at += src_part.start
            todo += [(slice(src_part.start, at), tgt_part), (slice(at, src_part.stop), tgt_part)]
        else:
            at += tgt_part.start
            todo += [(src_part, slice(tgt_part.start, at)), (src_part, slice(at, tgt_part.stop))]
    rows = rng.permutation(len(src))
    of_rows = part_of.ravel()[cells[rows]]
    rows = rows[np.argsort(of_rows, kind="stable")]
    ends = np.cumsum(np.bincount(of_rows, minlength=len(n_batches)))
    return [
        batch
        for part_rows, n in zip(np.split(rows, ends[:-1]), n_batches, strict=True)
        for batch in np.array_split(part_rows, n)
    ]


def _shrunk(counts: Rows, part: tuple[slice, slice]) -> tuple[slice, slice]:
    """The part without the empty rows and columns at its edges."""
    table = counts[part]
    src, tgt = np.flatnonzero(table.any(1)), np.flatnonzero(table.any(0))
    return (
        slice(part[0].start + int(src[0]), part[0].start + int(src[-1]) + 1),
        slice(part[1].start + int(tgt[0]), part[1].start + int(tgt[-1]) + 1),
    )


def _fits(table: Rows, src: Lengths, tgt: Lengths, budget: int) -> bool:
    """Whether a part can be one batch as it is."""
    n, longest = int(table.sum()), max(int(src[-1]), int(tgt[-1]))
    return n == 1 or int(_n_batches(n, table.sum(0) @ tgt, longest, budget)) == 1


def _n_batches(n: Any, tgt_tokens: Any, longest: Any, budget: int) -> Any:
    """How many batches ``n`` pairs are to become, if one of them has the ``longest`` length on either side."""
    return np.maximum(np.maximum(tgt_tokens / budget + 0.5, np.ceil(n * longest / (MAX_PADDED * budget))) // 1, 1)


def _n_equal(n: int, src: Lengths, tgt: Lengths, budget: int) -> int:
    """How many batches ``n`` pairs of one and the same length become."""
    tgt_length, longest = int(tgt[0]), max(int(src[0]), int(tgt[0]))
    largest = max(1, min(int(MAX_OVER * budget / tgt_length), MAX_PADDED * budget // longest))
    return min(n, max(int(_n_batches(n, n * tgt_length, longest, budget)), -(-n // largest)))


def _best_cut(table: Rows, src: Lengths, tgt: Lengths, budget: int, rng: np.random.Generator) -> tuple[int, int]:
    """The cut with the lowest expected cost: the side that it cuts, and where its second half begins."""
    costs = np.concatenate([_costs(table, src, tgt, budget, tgt_at=2), _costs(table.T, tgt, src, budget, tgt_at=1)])
    best = int(np.argmin(costs * rng.uniform(1, 1 + _NOISE, len(costs))))
    side = int(best >= len(src) - 1)
    return side, best + 1 - side * (len(src) - 1)


def _costs(table: Rows, own: Lengths, other: Lengths, budget: int, *, tgt_at: int) -> Floats:
    """Expected cost of both halves, for each cut between two rows of the table, which are ``own`` lengths."""
    n = table.sum(1)
    sums = np.cumsum([n, n * own, table @ other], axis=1, dtype=np.float64)  # pairs, tokens of own and of other
    widest = np.where(table > 0, other, 0).max(1)
    before, after = np.maximum.accumulate(widest)[:-1], np.maximum.accumulate(widest[::-1])[::-1][1:]
    left, right = sums[:, :-1], sums[:, -1:] - sums[:, :-1]
    return _expected(left, own[:-1], before, budget, tgt_at) + _expected(right, own[-1], after, budget, tgt_at)


def _expected(sums: Floats, own_max: Any, other_max: Any, budget: int, tgt_at: int) -> Floats:
    """Cost of parts that are still to be cut: their padding, if it is evenly spread, and the price of their batches.

    Cut into a x b batches, a part keeps 1/a of the padding on one side and 1/b of that on the other; for a given
    number of batches the best a has a closed form.
    """
    n = sums[0]
    n_batches = _n_batches(n, sums[tgt_at], np.maximum(own_max, other_max), budget)
    own_pad, other_pad = n * own_max - sums[1], n * other_max - sums[2]
    a = np.clip(np.sqrt(n_batches * (own_pad + 1) / (other_pad + 1)), 1, n_batches)
    lack = np.maximum(n_batches * budget / 2 - sums[tgt_at], 0)
    return own_pad / a + other_pad * a / n_batches + _BATCH_PRICE * budget * n_batches + _LACK_PRICE * lack
