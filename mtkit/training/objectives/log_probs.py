"""What a model gives to each token of some sequences, with a gradient, and without the logits of all of them.

Shapes: N positions, D d_model, V vocabulary.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from mtkit.model.linear import multiply_for
from mtkit.training.objectives.cross_entropy import chunk_rows


def projected_log_probs(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, bias: Tensor | None = None, pad_id: int
) -> Tensor:
    """Log-probability of each target token, a chunk of positions at a time.

    The backward pass computes the logits again: which weight the tokens have is known only then.

    Args:
        hidden: (N, D); the products run in the precision of autocast, or else in its own.
        weight: (V, D).
        targets: int64 (N,).
        bias: (V,), added to the logits.
        pad_id: Id of the padding token.

    Returns:
        (N,), nats, float32 or more; 0 where the target is padding.
    """
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        hidden = hidden.to(torch.get_autocast_dtype(device))
    found: Tensor = _ProjectedLogProbs.apply(hidden, weight, bias, targets, pad_id)  # type: ignore[no-untyped-call]
    return found


class _ProjectedLogProbs(torch.autograd.Function):
    """With p = softmax(logits) and g the gradient in a log-probability, that in the logits is g (onehot - p)."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, pad_id: int) -> Tensor:
        """See ``projected_log_probs``."""
        ctx.save_for_backward(hidden, weight, bias, targets)
        ctx.pad_id = pad_id
        chunks = [
            logits.log_softmax(-1).gather(1, targets[rows, None])[:, 0]
            for rows, logits in _logits(hidden, weight, bias)
        ]
        return torch.cat(chunks).masked_fill(targets.eq(pad_id), 0.0)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the hidden states, the weight and the bias, where they are asked for."""
        hidden, weight, bias, targets = ctx.saved_tensors
        of_hidden, of_weight, of_bias = ctx.needs_input_grad[:3]
        grad_hidden = torch.empty_like(hidden) if of_hidden else None
        grad_weight = torch.zeros_like(weight) if of_weight else None
        grad_bias = torch.zeros_like(bias) if of_bias and bias is not None else None
        grad = grad_outputs[0].masked_fill(targets.eq(ctx.pad_id), 0.0)  # (N,)
        cast_weight = weight.to(hidden.dtype)
        multiply = multiply_for(hidden, cast_weight)
        for rows, logits in _logits(hidden, weight, bias):
            grad_logits = logits.softmax(-1).mul_(-grad[rows, None])
            grad_logits.scatter_add_(1, targets[rows, None], grad[rows, None].to(grad_logits.dtype))
            cast = grad_logits.to(hidden.dtype)
            if grad_hidden is not None:
                grad_hidden[rows] = multiply(cast, cast_weight.t(), None)
            if grad_weight is not None:
                grad_weight += multiply(cast.t(), hidden[rows].t(), None)
            if grad_bias is not None:
                grad_bias += grad_logits.sum(0)
        return grad_hidden, grad_weight, grad_bias, None, None


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Iterator[tuple[slice, Tensor]]:
    """Chunks of positions, and their logits in float32 or more."""
    exact = torch.promote_types(hidden.dtype, torch.float32)
    cast_weight = weight.to(hidden.dtype)
    cast_bias = None if bias is None else bias.to(hidden.dtype)
    multiply = multiply_for(hidden, cast_weight)
    size = chunk_rows(hidden.device.type, weight.size(0))
    for start in range(0, hidden.size(0), size):
        rows = slice(start, start + size)
        yield rows, multiply(hidden[rows], cast_weight, cast_bias).to(exact)
