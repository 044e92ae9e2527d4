import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from mtkit.data.batches.batch import collate
from mtkit.data.tokens.special import OWN
from mtkit.model.dropout import drawn_seed, seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.minimum_risk import Candidates, MinimumRisk, SentenceRisk, expected_risk
from tests.training.objectives.models import ARCHITECTURES

pytestmark = pytest.mark.processor

V, EOS = 7, OWN.eos
WORDS = range(4, V)
BATCH = collate([[5, 6, 4], [6]], [[5, 4], [4]], OWN)


class Overlap(SentenceRisk):
    """A risk that a table could hold: the share of the positions where a translation and the reference differ."""

    def __init__(self) -> None:
        self.special = OWN
        self.forced: set[int] = set()

    def __call__(self, hyp_ids: Sequence[Sequence[int]], ref_ids: Sequence[int]) -> list[float]:
        return [
            sum(a != b for a, b in itertools.zip_longest(hyp, ref_ids)) / max(len(hyp), len(ref_ids)) for hyp in hyp_ids
        ]


def new_model(**values: object) -> EncoderDecoder:
    torch.manual_seed(0)
    sizes = {"d_model": 16, "n_heads": 2, "n_encoder_layers": 1, "n_decoder_layers": 1, "dropout": 0.0}
    width = {} if "architecture" in values else {"d_ff": 32}  # which Transformers alone have
    config = ModelConfig.model_validate({**sizes, **width, "max_length": 12, **values})
    return EncoderDecoder(config, src_vocab_size=V, tgt_vocab_size=V, pad_id=0).double()


def objective(**values: Any) -> MinimumRisk:
    base = CrossEntropy(pad_id=0, smoothing=0.1)
    return MinimumRisk(base, Overlap(), **{"n_samples": 8, "sharpness": 0.5, "weight": 0.6} | values)


def log_prob(model: EncoderDecoder, src: Tensor, ids: Sequence[int]) -> Tensor:
    tgt_in = torch.tensor([[OWN.start, *ids[:-1]]])
    log_probs = model.project(model(src[None], tgt_in))[0].log_softmax(-1)
    return log_probs[torch.arange(len(ids)), torch.tensor(ids)].sum()


def slow_risk(
    model: EncoderDecoder, src: Tensor, candidates: Sequence[Sequence[int]], risks: Sequence[float]
) -> Tensor:
    """Equation by equation, one candidate after the other; sharpness 0.5."""
    powers = [(0.5 * log_prob(model, src, ids)).exp() for ids in candidates]
    total = sum(powers, torch.zeros((), dtype=torch.float64))
    return sum((p / total * risk for p, risk in zip(powers, risks, strict=True)), torch.zeros(()).double())


def taken_apart(candidates: Candidates, sentence: int) -> tuple[list[list[int]], list[float]]:
    rows = candidates.sentence == sentence
    ids = [row[row != 0].tolist() for row in candidates.tgt_out[rows]]
    return ids, candidates.risks[rows].tolist()


@pytest.mark.parametrize("sizes", [*ARCHITECTURES.values(), {"architecture": "rnn", "bridge": "copy"}])
def test_loss_and_gradient_are_those_of_the_equations(sizes: dict[str, object]) -> None:
    model, batch = new_model(**sizes), BATCH
    minimum_risk = objective()
    seed_dropout(1, 1)
    loss = minimum_risk(model, batch)
    seed_dropout(1, 1)
    candidates = minimum_risk.candidates(model, batch, drawn_seed())
    expected = 0.4 * CrossEntropy(pad_id=0, smoothing=0.1)(model, batch).total.double()
    risk = torch.zeros(()).double()
    for sentence in range(2):
        src = batch.src[sentence][: int(batch.src_lengths[sentence])]
        ids, risks = taken_apart(candidates, sentence)
        assert 1 < len(ids) <= 9
        assert len({*map(tuple, ids)}) == len(ids)
        assert ids[0] == batch.tgt_out[sentence][batch.tgt_out[sentence] != 0].tolist()
        assert risks[0] == 0
        of_sentence = slow_risk(model, src, ids, risks)
        expected = expected + 0.6 / 0.5 * of_sentence
        risk = risk + of_sentence * len(ids[0])
    torch.testing.assert_close(loss.total, expected, rtol=1e-6, atol=0)  # the cross-entropy is summed in float32
    torch.testing.assert_close(loss.parts["risk"], risk.detach())
    found, wanted = (torch.autograd.grad(total, [*model.parameters()]) for total in (loss.total, expected))
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)  # as the cross-entropy is in float32


def test_with_all_translations_as_candidates_and_sharpness_1_the_risk_is_its_expectation() -> None:
    """All sentences of at most two words: the model's distribution itself, renormalised over them."""
    model, src = new_model(), torch.tensor([5, 4, EOS])
    every = [[*words, EOS] for n in range(3) for words in itertools.product(WORDS, repeat=n)]
    risks = Overlap()(every, [5, 4, EOS])
    log_probs = torch.stack([log_prob(model, src, ids) for ids in every])
    probs = log_probs.exp()
    expected = (probs * torch.tensor(risks)).sum() / probs.sum()
    places = torch.arange(len(every))
    nothing = torch.zeros(0)
    candidates = Candidates(nothing, nothing, torch.zeros_like(places), places, torch.tensor(risks))
    found = expected_risk(log_probs, candidates, sharpness=1.0)
    torch.testing.assert_close(found, expected[None])
    inputs = [*model.parameters()]
    of_found, of_expected = (torch.autograd.grad(each.sum(), inputs, retain_graph=True) for each in (found, expected))
    for mine, theirs in zip(of_found, of_expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_as_sharpness_vanishes_the_gradient_is_the_policy_gradient_with_the_mean_risk_as_baseline() -> None:
    log_probs = torch.tensor([-3.0, -9.0, -1.0, -4.0], dtype=torch.float64, requires_grad=True)
    risks = torch.tensor([0.0, 0.7, 0.4, 0.9], dtype=torch.float64)
    nothing, places = torch.zeros(0), torch.arange(4)
    candidates = Candidates(nothing, nothing, torch.zeros_like(places), places, risks)
    risk = expected_risk(log_probs, candidates, sharpness=1e-6).sum() / 1e-6
    (found,) = torch.autograd.grad(risk, log_probs)
    torch.testing.assert_close(found, (risks - risks.mean()) / 4, rtol=1e-4, atol=1e-6)


def test_what_is_drawn_depends_on_seed_update_and_part_alone() -> None:
    model, minimum_risk = new_model(dropout=0.3).train(), objective()

    def loss(seed: int, update: int, part: int) -> float:
        seed_dropout(seed, update, part)
        return float(minimum_risk(model, BATCH).total.detach())

    assert loss(1, 2, 3) == loss(1, 2, 3)
    assert len({loss(1, 2, 3), loss(1, 2, 4), loss(1, 3, 3), loss(2, 2, 3)}) == 4


def test_samples_are_drawn_without_dropout_and_the_model_stays_in_training() -> None:
    plain, model = new_model(), new_model(dropout=0.9).train()
    for one, other in zip(plain.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)
    minimum_risk = objective(n_samples=30)
    assert torch.equal(
        minimum_risk.candidates(plain, BATCH, 5).tgt_out, minimum_risk.candidates(model, BATCH, 5).tgt_out
    )
    assert model.training
    assert all(module.training for module in model.modules())


def test_by_risk_alone_the_cross_entropy_still_tells_the_perplexity_but_has_no_gradient() -> None:
    model, batch = new_model(), BATCH
    loss = objective(weight=1.0)(model, batch)
    plain = CrossEntropy(pad_id=0, smoothing=0.1)(model, batch)
    torch.testing.assert_close(loss.nll, plain.nll)
    torch.testing.assert_close(loss.parts["cross_entropy"], plain.total.detach())
    assert loss.total.requires_grad


def test_risk_goes_down_where_it_is_minimised() -> None:
    model, minimum_risk = new_model(), objective(n_samples=30, weight=1.0, sharpness=0.05)
    optimizer = torch.optim.SGD(model.parameters(), 0.3)
    risks = []
    for update in range(60):
        seed_dropout(1, update)
        loss = minimum_risk(model, BATCH)
        risks.append(float(loss.parts["risk"]) / loss.n_tokens)
        optimizer.zero_grad()
        (loss.total / loss.n_tokens).backward()
        optimizer.step()
    assert sum(risks[-5:]) < 0.6 * sum(risks[:5])
