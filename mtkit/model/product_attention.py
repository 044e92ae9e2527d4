"""Scaled dot-product attention by two plain matrix products, for bf16 on a CPU.

torch's own attention loses there what bf16 gains: its backward pass takes 5 to 50 times as long as in float32. Two
products with a softmax in float32 between them take half the time that it takes in float32.

Shapes: B batch, H heads, Q queries, L keys, E numbers per head, N = B * H.
"""

from typing import Any

import torch
from torch import Tensor

_MAX_WEIGHTS = 1 << 25
"""Weights of attention that are kept for the backward pass; for more, torch's attention, which keeps none."""


def suits(queries: Tensor, keys: Tensor) -> bool:
    """Whether plain products are the better way for queries (B, H, Q, E) and keys (B, H, L, E)."""
    n_weights = queries.numel() // queries.size(-1) * keys.size(2)
    return queries.dtype == torch.bfloat16 and queries.device.type == "cpu" and n_weights <= _MAX_WEIGHTS


def product_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, *, causal: bool) -> Tensor:
    """The weighted sum of values for each query, (B, H, Q, E) (Vaswani et al. 2017, equation 1).

    Args:
        queries: (B, H, Q, E).
        keys: (B, H, L, E).
        values: (B, H, L, E).
        mask: Broadcasts to (B, H, Q, L): bool, True = may attend, or numbers that are added to the scores.
        causal: Hide keys later than the query. Needs Q == L.
    """
    return _ProductAttention.apply(queries, keys, values, mask, causal)  # type: ignore[no-untyped-call]


class _ProductAttention(torch.autograd.Function):
    """Keeps for the backward pass the weights alone, in the precision of the products."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """See ``product_attention``."""
        ctx.scale = queries.size(-1) ** -0.5
        ctx.mask_shape = mask.shape if mask is not None and ctx.needs_input_grad[3] else None
        scaled, keys, values = (queries * ctx.scale).flatten(0, 1), keys.flatten(0, 1), values.flatten(0, 1)
        scores = scaled.bmm(keys.mT).float().view(*queries.shape[:3], -1)  # (B, H, Q, L)
        if mask is not None:
            scores.add_(torch.where(mask, 0.0, -torch.inf) if mask.dtype == torch.bool else mask)
        if causal:
            scores.add_(torch.full(scores.shape[-2:], -torch.inf).triu_(1))
        weights = scores.softmax(-1).flatten(0, 1).to(values.dtype)
        ctx.save_for_backward(scaled, keys, values, weights)
        return weights.bmm(values).view(queries.shape)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of queries, keys and values, and of a mask that is learnt."""
        scaled, keys, values, weights = ctx.saved_tensors
        shape = grad_outputs[0].shape[:2]
        grad = grad_outputs[0].flatten(0, 1)
        grad_values = weights.mT.bmm(grad)
        # In float32: in bf16 torch's kernel takes 25 times as long for rows of 16.
        grad_weights = grad.bmm(values.mT).float()
        grad_scores = torch._softmax_backward_data(grad_weights, weights.float(), -1, torch.float32)
        grad_mask = None
        if ctx.mask_shape is not None:
            grad_mask = grad_scores.unflatten(0, shape).sum_to_size(ctx.mask_shape)
        grad_scores = grad_scores.to(weights.dtype)
        grad_queries = grad_scores.bmm(keys).mul_(ctx.scale)
        grad_keys = grad_scores.mT.bmm(scaled)
        return (*(each.unflatten(0, shape) for each in (grad_queries, grad_keys, grad_values)), grad_mask, None)
