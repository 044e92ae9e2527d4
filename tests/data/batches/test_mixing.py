"""The mix of corpora: its arithmetic, and the plan that follows it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtkit.data.batches import mixed_batches
from mtkit.data.batches.batch import Batch
from mtkit.data.batches.mixed_batches import MixedPlan
from mtkit.data.batches.mixing import Corpus, Mix, apportion, mix_of, shuffled_run
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.store import Store, StoreWriter, id_lists
from mtkit.data.tokens.special import OWN
from mtkit.errors import ConfigError
from mtkit.settings.data import DataConfig
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.conftest import ToyData, WriteLines

SIZES = (40, 250, 7)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Pairs whose ids tell which they are: source and target of row i hold nothing but 100 + i."""
    rng = np.random.default_rng(1)
    directory = tmp_path_factory.mktemp("store") / "train"
    n = sum(SIZES)
    with StoreWriter(directory, corpus_names=["a", "b", "c"], vocab_size=100 + n) as writer:
        start = 0
        for number, size in enumerate(SIZES):
            rows, lengths = np.arange(start, start + size), rng.integers(1, 9, size)
            ids, text = id_lists(np.repeat(100 + rows, lengths), lengths), pa.array([""] * size)
            writer.write(ids, ids, text, text, corpus=number)
            start += size
    return Store.open(directory)


def mix_with(*weights: float | Mapping[int, float]) -> Mix:
    starts = np.cumsum([0, *SIZES]).tolist()
    curricula = [w if isinstance(w, Mapping) else {0: w} for w in weights]
    return Mix([Corpus(name, starts[i], starts[i + 1], curricula[i]) for i, name in enumerate("abc"[: len(weights)])])


def rows_of(updates: Sequence[list[Batch]]) -> list[int]:
    return [int(row[0]) - 100 for update in updates for batch in update for row in batch.tgt_out]


def corpora_of(rows: Sequence[int]) -> list[int]:
    return np.searchsorted(np.cumsum(SIZES), rows, side="right").tolist()


def same(a: Sequence[list[Batch]], b: Sequence[list[Batch]]) -> bool:
    return len(a) == len(b) and all(
        len(x) == len(y)
        and all(torch.equal(i.src, j.src) and torch.equal(i.tgt_out, j.tgt_out) for i, j in zip(x, y, strict=True))
        for x, y in zip(a, b, strict=True)
    )


def updates_of_window(plan: MixedPlan) -> list[list[Batch]]:
    window, updates = plan.state_dict()["window"], []
    for update in plan:
        updates.append(update)
        if plan.state_dict()["window"] > window:
            return updates
    raise AssertionError


def test_pairs_are_shared_out_by_largest_remainders() -> None:
    assert apportion(np.array([0.5, 0.3, 0.2]), 10).tolist() == [5, 3, 2]
    assert apportion(np.array([0.47, 0.34, 0.19]), 10).tolist() == [5, 3, 2]  # 4.7, 3.4, 1.9
    assert apportion(np.array([1 / 3, 1 / 3, 1 / 3]), 5).tolist() == [2, 2, 1]


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20), st.integers(0, 1_000_000))
def test_every_corpus_is_within_a_pair_of_its_share(weights: list[float], n: int) -> None:
    shares = np.array(weights) / sum(weights)
    counts = apportion(shares, n)
    assert counts.sum() == n
    assert np.abs(counts - shares * n).max() < 1
    assert counts.min() >= 0


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 50), st.lists(st.integers(1, 200), min_size=1, max_size=8))
def test_a_corpus_is_passed_through_whole_before_it_begins_again(n: int, block: int, cuts: list[int]) -> None:
    runs, start = [], 0
    for count in cuts:
        runs.append(shuffled_run(n, start, count, block=block, seed=[7]))
        start += count
    rows, passes = (np.concatenate([run[i] for run in runs]) for i in (0, 1))
    assert passes.tolist() == [i // n for i in range(start)]
    for number in range(start // n):
        assert sorted(rows[passes == number].tolist()) == list(range(n))
    last = rows[passes == start // n]
    assert len(set(last.tolist())) == len(last)
    whole = shuffled_run(n, 0, start, block=block, seed=[7])
    assert whole[0].tolist() == rows.tolist()


def test_passes_differ_and_depend_on_the_seed() -> None:
    rows, _ = shuffled_run(100, 0, 200, block=1, seed=[7])
    assert rows[:100].tolist() != rows[100:].tolist()
    assert rows[:100].tolist() != list(range(100))
    assert shuffled_run(100, 0, 100, block=1, seed=[8])[0].tolist() != rows[:100].tolist()


def test_a_curriculum_says_when_shares_change() -> None:
    mix = mix_with({0: 1.0, 10: 3.0}, {0: 1.0, 20: 1.0}, 1.0)
    assert mix.shares_at(0).tolist() == mix.shares_at(9).tolist() == pytest.approx([1 / 3] * 3)
    assert mix.shares_at(10).tolist() == pytest.approx([0.6, 0.2, 0.2])
    assert mix.next_change(0) == 10
    assert mix.next_change(10) is None  # the weight that is given for 20 is the one before


@pytest.mark.parametrize("window", [1_000, 90])
def test_windows_hold_the_mix_to_the_pair(store: Store, window: int) -> None:
    plan = MixedPlan(store, mix_with(2, 5, 1), special=OWN, batch_tokens=60, seed=3, window=window)
    seen: Counter[int] = Counter()
    for _ in range(12):
        rows = rows_of(updates_of_window(plan))
        counts = Counter(corpora_of(rows))
        for corpus, share in enumerate((2 / 8, 5 / 8, 1 / 8)):
            assert abs(counts[corpus] - share * len(rows)) < 1
        seen.update(rows)
    for start, size in zip(np.cumsum([0, *SIZES]), SIZES, strict=False):
        times = [seen[row] for row in range(start, start + size)]
        assert max(times) - min(times) <= 1, "a pair came again before all of its corpus were seen"
    assert plan.epoch == sum(seen.values()) // sum(SIZES)


def test_a_corpus_larger_than_a_window_is_read_in_blocks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_batches, "_BLOCK", 8)
    plan = MixedPlan(store, mix_with(1, 1, 1), special=OWN, batch_tokens=60, seed=3, window=60)
    rows = rows_of(updates_of_window(plan))
    of_b = sorted(row for row in rows if 40 <= row < 290)
    blocks = Counter((row - 40) // 8 for row in of_b)
    assert max(blocks.values()) == 8
    assert len(blocks) <= -(-len(of_b) // 8) + 2


def test_a_change_takes_effect_at_its_update_and_loses_no_pair(store: Store) -> None:
    mix = mix_with({0: 9.0, 13: 1.0, 40: 9.0}, 1.0)
    plan = MixedPlan(store, mix, special=OWN, batch_tokens=60, seed=5)
    updates: list[list[Batch]] = []
    starts = []
    while len(updates) < 60:
        starts.append(len(updates))
        updates += updates_of_window(plan)
    assert {13, 40} <= set(starts), "a change falls between two windows"
    shares = [np.mean([c == 0 for c in corpora_of(rows_of(updates[a:b]))]) for a, b in ((0, 13), (13, 40), (40, 60))]
    assert shares == pytest.approx([0.9, 0.5, 0.9], abs=0.03)
    times = Counter(rows_of(updates))
    of_a = [times[row] for row in range(40)]
    assert max(of_a) - min(of_a) <= 1
    sizes = [sum(batch.n_tgt_tokens for batch in update) for update in updates]
    assert np.mean(sizes) == pytest.approx(60, rel=0.25)


@settings(max_examples=15, deadline=None)
@given(
    n_done=st.integers(0, 60),
    weights=st.lists(st.floats(0.2, 5), min_size=3, max_size=3),
    change=st.integers(1, 50),
    window=st.sampled_from([80, 1_000]),
    accumulate=st.integers(1, 3),
)
def test_a_mix_goes_on_from_any_update_as_if_never_stopped(
    store: Store, n_done: int, weights: list[float], change: int, window: int, accumulate: int
) -> None:
    mix = mix_with({0: weights[0], change: 1.0}, *weights[1:])

    def new_plan() -> MixedPlan:
        return MixedPlan(store, mix, special=OWN, batch_tokens=80, accumulate=accumulate, seed=2, window=window)

    straight = new_plan()
    expected = list(islice(straight, n_done + 30))
    stopped = new_plan()
    list(islice(stopped, n_done))
    resumed = new_plan()
    resumed.load_state_dict(stopped.state_dict())
    assert same(list(islice(resumed, 30)), expected[n_done:])
    assert resumed.state_dict() == straight.state_dict()


def test_a_mix_is_decided_by_its_seed_and_prefetched_alike(store: Store) -> None:
    plans = [MixedPlan(store, mix_with(1, 1, 1), special=OWN, batch_tokens=60, seed=seed) for seed in (1, 1, 2)]
    first, other = list(islice(plans[0], 20)), list(islice(plans[2], 20))
    assert not same(first, other)
    with plans[1].prefetched() as updates:
        assert same(list(islice(updates, 20)), first)


def test_a_weight_too_small_to_be_seen_is_one_line(store: Store) -> None:
    with pytest.raises(ConfigError, match="the weight of a is so small that not one pair in 297"):
        MixedPlan(store, mix_with(1e-6, 1, 1), special=OWN, batch_tokens=60)


class TestOfARecipe:
    def test_no_weights_and_no_temperature_are_no_mix(self, toy_data: ToyData, tmp_path: Path) -> None:
        data = toy_data()
        prepared = prepare(data, TokenizerConfig(), tmp_path / "out")
        assert mix_of(data, prepared.manifest) is None

    def test_weights_and_temperature_become_shares(
        self, toy_data: ToyData, write_lines: WriteLines, tmp_path: Path
    ) -> None:
        few = {"src": write_lines("few.en", ["one", "two"]), "tgt": write_lines("few.de", ["eins", "zwei"])}
        many = toy_data().train[0].model_dump(include={"src", "tgt"})

        def mix(**changes: object) -> Mix:
            data = toy_data(**changes)
            found = mix_of(data, prepare(data, TokenizerConfig(), tmp_path / "out").manifest)
            assert found is not None
            return found

        weighted = mix(train=[{**many, "weight": 1}, {**few, "weight": {0: 1, 5: 3}}])
        assert [(c.name, c.start, c.stop) for c in weighted.corpora] == [("train", 0, 200), ("few", 200, 202)]
        assert weighted.shares_at(0).tolist() == [0.5, 0.5]
        assert weighted.shares_at(5).tolist() == [0.25, 0.75]
        # Neither needs the corpus to be prepared anew.
        tempered = mix(train=[many, few], mixing={"temperature": 2})
        assert tempered.shares_at(0).tolist() == pytest.approx([10 / 11, 1 / 11])  # the roots of 200 and 2

    @pytest.mark.parametrize("weight", [0, -1, "much", {}, {0: 0}, {0: 1, 5: -2}, {5: 1}, float("nan"), True])
    def test_a_weight_that_is_none_is_refused(self, toy_data: ToyData, weight: object) -> None:
        with pytest.raises(ValueError, match=r"positive number|begins with update 0"):
            toy_data(train=[{"src": "a", "tgt": "b", "weight": weight}])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"train": [{"src": "a", "tgt": "b", "weight": 1}, {"src": "c", "tgt": "d"}]}, r"train\.1: has no weight"),
            ({"train": [{"src": "a", "tgt": "b", "weight": 1}], "mixing": {"temperature": 5}}, "leave out either"),
            ({"valid": [{"src": "a", "tgt": "b", "weight": 1}]}, "only train takes a weight"),
        ],
    )
    def test_what_does_not_go_together_is_one_line(
        self, toy_data: ToyData, changes: dict[str, object], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            DataConfig.model_validate(toy_data().model_dump() | changes)
