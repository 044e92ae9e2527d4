import numpy as np
import pytest

from mtkit.data.batches.buckets import MAX_OVER, MAX_PADDED, Lengths, Rows, cut_by_length


def draw(n: int, seed: int = 0) -> tuple[Lengths, Lengths]:
    """Lengths like those of sentences and their translations."""
    rng = np.random.default_rng(seed)
    src = rng.gamma(6, 2.5, n).astype(np.int32) + 1
    return src, np.maximum(src * rng.normal(1.1, 0.15, n), 1).astype(np.int32)


def padding(batches: list[Rows], src: Lengths, tgt: Lengths) -> float:
    """Share of padding over both sides."""
    positions = sum(len(rows) * (int(src[rows].max()) + int(tgt[rows].max())) for rows in batches)
    return 1 - (int(src.sum()) + int(tgt.sum())) / positions


@pytest.mark.parametrize("budget", [1, 7, 100, 1_000, 10**9])
@pytest.mark.parametrize("n", [1, 2, 3, 50, 400])
def test_every_pair_is_in_one_batch_within_the_budget(n: int, budget: int) -> None:
    src, tgt = draw(n)
    batches = cut_by_length(src, tgt, budget=budget, rng=np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    for rows in batches:
        assert len(rows) == 1 or tgt[rows].sum() <= MAX_OVER * budget


def test_no_pairs_make_no_batches() -> None:
    none = np.zeros(0, dtype=np.int32)
    assert sum(map(len, cut_by_length(none, none, budget=10, rng=np.random.default_rng(1)))) == 0


def test_long_sources_cannot_swell_a_batch() -> None:
    rng = np.random.default_rng(1)
    tgt = np.full(500, 4, dtype=np.int32)
    src = np.where(np.arange(500) % 2, 90, 4).astype(np.int32)
    for rows in cut_by_length(src, tgt, budget=1_000, rng=rng):
        assert len(rows) * src[rows].max() <= MAX_PADDED * 1_000


def test_few_targets_do_not_bring_many_long_sources_together() -> None:
    src, tgt = np.arange(10, 70, dtype=np.int32), np.full(60, 2, dtype=np.int32)
    for rows in cut_by_length(src, tgt, budget=200, rng=np.random.default_rng(1)):
        assert len(rows) * src[rows].max() <= MAX_PADDED * 200


def test_there_is_less_padding_than_after_sorting_by_one_side() -> None:
    src, tgt = draw(20_000)
    budget = 3_000
    batches = cut_by_length(src, tgt, budget=budget, rng=np.random.default_rng(1))
    order = np.lexsort((src, tgt))
    by_one_side = np.split(order, np.flatnonzero(np.diff(np.cumsum(tgt[order]) // budget)) + 1)
    assert padding(batches, src, tgt) < 0.025
    assert padding(batches, src, tgt) < 0.5 * padding(by_one_side, src, tgt)


@pytest.mark.parametrize("budget", [300, 2_000, 10_000])
def test_batches_hold_the_budget_on_average_and_none_is_small(budget: int) -> None:
    src, tgt = draw(20_000)
    sizes = [int(tgt[rows].sum()) for rows in cut_by_length(src, tgt, budget=budget, rng=np.random.default_rng(1))]
    assert np.mean(sizes) == pytest.approx(budget, rel=0.1)
    assert np.quantile(sizes, 0.02) > 0.4 * budget
    assert max(sizes) <= MAX_OVER * budget


def test_the_more_pairs_the_less_padding() -> None:
    src, tgt = draw(200_000)
    batches = cut_by_length(src, tgt, budget=3_000, rng=np.random.default_rng(1))
    assert padding(batches, src, tgt) < 0.01


def test_pairs_of_equal_length_are_dealt_out_at_random() -> None:
    lengths = np.full(2_000, 10, dtype=np.int32)
    first, second = (cut_by_length(lengths, lengths, budget=400, rng=np.random.default_rng(i)) for i in (1, 2))
    assert {len(rows) for rows in first} == {40}
    place = np.empty(2_000, dtype=np.int64)
    for number, rows in enumerate(second):
        place[rows] = number
    n_together = [np.bincount(place[rows]).max() for rows in first]
    assert max(n_together) < 10


def test_another_draw_cuts_elsewhere() -> None:
    src, tgt = draw(2_000)
    first, second = (
        {frozenset(rows.tolist()) for rows in cut_by_length(src, tgt, budget=3_000, rng=np.random.default_rng(i))}
        for i in (1, 2)
    )
    assert len(first & second) < 0.5 * len(first)


def test_lengths_beyond_sixteen_bits_are_cut_too() -> None:
    lengths = np.array([65_539, 3, 65_540, 4], dtype=np.int32)
    batches = cut_by_length(lengths, lengths, budget=100, rng=np.random.default_rng(1))
    assert sorted(sorted(rows.tolist()) for rows in batches) == [[0], [1, 3], [2]]
