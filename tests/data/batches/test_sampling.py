"""Sampling of whole pairs: what is shown, how often, the same in any order and any process, within its bounds."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtkit.data.batches.batch import Batch
from mtkit.data.batches.batches import BatchPlan, fixed_batches
from mtkit.data.batches.mixed_batches import MixedPlan
from mtkit.data.batches.mixing import Corpus, Mix
from mtkit.data.batches.sampling import Sampler, SamplingRecipe, uniform
from mtkit.data.batches.sampling_workers import sampling_workers
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared, open_prepared
from mtkit.data.tokens.special import OWN
from mtkit.errors import DataError
from mtkit.settings.data import DataConfig
from mtkit.settings.sampling import SamplingConfig
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.conftest import TOY

MAX_TOKENS = 60
N_FIRST = 150
EVERYTHING: dict[str, object] = {
    "subword": {"probability": 0.5, "dropout": 0.2},
    "word_dropout": 0.1,
    "noise": {"probability": 0.3},
    "casing": {"upper": 0.1, "title": 0.1, "lower": 0.1},
    "no_full_stop": 0.5,
    "typos": {"probability": 0.5},
    "join": 0.3,
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Two corpora, the second with a tag."""
    folder = tmp_path_factory.mktemp("corpus")
    pairs = [(f"{src}.", f"{tgt}.") for src, tgt in TOY]
    for name, part in (("a", pairs[:N_FIRST]), ("b", pairs[N_FIRST:]), ("valid", pairs[:2])):
        for side, language in enumerate(("en", "de")):
            (folder / f"{name}.{language}").write_text("".join(f"{pair[side]}\n" for pair in part))
    names = [(str(folder / f"{name}.en"), str(folder / f"{name}.de")) for name in ("a", "b", "valid")]
    a, b, valid = ({"src": src, "tgt": tgt} for src, tgt in names)
    train = [a, {**b, "tags": ["<bt>"]}]
    data = DataConfig.model_validate({"src_lang": "en", "tgt_lang": "de", "train": train, "valid": valid})
    tokenizer = TokenizerConfig(type="bpe", vocab_size=330, user_defined_symbols=["<mask>"])
    return prepare(data, tokenizer, folder / "prepared")


def sampler(
    prepared: Prepared, config: Mapping[str, object], *, seed: int = 5, max_tokens: int = MAX_TOKENS
) -> Sampler:
    recipe = SamplingRecipe(prepared.directory, SamplingConfig.model_validate(config), seed, max_tokens)
    return Sampler(recipe, prepared)


def lists(sampled: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> list[list[list[int]]]:
    return [[part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])] for ids, lengths in sampled]


def texts(prepared: Prepared, ids: Sequence[Sequence[int]]) -> list[str]:
    return prepared.tokenizer.decode(ids)


ALL = np.arange(len(TOY))


def test_nothing_asked_for_is_the_store_itself(prepared: Prepared) -> None:
    store = prepared.store("train")
    rows = np.array([3, 199, 3, 150])
    assert lists(sampler(prepared, {}).sample(rows + 2 * len(TOY))) == lists(store.gather(rows))
    assert SamplingConfig().active is False
    assert all(SamplingConfig.model_validate({key: value}).active for key, value in EVERYTHING.items())


def test_tags_stay_before_whatever_is_done(prepared: Prepared) -> None:
    tag = prepared.tokenizer.tag_ids(["<bt>"])
    src, _ = lists(sampler(prepared, EVERYTHING | {"word_dropout": 1.0}).sample(ALL))
    unknown = prepared.tokenizer.unk_id
    assert all(set(ids) == {unknown} for ids in src[:N_FIRST])
    assert all(ids[:1] == tag and set(ids[1:]) == {unknown} for ids in src[N_FIRST:])


def test_infilling_leaves_tags_and_targets_and_draws_by_the_place(prepared: Prepared) -> None:
    noise = {"probability": 1, "drop": 0, "swap": 0, "infill": 0.35, "random": 0.5}
    infilling, plain = sampler(prepared, {"noise": noise}), sampler(prepared, {})
    places = np.arange(8 * len(TOY))
    (src, tgt), (whole, same_tgt) = lists(infilling.sample(places)), lists(plain.sample(places))
    assert tgt == same_tgt
    tag, mask = prepared.tokenizer.tag_ids(["<bt>", "<mask>"])
    assert [ids[0] == tag for ids in src] == [place % len(TOY) >= N_FIRST for place in places]
    assert all(tag not in ids[1:] for ids in src)
    shown = [{*ids} - {*before} for ids, before in zip(src, whole, strict=True)]
    assert mask in set().union(*shown)
    assert len(set().union(*shown)) > 50  # random pieces
    assert not set().union(*shown) & {OWN.pad, OWN.bos, OWN.eos}
    assert lists(infilling.sample(places[::-1]))[0] == src[::-1]
    assert lists(sampler(prepared, {"noise": noise}, seed=6).sample(places))[0] != src


def test_of_a_masked_span_the_target_is_the_span_alone(prepared: Prepared) -> None:
    masking = sampler(prepared, {"noise": {"probability": 1, "span": 0.5}})
    store = prepared.store("train")
    src, tgt = (texts(prepared, side) for side in lists(masking.sample(ALL)))
    for row, (masked, span) in enumerate(zip(src, tgt, strict=True)):
        assert masked.count("<mask>") == len(span.split())
        assert span in store.src_text(row, row + 1)[0]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"casing": {"upper": 1}}, ("7 APPLES AND 8 PEARS.", "7 ÄPFEL UND 8 BIRNEN.")),
        ({"casing": {"lower": 1}}, ("7 apples and 8 pears.", "7 Äpfel und 8 Birnen.")),
        ({"no_full_stop": 1}, ("7 apples and 8 pears", "7 Äpfel und 8 Birnen")),
        ({"join": 1}, ("7 apples and 8 pears. 8 apples and 9 pears.", "7 Äpfel und 8 Birnen. 8 Äpfel und 9 Birnen.")),
        (
            {"join": 1, "casing": {"upper": 1}, "no_full_stop": 1, "subword": {"probability": 1}},
            ("7 APPLES AND 8 PEARS. 8 APPLES AND 9 PEARS", "7 ÄPFEL UND 8 BIRNEN. 8 ÄPFEL UND 9 BIRNEN"),
        ),
        ({"noise": {"probability": 1, "drop": 0, "swap": 0, "mask": 1}}, ("<mask>" * 5, "7 Äpfel und 8 Birnen.")),
    ],
)
def test_pairs_worked_out_by_hand(prepared: Prepared, config: dict[str, object], expected: tuple[str, str]) -> None:
    src, tgt = lists(sampler(prepared, config, max_tokens=200).sample(np.array([7])))
    assert texts(prepared, src)[0].replace(" <mask>", "<mask>") == expected[0]
    assert texts(prepared, tgt)[0] == expected[1]


@pytest.mark.parametrize(
    "config",
    [
        {"no_full_stop": 0.3},
        {"casing": {"upper": 0.3}},
        {"typos": {"probability": 0.3, "words": 1}},
        {"noise": {"probability": 0.3, "drop": 0, "swap": 0, "mask": 1}},
        {"join": 0.3},
        {"subword": {"probability": 0.3, "dropout": 1, "sides": "src"}},
    ],
    ids=lambda config: next(iter(config)),
)
def test_a_change_happens_as_often_as_asked(prepared: Prepared, config: dict[str, object]) -> None:
    passes = 10
    places = np.arange(passes * len(TOY))
    src, tgt = lists(sampler(prepared, config, max_tokens=200).sample(places))
    plain_src, plain_tgt = lists(prepared.store("train").gather(places % len(TOY)))
    changed = [a != b or c != d for a, b, c, d in zip(src, plain_src, tgt, plain_tgt, strict=True)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.035)
    first, second = changed[: len(TOY)], changed[len(TOY) : 2 * len(TOY)]
    assert first != second, "every pass draws anew"


def test_sides_of_subwords(prepared: Prepared) -> None:
    store = prepared.store("train")
    for sides, other in (("src", 1), ("tgt", 0)):
        sampled = lists(sampler(prepared, {"subword": {"probability": 1, "dropout": 1, "sides": sides}}).sample(ALL))
        assert sampled[other] == lists(store.gather(ALL))[other]
        assert sampled[1 - other] != lists(store.gather(ALL))[1 - other]


def test_a_pair_joins_the_next_of_its_own_corpus_alone(prepared: Prepared) -> None:
    joining = sampler(prepared, {"join": 1.0})
    (src, tgt), (plain_src, plain_tgt) = lists(joining.sample(ALL)), lists(prepared.store("train").gather(ALL))
    for row in ALL.tolist():
        last = row in (N_FIRST - 1, len(TOY) - 1)
        tags = int(row >= N_FIRST)
        assert src[row] == plain_src[row] + ([] if last else plain_src[row + 1][tags:])
        assert tgt[row] == plain_tgt[row] + ([] if last else plain_tgt[row + 1])
    assert joining.lengths(ALL)[0].tolist() == list(map(len, src))
    assert joining.lengths(ALL)[1].tolist() == list(map(len, tgt))


def test_no_side_is_ever_longer_than_allowed(prepared: Prepared) -> None:
    limit = max(max(map(len, side)) for side in lists(prepared.store("train").gather(ALL)))
    tight = sampler(prepared, EVERYTHING | {"join": 1.0, "subword": {"probability": 1, "dropout": 1}}, max_tokens=limit)
    src, tgt = lists(tight.sample(ALL))
    assert max(len(ids) - (row >= N_FIRST) for row, ids in enumerate(src)) <= limit
    assert max(map(len, tgt)) <= limit


def test_a_pair_depends_on_seed_and_place_alone(prepared: Prepared) -> None:
    one, other = sampler(prepared, EVERYTHING), sampler(prepared, EVERYTHING, seed=6)
    whole = lists(one.sample(ALL))
    order = np.random.default_rng(1).permutation(len(TOY))
    for part in np.array_split(order, 7):
        again = lists(sampler(prepared, EVERYTHING).sample(part))
        assert again == [[side[row] for row in part.tolist()] for side in whole]
    assert lists(other.sample(ALL)) != whole
    assert lists(one.sample(ALL + len(TOY))) != whole


def test_chances_of_places_are_even() -> None:
    chances = np.concatenate([uniform(np.arange(50_000), key) for key in (0, 1)])
    assert np.histogram(chances, 10, (0, 1))[0] == pytest.approx([10_000] * 10, rel=0.05)
    assert abs(np.corrcoef(chances[:-1], chances[1:])[0, 1]) < 0.01
    assert abs(np.corrcoef(chances[:50_000], chances[50_000:])[0, 1]) < 0.01


class TestPlans:
    def plan(self, prepared: Prepared, config: Mapping[str, object], *, mixed: bool) -> BatchPlan:
        store = prepared.store("train")
        sampling = sampler(prepared, config)
        if not mixed:
            return BatchPlan(store, special=OWN, batch_tokens=400, accumulate=2, seed=5, sampler=sampling)
        mix = Mix([Corpus("a", 0, N_FIRST, {0: 1.0, 11: 3.0}), Corpus("b", N_FIRST, len(TOY), {0: 2.0})])
        return MixedPlan(store, mix, special=OWN, batch_tokens=400, accumulate=2, seed=5, sampler=sampling)

    @settings(max_examples=8, deadline=None)
    @given(n_done=st.integers(0, 40), mixed=st.booleans())
    def test_going_on_from_any_update(self, prepared: Prepared, n_done: int, mixed: bool) -> None:
        straight = list(islice(self.plan(prepared, EVERYTHING, mixed=mixed), n_done + 10))
        stopped, resumed = (self.plan(prepared, EVERYTHING, mixed=mixed) for _ in range(2))
        list(islice(stopped, n_done))
        resumed.load_state_dict(stopped.state_dict())
        assert same(list(islice(resumed, 10)), straight[n_done:])

    @pytest.mark.slow
    @pytest.mark.parametrize("mixed", [False, True])
    def test_a_thousand_updates_are_the_same_with_any_number_of_workers(self, prepared: Prepared, mixed: bool) -> None:
        first = self.plan(prepared, EVERYTHING, mixed=mixed)
        list(islice(first, 17))
        state = first.state_dict()
        expected = list(islice(first, 1_000))
        for workers in (0, 1, 2, 4):
            plan = self.plan(prepared, EVERYTHING, mixed=mixed)
            plan.load_state_dict(state)
            with plan.prefetched(workers=workers) as updates:
                assert same(list(islice(updates, 1_000)), expected), workers
                assert plan.state_dict() == first.state_dict()

    @pytest.mark.parametrize("mixed", [False, True])
    def test_batches_stay_within_their_bounds(self, prepared: Prepared, mixed: bool) -> None:
        config = EVERYTHING | {"subword": {"probability": 1, "dropout": 1}}
        plan = self.plan(prepared, config, mixed=mixed)
        updates = list(islice(plan, 60))
        assert max(len(update) for update in updates) > 2, "nothing had to be cut again: nothing was tested"
        for batch in (batch for update in updates for batch in update):
            assert len(batch.src) == 1 or batch.n_tgt_tokens <= 1.5 * 200
            assert len(batch.src) == 1 or max(batch.src.numel(), batch.tgt_in.numel()) <= 2 * 200

    def test_an_epoch_holds_every_pair_once_whatever_becomes_of_it(self, prepared: Prepared) -> None:
        plan = self.plan(prepared, {"subword": {"probability": 1.0, "dropout": 0.5}}, mixed=False)
        shown = []
        for update in plan:
            shown += [row for batch in update for row in batch.tgt_out.tolist()]
            if plan.epoch == 1:
                break
        ids = [[token for token in row if token > 3] for row in shown]
        assert sorted(texts(prepared, ids)) == sorted(f"{tgt}." for _, tgt in TOY)


def children() -> set[int]:
    """Processes of this one."""
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "sampling_workers"], capture_output=True, text=True)
    return set(map(int, found.stdout.split()))


class TestWorkers:
    def recipe(self, prepared: Prepared) -> SamplingRecipe:
        return sampler(prepared, EVERYTHING).recipe

    def test_a_process_answers_as_this_one_would_and_ends_with_the_block(self, prepared: Prepared) -> None:
        before = children()
        with sampling_workers(self.recipe(prepared), 2) as begin:
            assert len(children() - before) == 2
            waiting = [begin(part) for part in np.array_split(ALL, 9)]
            for part, finish in zip(np.array_split(ALL, 9), waiting, strict=True):
                assert lists(finish()) == lists(sampler(prepared, EVERYTHING).sample(part))
        assert children() == before

    def test_large_requests_do_not_block_the_pipes(self, prepared: Prepared) -> None:
        places = np.arange(40_000)
        with sampling_workers(self.recipe(prepared), 1) as begin:
            waiting = [begin(places) for _ in range(3)]
            assert len({finish()[0][0].tobytes() for finish in waiting}) == 1

    def test_a_process_that_is_killed_is_one_line(self, prepared: Prepared) -> None:
        before = children()
        with sampling_workers(self.recipe(prepared), 1) as begin:
            begin(ALL)()
            [worker] = children() - before
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(
                DataError, match="ended with -9; run the same command again, without --overwrite, to resume"
            ):
                begin(ALL)()

    def test_a_corpus_opened_anew_is_the_same(self, prepared: Prepared) -> None:
        again = open_prepared(prepared.directory)
        assert lists(sampler(again, EVERYTHING).sample(ALL)) == lists(sampler(prepared, EVERYTHING).sample(ALL))


def same(a: Sequence[list[Batch]], b: Sequence[list[Batch]]) -> bool:
    return [len(update) for update in a] == [len(update) for update in b] and all(
        torch.equal(x.src, y.src) and torch.equal(x.tgt_in, y.tgt_in) and torch.equal(x.tgt_out, y.tgt_out)
        for one, other in zip(a, b, strict=True)
        for x, y in zip(one, other, strict=True)
    )


def test_a_validation_set_gets_the_same_noise_every_time(prepared: Prepared) -> None:
    noise = {"noise": {"probability": 1, "drop": 0, "swap": 0, "mask": 1}}
    recipe = SamplingRecipe(prepared.directory, SamplingConfig.model_validate(noise), 5, MAX_TOKENS)
    store, of_valid = prepared.store("valid"), Sampler(recipe, prepared, place="valid")

    def batches(sampler: Sampler | None) -> list[Batch]:
        return list(fixed_batches(store, OWN, 100, max_length=80, sampler=sampler))

    (mask,) = prepared.tokenizer.tag_ids(["<mask>"])
    for plain, noisy, again in zip(batches(None), batches(of_valid), batches(of_valid), strict=True):
        assert torch.equal(plain.tgt_out, noisy.tgt_out)
        assert (noisy.src == mask).any()
        assert not (plain.src == mask).any()
        assert torch.equal(noisy.src, again.src)
