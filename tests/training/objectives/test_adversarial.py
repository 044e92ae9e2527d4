"""FGM and VAT against what their papers say, written down slowly."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.adversarial import AdversarialConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.objective import Objective, objective_of
from tests.training.objectives.models import ARCHITECTURES, SRC, TGT, assert_close, batch, new_model, with_gradient

pytestmark = pytest.mark.processor

PLAIN = CrossEntropy(pad_id=0, smoothing=0.1)
SIDES = {"src": ("src",), "tgt": ("tgt",), "both": ("src", "tgt")}
KINDS = [*((name, "both") for name in ARCHITECTURES), ("transformer", "src"), ("transformer", "tgt"), ("rnn", "tgt")]


def adversarial(method: str, *, epsilon: float = 0.5, side: str = "both", weight: float = 1.0) -> Objective:
    values = {"method": method, "epsilon": epsilon, "side": side, "weight": weight}
    return objective_of(TrainingConfig(adversarial=AdversarialConfig.model_validate(values)), pad_id=0)


def logits(model: EncoderDecoder, pairs: Batch, moves: dict[str, Tensor]) -> Tensor:
    """Under the masks of the seed."""
    seed_dropout(1, 1)
    change = {side: (lambda x, side=side: x + moves[side]) for side in moves}
    memory = model.encode(pairs.src, pairs.src.eq(0), change.get("src"))
    return model.project(model.decode(pairs.tgt_in, memory, change.get("tgt")))


def entropy(of: Tensor, pairs: Batch) -> Tensor:
    return F.cross_entropy(
        of.flatten(0, 1), pairs.tgt_out.flatten(), ignore_index=0, label_smoothing=0.1, reduction="sum"
    )


def divergence(p: Tensor, q: Tensor, pairs: Batch) -> Tensor:
    kl = F.kl_div(q.log_softmax(-1), p.log_softmax(-1), log_target=True, reduction="none").sum(-1)
    return kl[pairs.tgt_out.ne(0)].sum()


def moves_of(model: EncoderDecoder, pairs: Batch, sides: tuple[str, ...]) -> dict[str, Tensor]:
    """Moves of zeros, whose gradient can be taken."""
    ids = {"src": pairs.src, "tgt": pairs.tgt_in}
    width = model.src_embedding.tokens.embedding_dim
    return {side: torch.zeros(*ids[side].shape, width, dtype=torch.float64, requires_grad=True) for side in sides}


def of_length(direction: Tensor, length: float) -> Tensor:
    """Sentence by sentence."""
    return torch.stack([length * row / row.norm() for row in direction])


@pytest.mark.parametrize(("name", "side"), KINDS)
def test_fgm_follows_the_gradient_of_the_cross_entropy_in_each_sentence(name: str, side: str) -> None:
    model, pairs = new_model(dropout=0.2, **ARCHITECTURES[name]), batch()
    seed_dropout(1, 1)
    loss = adversarial("fgm", side=side, weight=0.7)(model, pairs)
    found = with_gradient(model, loss)
    moves = moves_of(model, pairs, SIDES[side])
    clean = entropy(logits(model, pairs, moves), pairs)
    gradients = torch.autograd.grad(clean, list(moves.values()), retain_graph=True)
    worst = {s: of_length(gradient, 0.5) for s, gradient in zip(moves, gradients, strict=True)}
    moved = entropy(logits(model, pairs, worst), pairs)
    assert moved > clean
    assert_close(found, with_gradient(model, replace(loss, total=clean + 0.7 * moved)))
    assert_close([loss.parts["cross_entropy"], loss.parts["adversarial"]], [clean.detach(), moved.detach()])


@pytest.mark.parametrize(("name", "side"), KINDS)
def test_vat_follows_the_gradient_of_the_divergence_at_a_random_move(
    name: str, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the same random directions, and the clean side as a constant."""
    model, pairs = new_model(dropout=0.2, **ARCHITECTURES[name]), batch()
    generator = torch.Generator().manual_seed(5)
    drawn = [
        torch.randn(move.shape, generator=generator, dtype=torch.float64)
        for move in moves_of(model, pairs, SIDES[side]).values()
    ]
    left = iter(drawn)
    monkeypatch.setattr("mtkit.training.objectives.adversarial.normal", lambda *_: next(left))
    seed_dropout(1, 1)
    loss = adversarial("vat", side=side, weight=0.7)(model, pairs)
    found = with_gradient(model, loss)

    real = {"src": pairs.src.ne(0), "tgt": pairs.tgt_out.ne(0)}
    start = {s: of_length(each * real[s][..., None], 0.5) for s, each in zip(SIDES[side], drawn, strict=True)}
    for move in start.values():
        move.requires_grad_()
    clean = logits(model, pairs, {})
    inner = divergence(clean.detach(), logits(model, pairs, start), pairs)
    gradients = torch.autograd.grad(inner, list(start.values()))
    worst = {s: of_length(gradient, 0.5) for s, gradient in zip(start, gradients, strict=True)}
    moved = divergence(clean.detach(), logits(model, pairs, worst), pairs)
    assert moved > inner
    total = entropy(clean, pairs) + 0.7 * moved
    assert_close(found, with_gradient(model, replace(loss, total=total)))


@pytest.mark.parametrize("method", ["fgm", "vat"])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_a_tiny_move_changes_nothing(method: str, precision: torch.dtype) -> None:
    """Under the same dropout masks: without them the loss would measure dropout."""
    model, pairs = new_model(dropout=0.3).to(precision), batch()
    seed_dropout(1, 1)
    expected = with_gradient(model, PLAIN(model, pairs))
    seed_dropout(1, 1)
    if method == "vat":  # which draws its direction before the masks
        from mtkit.model.dropout import normal

        for ids in (pairs.src, pairs.tgt_in):
            normal(torch.Size([*ids.shape, 16]), ids.device)
        expected = with_gradient(model, PLAIN(model, pairs))
    seed_dropout(1, 1)
    loss = adversarial(method, epsilon=1e-5)(model, pairs)
    found = with_gradient(model, loss)
    if method == "fgm":
        found = [each / 2 for each in found]  # CE + CE
    for mine, theirs in zip(found, expected, strict=True):
        # relative to the whole: a gradient of the move's length remains
        assert (mine - theirs).norm() <= 1e-3 * max(1.0, float(theirs.norm()))
    if method == "vat":
        assert abs(loss.parts["adversarial"]) < 1e-4


@pytest.mark.parametrize("method", ["fgm", "vat"])
def test_a_sentence_is_moved_by_itself_and_padding_by_nothing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of a batch is that of its pairs, each alone and without padding."""
    model = new_model()
    draws = {side: torch.randn(3, 9, 16, dtype=torch.float64) for side in ("src", "tgt")}
    rows: list[int] = []

    def drawn(shape: torch.Size, _: torch.device) -> Tensor:
        """The same for a sentence in any company."""
        side = "src" if len(seen) % 2 == 0 else "tgt"
        seen.append(side)
        return draws[side][rows][:, : shape[1]].clone()

    seen: list[str] = []
    monkeypatch.setattr("mtkit.training.objectives.adversarial.normal", drawn)
    objective = adversarial(method)
    rows[:] = [0, 1, 2]
    together = with_gradient(model, objective(model, batch()))
    alone = []
    for row in range(3):
        rows[:] = [row]
        alone.append(with_gradient(model, objective(model, batch(SRC[row : row + 1], TGT[row : row + 1]))))
    assert_close(together, [sum(parts) for parts in zip(*alone, strict=True)])


@pytest.mark.parametrize("method", ["fgm", "vat"])
def test_the_inner_gradient_reaches_no_parameter(method: str) -> None:
    model = new_model()
    adversarial(method)(model, batch())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("method", ["fgm", "vat"])
def test_frozen_embeddings_are_moved_too(method: str) -> None:
    model, pairs = new_model(), batch()
    seed_dropout(1, 1)
    whole = adversarial(method)(model, pairs)
    expected = dict(zip(dict(model.named_parameters()), with_gradient(model, whole)[1:], strict=True))
    for embedding in (model.src_embedding, model.tgt_embedding):
        embedding.requires_grad_(False)
    seed_dropout(1, 1)
    loss = adversarial(method)(model, pairs)
    assert_close([loss.total.detach()], [whole.total.detach()])
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert_close(with_gradient(model, loss)[1:], [expected[name] for name in names])


def test_attention_dropout_which_torch_draws_is_the_same_in_all_passes() -> None:
    model, pairs = new_model(attention_dropout=0.5, layer_drop=0.3), batch()
    seed_dropout(1, 1)
    loss = adversarial("vat", epsilon=1e-5)(model, pairs)
    assert abs(loss.parts["adversarial"]) < 1e-6


def test_a_decoder_that_begins_with_padding_has_that_token_moved() -> None:
    """In Marian's models the decoder reads ``pad`` first: it is a token there."""
    special = replace(OWN, start=OWN.pad)
    model, pairs = new_model(), collate(SRC, TGT, special)
    seen: list[Tensor] = []
    model.tgt_embedding.tokens.weight.data.zero_()
    model.tgt_embedding.scale, model.tgt_embedding.positions = 1.0, None
    model.tgt_embedding.register_forward_hook(lambda _, __, output: seen.append(output.detach()))
    adversarial("vat", side="tgt")(model, pairs)
    moved = seen[1].abs().sum(-1) > 0
    assert torch.equal(moved, pairs.tgt_out.ne(0))
