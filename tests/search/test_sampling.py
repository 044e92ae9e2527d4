import math
from collections import Counter

import numpy as np
import pytest
import torch

from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.candidates import NOTHING
from mtkit.search.forced import token_log_probs
from mtkit.search.hypothesis import Hypothesis
from mtkit.search.sampling import SamplingOptions, draw, sample, uniforms
from mtkit.settings.model import ModelConfig
from tests.search.stub import BOS, EOS, PAD, TableModel

pytestmark = pytest.mark.processor

PLAIN = SamplingOptions()
NEVER = torch.tensor([PAD, BOS])


def drawn(
    sentences: list[int],
    *,
    options: SamplingOptions = PLAIN,
    seed: int = 1,
    max_length: int = 4,
    prefixes: list[list[int]] | None = None,
) -> list[Hypothesis]:
    model = TableModel(3, eos_bias=-2)
    src = torch.tensor([[sentence, EOS] for sentence in sentences])
    lengths = [max_length] * len(sentences)
    return sample(model, model.start(src), lengths, options, seed=seed, never=NEVER, special=OWN, prefixes=prefixes)


def test_sentences_come_as_often_as_the_model_gives_them_probability() -> None:
    n, model = 5_000, TableModel(3, eos_bias=-2)
    found = Counter((*one.ids, *[EOS] * one.finished) for one in drawn([5] * n, max_length=2))
    log_probs = torch.tensor(model.log_probs(5, ()), dtype=torch.float64).log_softmax(0)
    expected: dict[tuple[int, ...], float] = {}
    for first, of_first in enumerate(log_probs.exp().tolist()):
        if first == EOS:
            expected[(EOS,)] = of_first
            continue
        after = torch.tensor(model.log_probs(5, (first,)), dtype=torch.float64).log_softmax(0).exp().tolist()
        expected |= {(first, second): of_first * each for second, each in enumerate(after)}
    assert found.keys() <= {ids for ids, p in expected.items() if p > 0}
    frequent = {ids: p for ids, p in expected.items() if n * p >= 5}
    assert len(frequent) > 10
    # Chi-square: its mean is the number of sentences, its variance twice that.
    chi_square = sum((found[ids] - n * p) ** 2 / (n * p) for ids, p in frequent.items())
    assert chi_square < len(frequent) + 5 * math.sqrt(2 * len(frequent))


def test_what_a_row_draws_depends_on_seed_and_number_alone() -> None:
    sentences = [5, 6, 7] * 10  # rows end one after the other, and others take their places
    together = drawn(sentences, max_length=9)
    for n in (0, 1, 7, 13, 22):
        assert drawn(sentences[: n + 1], max_length=9)[n].ids == together[n].ids
    assert [one.ids for one in drawn([5] * 30)] == [one.ids for one in drawn([5] * 30)]
    assert [one.ids for one in drawn([5] * 30)] != [one.ids for one in drawn([5] * 30, seed=2)]
    assert len({tuple(one.ids) for one in drawn([5] * 200)}) > 15


def test_the_numbers_drawn_are_uniform_and_independent_of_row_and_step() -> None:
    numbers = np.stack([uniforms(7, np.arange(2_000), step) for step in range(20)])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 5 * math.sqrt(1 / 12 / numbers.size)
    for other in (np.roll(numbers, 1, axis=0), np.roll(numbers, 1, axis=1)):
        assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 5 / math.sqrt(numbers.size)


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        (SamplingOptions(), {0, 1, 2, 3}),
        (SamplingOptions(top_k=1), {2}),
        (SamplingOptions(top_k=2), {2, 0}),
        (SamplingOptions(top_p=0.39), {2}),
        (SamplingOptions(top_p=0.41), {2, 0}),
        (SamplingOptions(top_p=0.71), {2, 0, 3}),
        (SamplingOptions(top_k=3, top_p=0.72), {2, 0}),  # of 0.9, what is left, 0.72 is 0.648
        (SamplingOptions(temperature=0.01), {2}),
    ],
)
def test_tokens_come_from_the_part_of_the_prediction_that_is_asked_for(
    options: SamplingOptions, allowed: set[int]
) -> None:
    log_probs = torch.tensor([[0.3, 0.1, 0.4, 0.2]], dtype=torch.float64).log()
    uniform = (torch.arange(1_000) + 0.5) / 1_000
    found = draw(log_probs.expand(1_000, -1), uniform, options)
    assert set(found.tolist()) == allowed


def test_draws_share_the_range_by_probability() -> None:
    log_probs = torch.tensor([[0.3, 0.1, 0.4, 0.2]], dtype=torch.float64).log()
    uniform = (torch.arange(1_000) + 0.5) / 1_000
    plain = Counter(draw(log_probs.expand(1_000, -1), uniform, PLAIN).tolist())
    assert plain == {0: 300, 1: 100, 2: 400, 3: 200}
    halved = Counter(draw(log_probs.expand(1_000, -1), uniform, SamplingOptions(temperature=0.5)).tolist())
    assert halved == {0: 300, 1: 33, 2: 534, 3: 133}  # squares, 9 : 1 : 16 : 4 of 30, to the nearest
    cut = Counter(draw(log_probs.expand(1_000, -1), uniform, SamplingOptions(top_k=2)).tolist())
    assert cut == {0: 429, 2: 571}


def test_what_is_impossible_is_never_drawn() -> None:
    log_probs = torch.tensor([[-math.inf, 0.0, -math.inf, 0.0, -math.inf]])
    uniform = torch.tensor([0.0, 0.4999, 0.5, 1 - 2**-32], dtype=torch.float64)
    assert draw(log_probs.expand(4, -1), uniform, PLAIN).tolist() == [1, 1, 3, 3]
    nothing = torch.tensor([[math.nan, 0.0], [-math.inf, -math.inf]])
    assert draw(nothing, torch.tensor([0.5, 0.5]), PLAIN).tolist() == [NOTHING, NOTHING]


def test_a_row_begins_with_its_prefix_and_ends_at_its_longest_length() -> None:
    found = drawn([5, 5, 6], prefixes=[[4], [], [4, 5]], max_length=3)
    model = TableModel(3, eos_bias=-2)
    for one, (sentence, prefix) in zip(found, [(5, (4,)), (5, ()), (6, (4, 5))], strict=True):
        assert len(prefix) + len(one.ids) == 3 or one.finished
        tokens = (*prefix, *one.ids, *[EOS] * one.finished)
        given = [torch.tensor(model._logits(sentence, tokens[:n])).log_softmax(0) for n in range(len(tokens))]
        expected = sum(float(given[n][tokens[n]]) for n in range(len(prefix), len(tokens)))
        assert one.log_prob == pytest.approx(expected, rel=1e-5)


def test_a_real_model_gives_its_samples_the_log_probability_that_forced_decoding_finds() -> None:
    torch.manual_seed(0)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1, dropout=0.5)
    model = EncoderDecoder(config, src_vocab_size=12, tgt_vocab_size=12, pad_id=0).eval()
    src = torch.tensor([[5, 6, 7, 3], [8, 9, 3, 0], [8, 9, 3, 0]])
    with torch.no_grad():
        memory = model.encode(src[:2], src[:2].eq(0)).rows(torch.tensor([0, 1, 1]))
        found = sample(model, model.start(memory), [9, 9, 9], PLAIN, seed=4, never=NEVER, special=OWN)
    assert len({tuple(one.ids) for one in found}) == 3
    for row, one in enumerate(found):
        tgt_out = torch.tensor([[*one.ids, *[3] * one.finished]])
        tgt_in = torch.cat([torch.tensor([[2]]), tgt_out[:, :-1]], dim=1)
        width = int(src[row].ne(0).sum())
        expected = token_log_probs(model, src[row : row + 1, :width], tgt_in, tgt_out).sum()
        assert one.log_prob == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.1}])
def test_options_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        SamplingOptions(**wrong)  # type: ignore[arg-type]
