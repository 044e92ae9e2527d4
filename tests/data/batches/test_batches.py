from itertools import islice

import numpy as np
import pyarrow as pa
import pytest
import torch

from mtkit.data.batches import batches as batches_module
from mtkit.data.batches.batch import Batch, collate, padding_share
from mtkit.data.batches.batches import BatchPlan, fixed_batches
from mtkit.data.corpus.store import Store, StoreWriter, id_lists
from mtkit.data.tokens.special import OWN

N = 300


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Pairs whose ids tell which they are: source and target of pair i hold nothing but 100 + i."""
    rng = np.random.default_rng(1)
    src_lengths = rng.integers(0, 12, N)
    tgt_lengths = np.maximum(src_lengths + rng.integers(-2, 3, N), 1)
    directory = tmp_path_factory.mktemp("store") / "train"
    with StoreWriter(directory, corpus_names=["toy"], vocab_size=100 + N) as writer:
        for start in range(0, N, 64):
            rows = np.arange(start, min(start + 64, N))
            sides = (lengths[rows] for lengths in (src_lengths, tgt_lengths))
            src_ids, tgt_ids = (id_lists(np.repeat(100 + rows, lengths), lengths) for lengths in sides)
            text = pa.array([""] * len(rows))
            writer.write(src_ids, tgt_ids, text, text, corpus=0)
    return Store.open(directory)


def pairs_of(batches: list[Batch]) -> list[int]:
    """Which pairs are in the batches, in order."""
    return [int(row[0]) - 100 for batch in batches for row in batch.tgt_out]


def one_epoch(plan: BatchPlan) -> list[list[Batch]]:
    updates, epoch = [], plan.epoch
    for update in plan:
        updates.append(update)
        if plan.epoch > epoch:
            break
    return updates


def same(a: list[list[Batch]], b: list[list[Batch]]) -> bool:
    flat_a, flat_b = ([batch for update in updates for batch in update] for updates in (a, b))
    return [len(u) for u in a] == [len(u) for u in b] and all(
        torch.equal(x.src, y.src) and torch.equal(x.tgt_in, y.tgt_in) and torch.equal(x.tgt_out, y.tgt_out)
        for x, y in zip(flat_a, flat_b, strict=True)
    )


def test_collation_pads_on_the_right_between_bos_and_eos() -> None:
    batch = collate([[5, 6, 7], [], [8]], [[9], [10, 11], []], OWN)
    assert batch.src.tolist() == [[5, 6, 7, 3], [3, 0, 0, 0], [8, 3, 0, 0]]
    assert batch.tgt_in.tolist() == [[2, 9, 0], [2, 10, 11], [2, 0, 0]]
    assert batch.tgt_out.tolist() == [[9, 3, 0], [10, 11, 3], [3, 0, 0]]
    assert batch.src_lengths.tolist() == [4, 1, 2]
    assert (batch.n_src_tokens, batch.n_tgt_tokens) == (7, 6)
    for tensor in (batch.src, batch.tgt_in, batch.tgt_out, batch.src_lengths):
        assert tensor.dtype == torch.int64


def test_views_of_a_store_collate_as_lists_do(store: Store) -> None:
    rows = [3, 70, 299]
    views = collate([store.src_ids(i) for i in rows], [store.tgt_ids(i) for i in rows], OWN)
    lists = collate([store.src_ids(i).tolist() for i in rows], [store.tgt_ids(i).tolist() for i in rows], OWN)
    assert same([[views]], [[lists]])


def test_rows_of_several_chunks_collate_in_their_order(store: Store) -> None:
    rows = np.array([299, 3, 70, 4, 298, 3])  # the store was written in chunks of 64
    for side, one in ((0, store.src_ids), (1, store.tgt_ids)):
        ids, lengths = store.gather(rows)[side]
        assert lengths.tolist() == [len(one(row)) for row in rows.tolist()]
        assert ids.tolist() == np.concatenate([one(row) for row in rows.tolist()]).tolist()


def test_a_batch_moves_as_a_whole() -> None:
    moved = collate([[5]], [[6]], OWN).to("meta")
    assert {t.device.type for t in (moved.src, moved.tgt_in, moved.tgt_out, moved.src_lengths)} == {"meta"}
    assert moved.n_tgt_tokens == 2


@pytest.mark.parametrize("window", [N, 10])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_an_epoch_holds_every_pair_once(
    store: Store, accumulate: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "_BLOCK", 8)
    plan = BatchPlan(store, special=OWN, batch_tokens=90, accumulate=accumulate, seed=1, window=window)
    for epoch in (1, 2):
        updates = one_epoch(plan)
        assert sorted(pairs_of([batch for update in updates for batch in update])) == list(range(N))
        assert plan.epoch == epoch


def test_an_update_holds_its_tokens_on_average_and_never_half_as_many_again(store: Store) -> None:
    updates = one_epoch(BatchPlan(store, special=OWN, batch_tokens=600, accumulate=3, seed=1))
    sizes = [sum(batch.n_tgt_tokens for batch in update) for update in updates]
    assert max(sizes) <= 1.5 * 600
    assert np.mean(sizes[:-1]) == pytest.approx(600, rel=0.15)
    assert {len(update) for update in updates[:-1]} == {3}


def test_a_pair_beyond_the_budget_makes_a_batch_of_its_own(store: Store) -> None:
    updates = one_epoch(BatchPlan(store, special=OWN, batch_tokens=5, seed=1))
    assert all(len(batch.src) == 1 or batch.n_tgt_tokens <= 7 for [batch] in updates)
    assert max(batch.n_tgt_tokens for [batch] in updates) > 7


def test_the_order_is_decided_by_seed_and_epoch(store: Store) -> None:
    plan, again, other = (BatchPlan(store, special=OWN, batch_tokens=90, seed=seed) for seed in (1, 1, -1))
    first, second = one_epoch(plan), one_epoch(plan)
    assert same(first, one_epoch(again))
    assert not same(first, second)
    assert not same(first, one_epoch(other))
    later = BatchPlan(store, special=OWN, batch_tokens=90, seed=1)
    later.load_state_dict({"epoch": 1, "window": 0, "update": 0})
    assert same(second, one_epoch(later))


def test_pairs_meet_others_in_the_next_epoch(store: Store) -> None:
    plan = BatchPlan(store, special=OWN, batch_tokens=60, seed=1)
    first, second = ({frozenset(pairs_of([batch])) for [batch] in one_epoch(plan)} for _ in range(2))
    assert len(first & second) < 0.9 * len(first)


def test_lengths_are_mixed_in_time(store: Store) -> None:
    widths = np.array(
        [batch.tgt_in.shape[1] for [batch] in one_epoch(BatchPlan(store, special=OWN, batch_tokens=60, seed=1))]
    )
    step = np.abs(np.diff(widths)).mean()
    distance = np.abs(widths[:, None] - widths).mean()
    assert step > 0.7 * distance


@pytest.mark.parametrize("window", [N, 60])
def test_a_plan_goes_on_from_any_update_as_if_never_stopped(
    store: Store, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "_BLOCK", 16)

    def new_plan() -> BatchPlan:
        return BatchPlan(store, special=OWN, batch_tokens=150, accumulate=2, seed=7, window=window)

    plan = new_plan()
    n_updates = 2 * len(one_epoch(new_plan())) + 3
    expected, states = [], [plan.state_dict()]
    for update in islice(plan, n_updates):
        expected.append(update)
        states.append(plan.state_dict())
    for n_done in range(n_updates):
        resumed = new_plan()
        resumed.load_state_dict(states[n_done])
        n_ahead = min(2, n_updates - n_done)
        assert same(list(islice(resumed, n_ahead)), expected[n_done : n_done + n_ahead])
        assert resumed.state_dict() == states[n_done + n_ahead]


@pytest.mark.parametrize("window", [N, 60])
def test_prefetched_updates_and_positions_are_those_of_the_plan(
    store: Store, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "_BLOCK", 16)
    plain, prefetching = (
        BatchPlan(store, special=OWN, batch_tokens=150, accumulate=2, seed=7, window=window) for _ in range(2)
    )
    for _ in range(2):  # the second time from the middle of an epoch, with updates in the queue that nobody took
        with prefetching.prefetched(3) as updates:
            for mine, theirs in zip(islice(plain, 15), updates, strict=False):
                assert same([mine], [theirs])
                assert plain.state_dict() == prefetching.state_dict()


def test_the_widest_micro_batches_bound_all_others(store: Store) -> None:
    plan = BatchPlan(store, special=OWN, batch_tokens=200, accumulate=2, seed=1)
    widest = plan.widest()
    batches = [batch for update in one_epoch(plan) for batch in update]
    for size in (lambda b: b.src.numel() + b.tgt_in.numel(), lambda b: max(b.src.size(1), b.tgt_in.size(1))):
        assert max(map(size, widest)) == max(map(size, batches))
    assert plan.epoch == 1


def test_parts_hold_the_pairs_of_the_whole_without_needless_padding() -> None:
    first, second = collate([[5], [6, 7], [8, 9, 10, 11]], [[12, 13, 14], [], [15]], OWN).parts(2, OWN.pad)
    assert first.src.tolist() == [[5, 3]]
    assert second.src.tolist() == [[6, 7, 3, 0, 0], [8, 9, 10, 11, 3]]
    assert first.tgt_in.tolist() == [[2, 12, 13, 14]]
    assert second.tgt_in.tolist() == [[2, 0], [2, 15]]
    assert second.tgt_out.tolist() == [[3, 0], [15, 3]]
    assert second.src_lengths.tolist() == [3, 5]
    assert [(b.n_src_tokens, b.n_tgt_tokens) for b in (first, second)] == [(2, 4), (8, 3)]


def test_a_position_is_a_few_whole_numbers(store: Store) -> None:
    plan = BatchPlan(store, special=OWN, batch_tokens=90, seed=1)
    next(iter(plan))
    assert plan.state_dict() == {"epoch": 0, "window": 0, "update": 1}


def test_a_position_beyond_the_epoch_goes_on_with_the_next(store: Store) -> None:
    plan = BatchPlan(store, special=OWN, batch_tokens=90, seed=1)
    plan.load_state_dict({"epoch": 0, "window": 0, "update": 10_000})
    next(iter(plan))
    assert plan.state_dict() == {"epoch": 1, "window": 0, "update": 1}


def test_validation_batches_hold_every_pair_once_and_are_always_the_same(store: Store) -> None:
    first, second = (
        list(fixed_batches(store, OWN, 60, max_length=100)),
        list(fixed_batches(store, OWN, 60, max_length=100)),
    )
    assert sorted(pairs_of(first)) == list(range(N))
    assert same([first], [second])
    assert max(batch.n_tgt_tokens for batch in first) <= 90


def test_padding_share_counts_both_sides() -> None:
    # 4 + 2 of 8 source and 2 + 3 of 6 target positions are real.
    assert padding_share([collate([[5] * 3, [5]], [[6], [6, 6]], OWN)]) == pytest.approx(3 / 14)


@pytest.mark.parametrize("n_done", [0, 1, 7])
def test_the_rows_between_two_positions_are_those_of_the_updates_between_them(store: Store, n_done: int) -> None:
    plan = BatchPlan(store, special=OWN, batch_tokens=200, accumulate=2, seed=3)
    list(islice(plan, n_done))
    start = plan.state_dict()
    n_between = 12  # past the end of the epoch
    expected = [pairs_of(update) for update in islice(plan, n_between)]
    assert plan.epoch == 1
    other = BatchPlan(store, special=OWN, batch_tokens=200, accumulate=2, seed=3)
    rows = [update.tolist() for update in other.rows_between(start if n_done else None, plan.state_dict())]
    assert [sorted(update) for update in rows] == [sorted(update) for update in expected]
    assert list(plan.rows_between(plan.state_dict(), plan.state_dict())) == []
    assert plan.is_later(plan.state_dict(), start)
    assert not plan.is_later(start, start)
    assert not plan.is_later(None, start)
    assert other.state_dict() == BatchPlan(store, special=OWN, batch_tokens=200).state_dict(), "it only looks"
