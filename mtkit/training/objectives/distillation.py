"""Word-level distillation: the predictions of a teacher are learnt beside the references.

Shapes: B batch, T target length, N = B * T, D d_model (of either model), V vocabulary.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.linear import multiply_for
from mtkit.training.objectives.cross_entropy import chunk_rows, projected_cross_entropy
from mtkit.training.objectives.loss import Loss


class Distillation:
    """Cross-entropy mixed with the divergence from a teacher (Hinton et al. 2015; Kim and Rush 2016, section 3.1).

    With the temperature τ, the teacher's and the student's logits u and z, p = softmax(u / τ) and q = softmax(z / τ),
    the loss of a target token is (1 - weight) * CE(reference, softmax(z)) + weight * τ² * KL(p || q). The gradient of
    the second term in z is τ (q - p): that of the cross-entropy to p, which differs by the entropy of p and is not zero
    where student and teacher agree. τ² keeps the gradient from shrinking as τ grows (Hinton et al. 2015, section 2).
    """

    def __init__(
        self, teacher: EncoderDecoder, *, pad_id: int, smoothing: float, weight: float, temperature: float
    ) -> None:
        """Learn from ``teacher``, which is on the device of the models that will learn, in evaluation mode.

        It reads the same ids. Several threads may use it at once.
        """
        self.teacher = teacher
        self.pad_id = pad_id
        self.smoothing = smoothing
        self.weight = weight
        self.temperature = temperature

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch; neither model's (B, T, V) logits ever exist at once.

        ``parts`` are cross_entropy and distillation, τ² KL, as they are before they are weighted.
        """
        padded = batch.n_src_tokens < batch.src.numel()
        mask = batch.src.eq(self.pad_id) if padded else None
        targets = batch.tgt_out.flatten()
        hidden = model(batch.src, batch.tgt_in, mask).flatten(0, 1)  # (N, D)
        student = Projected(hidden, model.output_weight, model.output_bias)
        cross_entropy, nll = projected_cross_entropy(
            student.hidden,
            student.weight,
            targets,
            bias=student.bias,
            pad_id=self.pad_id,
            smoothing=self.smoothing,
        )
        with torch.no_grad():
            hidden = self.teacher(batch.src, batch.tgt_in, mask).flatten(0, 1)
        teacher = Projected(hidden, self.teacher.output_weight, self.teacher.output_bias)
        divergence = projected_divergence(student, teacher, targets.ne(self.pad_id), temperature=self.temperature)
        distillation = self.temperature**2 * divergence
        total = (1 - self.weight) * cross_entropy + self.weight * distillation
        parts = {"cross_entropy": cross_entropy.detach(), "distillation": distillation.detach()}
        return Loss(total, nll, batch.n_tgt_tokens, parts)


class Projected(NamedTuple):
    """What the logits of a model are computed from: hidden @ weight.t() + bias."""

    hidden: Tensor
    """(N, D)."""

    weight: Tensor
    """(V, D)."""

    bias: Tensor | None
    """(V,)."""


def projected_divergence(student: Projected, teacher: Projected, real: Tensor, *, temperature: float) -> Tensor:
    """KL(teacher || student) of softmax(logits / temperature), a chunk of positions at a time.

    Args:
        student: The products run in the precision of autocast, or else in that of its hidden states.
        teacher: Of the same V, and as many positions.
        real: Bool (N,), False where a position carries no loss.
        temperature: Above 0.

    Returns:
        Summed over real positions, in nats; a float32 scalar, or float64 where that is the precision of the student.
        The gradient flows to the student alone.
    """
    device = student.hidden.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        student, teacher = (each._replace(hidden=each.hidden.to(dtype)) for each in (student, teacher))
    on = torch.is_grad_enabled()
    needed = [on and tensor is not None and tensor.requires_grad for tensor in student]
    found: Tensor = _ProjectedDivergence.apply(  # type: ignore[no-untyped-call]
        *student, *(None if tensor is None else tensor.detach() for tensor in teacher), real, temperature, needed
    )
    return found


class _ProjectedDivergence(torch.autograd.Function):
    """Computes its gradients in the forward pass, while each chunk of logits is at hand, as the cross-entropy does."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        teacher_hidden: Tensor,
        teacher_weight: Tensor,
        teacher_bias: Tensor | None,
        real: Tensor,
        temperature: float,
        needed: list[bool],
    ) -> Tensor:
        """See ``projected_divergence``."""
        cast_weight, cast_bias = _cast(weight, bias, hidden.dtype)
        teacher_weight, teacher_bias = _cast(teacher_weight, teacher_bias, teacher_hidden.dtype)
        exact = torch.promote_types(hidden.dtype, torch.float32)
        total = hidden.new_zeros((), dtype=exact)
        of_hidden, of_weight, of_bias = needed
        grad_hidden = torch.empty_like(hidden) if of_hidden else None
        grad_weight = torch.zeros_like(weight) if of_weight else None
        grad_bias = torch.zeros_like(bias) if of_bias and bias is not None else None
        multiply, multiply_teacher = multiply_for(hidden, cast_weight), multiply_for(teacher_hidden, teacher_weight)
        size = chunk_rows(hidden.device.type, weight.size(0))
        for start in range(0, hidden.size(0), size):
            rows = slice(start, start + size)
            logits = multiply(hidden[rows], cast_weight, cast_bias)  # (C, V)
            teacher_logits = multiply_teacher(teacher_hidden[rows], teacher_weight, teacher_bias)
            log_q = (logits.to(exact) / temperature).log_softmax(-1)
            p = (teacher_logits.to(exact) / temperature).softmax(-1)
            cross_entropy, entropy = -(p * log_q).sum(-1), torch.special.entr(p).sum(-1)
            total += ((cross_entropy - entropy) * real[rows]).sum()
            if not any(needed):
                continue
            grad_logits = log_q.exp_().sub_(p).mul_(real[rows, None] / temperature).to(hidden.dtype)
            if grad_hidden is not None:
                grad_hidden[rows] = multiply(grad_logits, cast_weight.t(), None)
            if grad_weight is not None:
                grad_weight += multiply(grad_logits.t(), hidden[rows].t(), None)
            if grad_bias is not None:
                grad_bias += grad_logits.to(exact).sum(0)
        ctx.gradients = grad_hidden, grad_weight, grad_bias
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what the forward pass computed, and let go of it."""
        gradients = [None if gradient is None else gradient.mul_(grad_outputs[0]) for gradient in ctx.gradients]
        ctx.gradients = None
        return *gradients, *[None] * 6


def _cast(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    return weight.to(dtype), None if bias is None else bias.to(dtype)
