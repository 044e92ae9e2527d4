"""The mix of the corpora: from weights to how many pairs of each a window holds, and which.

Shapes: C corpora.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtkit.data.corpus.prepared import Manifest
from mtkit.errors import DataError
from mtkit.log import logger
from mtkit.settings.data import DataConfig

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Corpus:
    """The pairs of one source: rows of the store."""

    name: str
    start: int
    stop: int
    weights: Mapping[int, float]
    """Weight from each number of updates on; 0 is included."""

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Mix:
    """Corpora and how often each is seen."""

    corpora: Sequence[Corpus]

    def shares_at(self, update: int) -> Floats:
        """Share of the pairs of each corpus once ``update`` updates are done, float64 (C,), of sum 1."""
        weights = [corpus.weights[max(u for u in corpus.weights if u <= update)] for corpus in self.corpora]
        return np.array(weights) / sum(weights)

    def next_change(self, update: int) -> int | None:
        """The number of updates, more than ``update``, after which the shares are others; None if they stay."""
        later = sorted({u for corpus in self.corpora for u in corpus.weights if u > update})
        now = self.shares_at(update)
        return next((u for u in later if not np.array_equal(self.shares_at(u), now)), None)


def mix_of(data: DataConfig, manifest: Manifest) -> Mix | None:
    """The mix that a recipe asks for; None where every pair is to be seen equally often.

    Raises:
        DataError: If the prepared corpus has other training sources.
    """
    temperature = data.mixing.temperature
    if data.train[0].weight is None and temperature == 1:
        return None
    reports = manifest.of_place("train")
    if len(reports) != len(data.train):
        raise DataError(f"the prepared corpus has {len(reports)} training sources, the recipe {len(data.train)}")
    corpora, start = [], 0
    for source, report in zip(data.train, reports, strict=True):
        n = report["n_kept"]
        if n == 0:
            logger.warning("%s: no pair is left after cleaning; its weight goes to the others", report["name"])
            continue
        weights = source.weight or {0: n ** (1 / temperature)}
        corpora.append(Corpus(report["name"], start, start + n, weights))
        start += n
    return Mix(corpora)


def apportion(shares: Floats, n: int) -> Counts:
    """``n`` pairs shared out, each corpus within one pair of its share: the largest remainders are rounded up."""
    quotas = shares * n
    counts = np.floor(quotas).astype(np.int64)
    by_remainder = np.argsort(counts - quotas, kind="stable")
    counts[by_remainder[: n - int(counts.sum())]] += 1
    return counts


def shuffled_run(
    n_pairs: int, start: int, count: int, *, block: int, seed: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part of the endless passes through a corpus, each shuffled anew.

    Args:
        n_pairs: Pairs of the corpus.
        start: Pairs before the part, those of earlier passes too.
        count: Pairs of the part.
        block: Rows that stay neighbours.
        seed: Decides the orders, together with the number of the pass.

    Returns:
        The rows, counted from the beginning of the corpus, and the pass that each belongs to, both (count,).
    """
    rows, passes = [], []
    while count > 0:
        number, at = divmod(start, n_pairs)
        n = min(count, n_pairs - at)
        blocks = np.random.default_rng([*seed, number]).permutation(-(-n_pairs // block))
        sizes = np.minimum(block, n_pairs - blocks * block)
        ends = np.cumsum(sizes)
        first, last = np.searchsorted(ends, [at, at + n - 1], side="right")
        here = slice(int(first), int(last) + 1)
        before = int(ends[first] - sizes[first])
        order = np.arange(before, ends[last]) + np.repeat(blocks[here] * block - ends[here] + sizes[here], sizes[here])
        rows.append(order[at - before : at - before + n])
        passes.append(np.full(n, number, dtype=np.int64))
        start, count = start + n, count - n
    return np.concatenate(rows), np.concatenate(passes)
