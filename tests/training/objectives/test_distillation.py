import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.training.objectives.distillation import Distillation

pytestmark = pytest.mark.processor

BATCH = collate([[5, 6, 7], [8]], [[9, 10], [11, 12, 13]], OWN)


def new_model(d_model: int, **values: object) -> EncoderDecoder:
    sizes = {"d_model": d_model, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1, "dropout": 0.0}
    config = ModelConfig.model_validate(sizes | values)
    return EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)


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
    model, teacher = new_model(16).double(), new_model(32, output_bias=True).double().eval().requires_grad_(False)
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
