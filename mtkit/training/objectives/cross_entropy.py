"""The cross-entropy, without the logits of a whole batch.

Shapes: B batch, T target length, N = B * T, D d_model, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.linear import multiply_for
from mtkit.training.objectives.loss import Loss

# Logits held at once: on a CPU 8 MB in float32, which stays in its cache; on a GPU 512 MB, so that few kernels do it.
_CHUNK_LOGITS = {"cpu": 1 << 21, "cuda": 1 << 27}


class CrossEntropy:
    """Cross-entropy against the reference mixed with the uniform distribution (Szegedy et al. 2016, section 7)."""

    def __init__(self, *, pad_id: int, smoothing: float) -> None:
        self.pad_id = pad_id
        self.smoothing = smoothing

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """The loss of a batch; (B, T, V) logits never exist at once."""
        hidden = model(batch.src, batch.tgt_in, batch.src_padding_mask(self.pad_id))  # (B, T, D)
        total, nll = projected_cross_entropy(
            hidden.flatten(0, 1),
            model.output_weight,
            batch.tgt_out.flatten(),
            bias=model.output_bias,
            pad_id=self.pad_id,
            smoothing=self.smoothing,
        )
        return Loss(total, nll, batch.n_tgt_tokens)


def projected_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    pad_id: int,
    smoothing: float,
    again: bool = False,
) -> tuple[Tensor, Tensor]:
    """Project and take the smoothed cross-entropy, a chunk of positions at a time.

    Args:
        hidden: (N, D); the products run in the precision of autocast, or else in its own.
        weight: (V, D).
        targets: int64 (N,); positions equal to ``pad_id`` carry no loss.
        bias: (V,), added to the logits.
        pad_id: Id of the padding token.
        smoothing: Mass spread evenly over all V tokens, the reference included.
        again: Whether the gradient may be asked for more than once, as with autograd's ``retain_graph``.

    Returns:
        The smoothed loss and the negative log-likelihood, two float32 scalars summed over real tokens, in nats.
        The gradient flows through the first alone.
    """
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        hidden = hidden.to(torch.get_autocast_dtype(device))
    on = torch.is_grad_enabled()
    needed = [on and tensor is not None and tensor.requires_grad for tensor in (hidden, weight, bias)]
    total, nll = _ProjectedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, pad_id, smoothing, needed, again
    )
    return total, nll


def chunk_rows(device: str, n_logits: int) -> int:
    """Positions whose logits are held at once; a multiple of 64, so that the last chunk alone has another shape.

    Args:
        device: Its type.
        n_logits: Numbers that each position has.
    """
    rows = _CHUNK_LOGITS[device] // n_logits
    return rows - rows % 64 if rows > 64 else max(1, rows)


class _ProjectedCrossEntropy(torch.autograd.Function):
    """Computes its gradients in the forward pass, while each chunk of logits is at hand.

    With p = softmax(logits) and q = (1 - s) * onehot(target) + s / V the gradient of the loss in the logits is p - q.
    Only p takes a pass over (N, V): the two parts of q reach the gradients as a row of ``weight`` and as its mean. The
    logarithm of the normaliser, which the loss needs, follows from the largest logit and its probability.
    The gradient in the bias is the sum of p - q over the positions.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        pad_id: int,
        smoothing: float,
        needed: list[bool],
        again: bool,
    ) -> tuple[Tensor, Tensor]:
        """See ``projected_cross_entropy``."""
        cast_weight = weight.to(hidden.dtype)
        cast_bias = None if bias is None else bias.to(hidden.dtype)
        mean_weight = cast_weight.mean(0)  # (D,)
        mean_bias = 0.0 if bias is None else bias.float().mean()
        real = targets.ne(pad_id)[:, None].float()  # (N, 1)
        nll = hidden.new_zeros((), dtype=torch.float32)
        total = hidden.new_zeros((), dtype=torch.float32)
        of_hidden, of_weight, of_bias = needed
        grad_hidden = torch.empty_like(hidden) if of_hidden else None
        grad_weight = torch.zeros_like(weight) if of_weight else None
        grad_bias = torch.zeros_like(bias) if of_bias and bias is not None else None
        multiply = multiply_for(hidden, cast_weight)
        size = chunk_rows(hidden.device.type, weight.size(0))
        for start in range(0, hidden.size(0), size):
            rows = slice(start, start + size)
            chunk, target = hidden[rows], targets[rows]
            logits = multiply(chunk, cast_weight, cast_bias)  # (C, V)
            probabilities = logits.softmax(-1)  # summed up in float32
            log_z = logits.amax(-1).float() - probabilities.amax(-1).float().log()  # (C,)
            target_logit = logits.gather(1, target[:, None])[:, 0].float()
            chunk_nll = ((log_z - target_logit) * real[rows, 0]).sum()
            uniform = ((log_z - chunk @ mean_weight - mean_bias) * real[rows, 0]).sum()
            nll += chunk_nll
            total += (1 - smoothing) * chunk_nll + smoothing * uniform
            if grad_hidden is not None:
                q = (1 - smoothing) * cast_weight[target] + smoothing * mean_weight  # (C, D)
                grad_hidden[rows] = (multiply(probabilities, cast_weight.t(), None) - q) * real[rows]
            if grad_weight is not None:
                counted = (chunk * real[rows]).to(hidden.dtype)
                grad_weight += multiply(probabilities.t(), counted.t(), None)
            if grad_bias is not None:
                grad_bias += real[rows, 0] @ probabilities.float()
        if grad_weight is not None:
            counted = (hidden * real).to(grad_weight.dtype)
            grad_weight.index_add_(0, targets, counted, alpha=smoothing - 1)
            grad_weight -= counted.sum(0) * (smoothing / weight.size(0))
        if grad_bias is not None:
            grad_bias.index_add_(0, targets, real[:, 0].to(grad_bias.dtype), alpha=smoothing - 1)
            grad_bias -= real.sum() * (smoothing / weight.size(0))
        ctx.gradients, ctx.again = (grad_hidden, grad_weight, grad_bias), again
        ctx.mark_non_differentiable(nll)
        return total, nll

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what the forward pass computed, and let go of it: autograd copies what somebody else still holds."""
        if ctx.again:
            return *[None if gradient is None else gradient * grad_outputs[0] for gradient in ctx.gradients], *[
                None
            ] * 5
        gradients = [None if gradient is None else gradient.mul_(grad_outputs[0]) for gradient in ctx.gradients]
        ctx.gradients = None
        return *gradients, *[None] * 5
