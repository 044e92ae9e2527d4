import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.beam import Model, beam_search
from mtkit.search.hypothesis import Hypothesis, SearchOptions
from mtkit.settings.model import ModelConfig
from tests.search import reference
from tests.search.stub import BOS, EOS, PAD, TableModel, TableState

pytestmark = pytest.mark.processor


def options(
    beam_size: int, *, n_best: int | None = None, length_penalty: float = 1.0, ratio: float = 1.0, offset: int = 0
) -> SearchOptions:
    return SearchOptions(beam_size, n_best or beam_size, length_penalty, ratio, offset)


def search(
    model: Model, src: Tensor, options: SearchOptions, *, max_length: int = 100, tgt_prefix: Sequence[int] = ()
) -> list[list[Hypothesis]]:
    return beam_search(model, src, options, special=OWN, max_length=max_length, tgt_prefix=tgt_prefix)


def batch(*lengths: int) -> Tensor:
    """Sources of these lengths, the end of sentence counted; the first token of each is its name: 10, 11, ..."""
    rows = [[10 + i, *[5] * (n - 2), EOS] + [PAD] * (max(lengths) - n) for i, n in enumerate(lengths)]
    return torch.tensor(rows)


def assert_same(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    assert [(h.ids, h.finished) for h in found] == [(h.ids, h.finished) for h in expected]
    assert [h.log_prob for h in found] == pytest.approx([h.log_prob for h in expected], abs=1e-4)
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-4)


@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("beam_size", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("seed", range(6))
def test_search_is_that_of_the_slow_list_version(seed: int, beam_size: int, length_penalty: float) -> None:
    # From models that end at once to models that run into the longest length.
    model = TableModel(seed, eos_bias=[-4.0, -1.0, 0.0, 1.0, 2.0, 4.0][seed])
    lengths = (7, 4, 2, 5)
    for n_best in {1, 2, beam_size} & set(range(beam_size + 1)):
        asked = options(beam_size, n_best=n_best, length_penalty=length_penalty)
        found = search(model, batch(*lengths), asked)
        for sentence, length in enumerate(lengths):
            expected = reference.beam_search(
                lambda prefix, name=10 + sentence: model.log_probs(name, prefix),  # type: ignore[misc]
                eos_id=EOS,
                beam_size=beam_size,
                n_best=n_best,
                length_penalty=length_penalty,
                max_length=length,
            )
            assert_same(found[sentence], expected)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_slow_version_with_a_wide_beam_is_exhaustive_search(seed: int, length_penalty: float) -> None:
    model, max_length, words = TableModel(seed, vocab_size=6), 4, (1, 4, 5)
    complete = []
    for n in range(max_length):
        for prefix in itertools.product(words, repeat=n):
            tokens = (*prefix, EOS)
            total = sum(model.log_probs(10, tokens[:i])[token] for i, token in enumerate(tokens))
            complete.append(Hypothesis(list(prefix), total, total / len(tokens) ** length_penalty, finished=True))
    complete.sort(key=lambda h: h.score, reverse=True)
    found = reference.beam_search(
        lambda prefix: model.log_probs(10, prefix),
        eos_id=EOS,
        beam_size=200,
        n_best=len(complete),
        length_penalty=length_penalty,
        max_length=max_length,
    )
    assert_same(found, complete)


@pytest.mark.parametrize("seed", range(3))
def test_beam_of_one_is_greedy_search(seed: int) -> None:
    model = TableModel(seed, vocab_size=9)
    found = search(model, batch(12), options(1))
    prefix: tuple[int, ...] = ()
    total = 0.0
    while len(prefix) < 12 and EOS not in prefix:
        values = model.log_probs(10, prefix)
        token = max(range(9), key=values.__getitem__)
        total += values[token]
        prefix = (*prefix, token)
    assert found[0][0].ids == [token for token in prefix if token != EOS]
    assert found[0][0].log_prob == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("eos_bias", [-4.0, 0.0, 2.0])
def test_greedy_search_chooses_the_same_without_scores(eos_bias: float) -> None:
    model, src = TableModel(1, eos_bias=eos_bias), batch(7, 4, 2, 5, 9)
    scored = [found for [found] in search(model, src, options(1, ratio=2.0))]
    chosen = [found for [found] in search(model, src, replace(options(1, ratio=2.0), scores=False))]
    assert [(h.ids, h.finished) for h in chosen] == [(h.ids, h.finished) for h in scored]
    assert all(math.isnan(h.log_prob) and math.isnan(h.score) for h in chosen)


class Scripted(TableModel):
    """Offers two ways: "4 end" with probabilities 0.6 and 0.5, and "5 6 end" with 0.4, 0.8 and 0.9."""

    chances: ClassVar[dict[tuple[int, ...], dict[int, float]]] = {
        (): {4: 0.6, 5: 0.4},
        (4,): {EOS: 0.5, 6: 0.25, 7: 0.25},
        (5,): {6: 0.8, EOS: 0.2},
        (5, 6): {EOS: 0.9, 4: 0.1},
    }

    def _logits(self, sentence: int, prefix: tuple[int, ...]) -> list[float]:  # noqa: ARG002
        chances = self.chances.get(prefix, {EOS: 1.0})
        return [math.log(chances.get(token, 1e-30)) for token in range(8)]


@pytest.mark.parametrize(
    ("length_penalty", "best", "score"),
    [
        (0.0, [4], math.log(0.6 * 0.5)),  # -1.204 against log(0.4 * 0.8 * 0.9) = -1.245
        (1.0, [5, 6], math.log(0.4 * 0.8 * 0.9) / 3),  # -0.415 against -1.204 / 2 = -0.602
        (0.5, [5, 6], math.log(0.4 * 0.8 * 0.9) / 3**0.5),
    ],
)
def test_length_penalty_divides_by_a_power_of_the_length(length_penalty: float, best: list[int], score: float) -> None:
    found = search(Scripted(0), batch(6), options(4, n_best=1, length_penalty=length_penalty))
    assert found[0][0].ids == best
    assert found[0][0].score == pytest.approx(score, abs=1e-5)


def test_a_negative_length_penalty_does_not_end_the_search_too_early() -> None:
    class Later(Scripted):
        chances: ClassVar = {
            (): {4: 0.3, 5: 0.7},
            (4,): {EOS: 0.9, 6: 0.1},
            (5,): {6: 0.95, 7: 0.05},
            (5, 6): {EOS: 0.95, 4: 0.05},
        }

    # log(0.27) * sqrt(2) = -1.85 is finished first, log(0.632) * sqrt(3) = -0.80 comes after it.
    found = search(Later(0), batch(50), options(4, n_best=1, length_penalty=-0.5))
    assert found[0][0].ids == [5, 6]


def test_finished_sentences_leave_the_batch() -> None:
    model = TableModel(0, eos_bias=-50.0)  # nothing ends before its longest length
    search(model, batch(5, 2, 3), options(2))
    assert model.n_rows == [3, 6, 4, 2, 2]
    model.n_rows.clear()
    search(model, batch(5, 2, 3), options(1))
    assert model.n_rows == [3, 3, 2, 1, 1]


def test_a_sentence_ends_as_soon_as_nothing_can_overtake_its_best() -> None:
    model = TableModel(0, eos_bias=20.0)  # the empty translation has nearly all the probability
    search(model, batch(50), options(5, n_best=1))
    assert len(model.n_rows) == 1
    search(model, batch(50), options(5, n_best=2))
    assert len(model.n_rows) > 2


def test_hypotheses_come_best_first() -> None:
    for sentence in search(TableModel(1), batch(9, 9, 9), options(6, n_best=6)):
        scores = [h.score for h in sentence if h.finished]
        assert len(scores) > 1
        assert scores == sorted(scores, reverse=True)


def test_fewer_hypotheses_asked_for_are_the_first_of_many() -> None:
    model = TableModel(2)
    many = search(model, batch(8, 6), options(6, n_best=6))
    few = search(model, batch(8, 6), options(6, n_best=2))
    for long, short in zip(many, few, strict=True):
        assert_same(short, long[:2])


def test_longest_length_follows_the_source_and_stops_at_the_model() -> None:
    model = TableModel(0, eos_bias=-50.0)
    lengths = [len(h[0].ids) for h in search(model, batch(4, 2, 9), options(2, ratio=1.5, offset=1), max_length=10)]
    assert lengths == [7, 4, 10]  # 1.5 * 4 + 1, 1.5 * 2 + 1, and 14 cut to 10


def test_what_runs_into_the_longest_length_is_returned_unfinished() -> None:
    best = search(TableModel(0, eos_bias=-50.0), batch(5), options(3))[0]
    assert [h.finished for h in best] == [False] * 3
    assert best[0].score == pytest.approx(best[0].log_prob / 5)


def test_padding_and_begin_of_sentence_are_never_predicted() -> None:
    class Tempting(TableModel):
        def project(self, hidden: Tensor) -> Tensor:
            hidden[:, [PAD, BOS]] = 30.0
            return hidden

    for sentence in search(Tempting(0), batch(6, 6), options(3)):
        assert not {PAD, BOS} & {token for h in sentence for token in h.ids}
        assert all(-500 < h.log_prob < -20 for h in sentence)  # their probability is not handed to the others


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("scores", [True, False])
def test_a_model_that_computes_nan_yields_an_empty_hypothesis(beam_size: int, scores: bool) -> None:
    class Broken(TableModel):
        def step(self, tokens: Tensor, state: TableState) -> Tensor:
            hidden = super().step(tokens, state)
            hidden[torch.tensor(state.sentences) == 11] = torch.nan
            return hidden

    asked = replace(options(beam_size), scores=scores)
    fine, broken = search(Broken(0), batch(6, 6), asked)
    assert [h.ids for h in fine] == [h.ids for h in search(TableModel(0), batch(6), asked)[0]]
    assert broken == [Hypothesis([], -math.inf, -math.inf, finished=False)]


def test_more_hypotheses_than_beams_are_refused() -> None:
    with pytest.raises(ValueError, match=r"n_best \(3\) must lie between 1 and beam_size \(2\)"):
        options(2, n_best=3)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_batch_is_translated_as_its_sentences_one_by_one(beam_size: int) -> None:
    """With a Transformer: padding, neighbours and those that leave must not show."""
    torch.manual_seed(0)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=2, n_decoder_layers=2)
    model = EncoderDecoder(config, src_vocab_size=30, tgt_vocab_size=30, pad_id=PAD).eval()
    with torch.no_grad():
        model.tgt_embedding.tokens.weight.mul_(3)  # livelier than at the start of training
    src = torch.randint(4, 30, (6, 9))
    for row, length in enumerate((9, 2, 5, 7, 1, 3)):
        src[row, length - 1] = EOS
        src[row, length:] = PAD
    asked = options(beam_size, ratio=2.0, offset=10)
    together = search(model, src, asked)
    for row, sentence in enumerate(together):
        alone = src[row : row + 1, : int((src[row] != PAD).sum())]
        assert_same(sentence, search(model, alone, asked)[0])
    assert len({tuple(sentence[0].ids) for sentence in together}) == 6


@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 1.0])
@pytest.mark.parametrize("beam_size", [1, 2, 4])
@pytest.mark.parametrize("prefix", [(5,), (6, 4), (5, 5, 6)])
@pytest.mark.parametrize("seed", range(4))
def test_a_prefix_is_read_not_scored_and_counts_in_the_length(
    seed: int, prefix: tuple[int, ...], beam_size: int, length_penalty: float
) -> None:
    model = TableModel(seed, eos_bias=[-4.0, -1.0, 1.0, 3.0][seed])
    lengths = (9, 6, 2, 7)
    asked = options(beam_size, length_penalty=length_penalty)
    found = search(model, batch(*lengths), asked, tgt_prefix=prefix)
    for sentence, length in enumerate(lengths):
        expected = reference.beam_search(
            lambda tokens, name=10 + sentence: model.log_probs(name, (*prefix, *tokens)),  # type: ignore[misc]
            eos_id=EOS,
            beam_size=beam_size,
            n_best=beam_size,
            length_penalty=length_penalty,
            max_length=max(length, len(prefix) + 1),
            n_before=len(prefix),
        )
        assert_same(found[sentence], expected)


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("prefix", [(), (5, 6)])
def test_a_batch_with_a_prefix_finds_what_each_sentence_finds_alone(beam_size: int, prefix: tuple[int, ...]) -> None:
    model, src = TableModel(2), batch(7, 4, 2, 9, 5)
    together = search(model, src, options(beam_size), tgt_prefix=prefix)
    for row, found in enumerate(together):
        alone = search(model, src[row : row + 1, : int((src[row] != PAD).sum())], options(beam_size), tgt_prefix=prefix)
        assert_same(found, alone[0])


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("prefix", [(), (6,)])
@pytest.mark.parametrize("start", [EOS, PAD, 5])
def test_what_begins_a_sentence_may_end_it_too(start: int, prefix: tuple[int, ...], beam_size: int) -> None:
    special = replace(OWN, start=start, bos=None, never=(PAD,))
    model = StartingModel(3, start, eos_bias=1.0)
    [found] = beam_search(model, batch(8), options(beam_size), special=special, max_length=100, tgt_prefix=prefix)
    expected = reference.beam_search(
        lambda tokens: model.log_probs(10, (*prefix, *tokens)),
        eos_id=EOS,
        beam_size=beam_size,
        n_best=beam_size,
        length_penalty=1.0,
        max_length=8,
        n_before=len(prefix),
    )
    assert_same(found, expected)
    assert found[0].finished
    assert any(BOS in h.ids for h in found) or beam_size == 1  # an ordinary token here


@pytest.mark.parametrize("beam_size", [1, 2])
def test_a_model_that_may_predict_anything(beam_size: int) -> None:
    model = StartingModel(0, EOS, barred=())
    special = replace(OWN, start=EOS, bos=None, never=())
    [found] = beam_search(model, batch(9), options(beam_size), special=special, max_length=100)
    expected = reference.beam_search(
        lambda tokens: model.log_probs(10, tokens),
        eos_id=EOS,
        beam_size=beam_size,
        n_best=beam_size,
        length_penalty=1.0,
        max_length=9,
    )
    assert_same(found, expected)


class StartingModel(TableModel):
    """One that reads another token first, and of which only some are barred."""

    def __init__(self, seed: int, start: int, *, eos_bias: float = 0.0, barred: tuple[int, ...] = (PAD,)) -> None:
        super().__init__(seed, eos_bias=eos_bias)
        self.bos = start
        self._barred = barred

    def log_probs(self, sentence: int, prefix: tuple[int, ...]) -> list[float]:
        values = torch.tensor(self._logits(sentence, prefix), dtype=torch.float64).log_softmax(0).tolist()
        for token in self._barred:
            values[token] = float("-inf")
        return values
