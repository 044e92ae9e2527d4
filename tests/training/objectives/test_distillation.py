import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.training.objectives import cross_entropy
from mtkit.training.objectives.distillation import Distillation, Projected, projected_divergence

pytestmark = pytest.mark.processor

N, D, V = 11, 6, 13
BATCH = collate([[5, 6, 7], [8]], [[9, 10], [11, 12, 13]], OWN)


def projected(d_model: int, *, bias: bool) -> Projected:
    tensors = [torch.randn(N, d_model), torch.randn(V, d_model), *[torch.randn(V)] * bias]
    hidden, weight, *rest = (tensor.double().requires_grad_() for tensor in tensors)
    return Projected(hidden, weight, rest[0] if rest else None)


def log_softmax(of: Projected, temperature: float) -> Tensor:
    logits = of.hidden @ of.weight.t()
    return ((logits if of.bias is None else logits + of.bias) / temperature).log_softmax(-1)


def new_model(d_model: int, **values: object) -> EncoderDecoder:
    sizes = {"d_model": d_model, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1, "dropout": 0.0}
    config = ModelConfig.model_validate(sizes | values)
    return EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("bias", [False, True])
def test_the_divergence_and_its_gradients_are_those_of_whole_logits(
    chunk_rows: int, temperature: float, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cross_entropy._CHUNK_LOGITS, "cpu", chunk_rows * V)
    torch.manual_seed(0)
    student, teacher = projected(D, bias=bias), projected(2 * D, bias=bias)
    real = torch.rand(N) < 0.7
    log_p, log_q = log_softmax(teacher, temperature).detach(), log_softmax(student, temperature)
    expected = F.kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)[real].sum()
    found = projected_divergence(student, teacher, real, temperature=temperature)
    torch.testing.assert_close(found, expected)
    inputs = [tensor for tensor in student if tensor is not None]
    of_found, of_expected = (torch.autograd.grad(0.3 * total, inputs) for total in (found, expected))
    for mine, theirs in zip(of_found, of_expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def slow_loss(
    model: EncoderDecoder, teacher: EncoderDecoder, batch: Batch, weight: float, temperature: float
) -> Tensor:
    """Equation by equation, over the logits of the whole batch."""
    mask = batch.src.eq(0)
    z, u = (each.project(each(batch.src, batch.tgt_in, mask)).flatten(0, 1) for each in (model, teacher))
    target, real = batch.tgt_out.flatten(), batch.tgt_out.flatten() != 0
    hard = F.cross_entropy(z, target, ignore_index=0, label_smoothing=0.1, reduction="sum")
    p, log_q = (u.detach() / temperature).softmax(-1), (z / temperature).log_softmax(-1)
    soft = (p * (p.log() - log_q)).sum(-1)[real].sum()
    return (1 - weight) * hard + weight * temperature**2 * soft


@pytest.mark.parametrize(("weight", "temperature"), [(0.5, 1.0), (0.3, 2.0), (1.0, 1.0)])
def test_the_loss_is_the_mixture_of_the_equation(weight: float, temperature: float) -> None:
    torch.manual_seed(0)
    model, teacher = new_model(16).double(), new_model(32, output_bias=True).double().eval()
    objective = Distillation(teacher, pad_id=0, smoothing=0.1, weight=weight, temperature=temperature)
    loss = objective(model, BATCH)
    expected = slow_loss(model, teacher, BATCH, weight, temperature)
    # The cross-entropy is summed up in float32.
    torch.testing.assert_close(loss.total.double(), expected, rtol=1e-6, atol=0)
    found, wanted = (torch.autograd.grad(total, [*model.parameters()]) for total in (loss.total, expected))
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)
    parts = (1 - weight) * loss.parts["cross_entropy"] + weight * loss.parts["distillation"]
    torch.testing.assert_close(parts, loss.total.detach())


def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it() -> None:
    torch.manual_seed(0)
    model = new_model(16)
    teacher = copy.deepcopy(model).eval()
    loss = Distillation(teacher, pad_id=0, smoothing=0.0, weight=1.0, temperature=2.0)(model, BATCH)
    assert abs(float(loss.parts["distillation"])) < 1e-4  # of a sum over 7 tokens in float32
    for gradient in torch.autograd.grad(loss.total, [*model.parameters()]):
        assert float(gradient.abs().max()) < 1e-4


def test_the_teacher_has_no_gradient_and_no_dropout() -> None:
    torch.manual_seed(0)
    model, teacher = new_model(16), new_model(16, dropout=0.5).eval()
    objective = Distillation(teacher, pad_id=0, smoothing=0.1, weight=0.5, temperature=1.0)
    one, other = objective(model, BATCH), objective(model, BATCH)
    assert torch.equal(one.parts["distillation"], other.parts["distillation"])
    gradients = torch.autograd.grad(one.total, [*teacher.parameters()], allow_unused=True)
    assert gradients == (None,) * len(gradients)


def test_padding_is_invisible() -> None:
    torch.manual_seed(0)
    model, teacher = new_model(16), new_model(16).eval()
    objective = Distillation(teacher, pad_id=0, smoothing=0.1, weight=0.7, temperature=1.5)
    whole, parts = objective(model, BATCH), [objective(model, part) for part in BATCH.parts(2, 0)]
    torch.testing.assert_close(whole.total, parts[0].total + parts[1].total)


def test_autocast_computes_the_products_in_bfloat16() -> None:
    torch.manual_seed(0)
    model, teacher = new_model(16), new_model(16).eval()
    objective = Distillation(teacher, pad_id=0, smoothing=0.1, weight=0.5, temperature=1.0)
    exact = objective(model, BATCH)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = objective(model, BATCH)
    assert loss.total.dtype == torch.float32
    torch.testing.assert_close(loss.total, exact.total, rtol=2e-2, atol=0)
    assert all(grad.dtype == torch.float32 for grad in torch.autograd.grad(loss.total, [*model.parameters()]))
