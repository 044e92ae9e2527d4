"""Scaled dot-product attention by two plain matrix products, for bf16 on a CPU.

torch's own attention loses there what bf16 gains: its backward pass takes 5 to 50 times as long as in float32. Two
products with a softmax in float32 between them do not. Where sentences are short, the products are in float32 too: they
gain nothing in bf16, where oneDNN makes a kernel for each number of sentences and lengths, half a megabyte for each.

Shapes: B batch, H heads, Q queries, L keys, E numbers per head, N = B * H.
"""

from typing import Any

import torch
from torch import Tensor

_SHORT = 64  # queries or keys, up to which products are in float32

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
    with torch.autocast("cpu", enabled=False):  # which would cast what is in float32 on purpose
        return _ProductAttention.apply(queries, keys, values, mask, causal)  # type: ignore[no-untyped-call]


def _product_dtype(queries: Tensor, keys: Tensor) -> torch.dtype:
    """Dtype of the products of queries (B, H, Q, E) and keys (B, H, L, E)."""
    return torch.float32 if max(queries.size(2), keys.size(2)) <= _SHORT else queries.dtype


class _ProductAttention(torch.autograd.Function):
    """Attention that keeps only its weights for the backward pass, in the precision of the products."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """See ``product_attention``."""
        shape = queries.shape[:3]
        ctx.scale = queries.size(-1) ** -0.5
        ctx.mask_shape = mask.shape if mask is not None and ctx.needs_input_grad[3] else None
        ctx.product_dtype = _product_dtype(queries, keys)
        queries, keys, values = (x.flatten(0, 1) for x in (queries, keys, values))
        scaled = queries.to(ctx.product_dtype) * ctx.scale
        scores = scaled.bmm(keys.to(ctx.product_dtype).mT).float().view(*shape, -1)  # (B, H, Q, L)
        if mask is not None:
            scores.add_(torch.where(mask, 0.0, -torch.inf) if mask.dtype == torch.bool else mask)
        if causal:
            scores.add_(torch.full(scores.shape[-2:], -torch.inf).triu_(1))
        weights = scores.softmax(-1).flatten(0, 1)
        ctx.save_for_backward(queries, keys, values, weights.to(values.dtype))
        weights = weights.to(ctx.product_dtype)
        return weights.bmm(values.to(ctx.product_dtype)).to(values.dtype).unflatten(0, shape[:2])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of queries, keys and values, and of a mask that is learnt."""
        dtype, shape = grad_outputs[0].dtype, grad_outputs[0].shape[:2]
        queries, keys, values, weights = (x.to(ctx.product_dtype) for x in ctx.saved_tensors)
        grad = grad_outputs[0].flatten(0, 1).to(ctx.product_dtype)
        grad_values = weights.mT.bmm(grad)
        # In float32: in bf16 torch's kernel takes 25 times as long for rows of 16.
        grad_weights = grad.bmm(values.mT).float()
        grad_scores = torch._softmax_backward_data(grad_weights, weights.float(), -1, torch.float32)
        grad_mask = None
        if ctx.mask_shape is not None:
            grad_mask = grad_scores.unflatten(0, shape).sum_to_size(ctx.mask_shape)
        grad_scores = grad_scores.to(weights.dtype).mul_(ctx.scale)
        found = (grad_scores.bmm(keys), grad_scores.mT.bmm(queries), grad_values)
        return (*(each.to(dtype).unflatten(0, shape) for each in found), grad_mask, None)
