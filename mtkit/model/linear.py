"""Linear maps whose products come in few shapes, where every new shape costs.

oneDNN, which computes torch's bf16 products on a CPU, makes a kernel for each number of rows that it has not seen
before: that takes longer than the product itself, and half a megabyte or more. The rows of a batch, sentences times
length, are hardly ever the same twice. So they are cut into blocks of one size and a rest that is rounded up with rows
of zeros, of whose results nobody sees anything.

Shapes: N rows, D inputs, D' outputs.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 512
STEP = 64
"""Rows that the rest is rounded up to a multiple of."""


class Linear(nn.Linear):
    """torch's, by blocks of rows in bf16 training on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D')."""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x`` (..., D) times ``weight`` (D', D) transposed, plus ``bias`` (D',): (..., D')."""
    if not _makes_kernels(x):
        return F.linear(x, weight, bias)
    rows = x.to(torch.bfloat16).reshape(-1, x.size(-1))
    weight, bias = weight.to(torch.bfloat16), None if bias is None else bias.to(torch.bfloat16)
    return _BlockedLinear.apply(rows, weight, bias).view(*x.shape[:-1], -1)  # type: ignore[no-untyped-call]


def blocks(n_rows: int) -> Iterator[slice]:
    """The rows in blocks; the last one, where it is smaller, is the rest."""
    return (slice(start, min(start + BLOCK, n_rows)) for start in range(0, n_rows, BLOCK))


def padded(x: Tensor) -> Tensor:
    """A block (N, ...), with rows of zeros up to a multiple of ``STEP``."""
    missing = -len(x) % STEP
    return F.pad(x, (0, 0) * (x.dim() - 1) + (0, missing)) if missing else x


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x`` (N, D) times ``weight`` (D, D'), block by block, plus ``bias``: (N, D')."""
    out = x.new_empty(x.size(0), weight.size(1))
    for rows in blocks(len(x)):
        block = padded(x[rows])
        done = block @ weight if bias is None else torch.addmm(bias, block, weight)
        out[rows] = done[: rows.stop - rows.start]
    return out


def sum_of_products(x: Tensor, y: Tensor) -> Tensor:
    """``x`` (N, D) transposed times ``y`` (N, D'): (D, D'); all whole blocks at once, then the rest."""
    whole = len(x) - len(x) % BLOCK
    rest = padded(x[whole:]).t() @ padded(y[whole:]) if whole < len(x) else None
    if not whole:
        assert rest is not None
        return rest
    out = x[:whole].t() @ y[:whole]
    return out if rest is None else out.add_(rest)


def _makes_kernels(x: Tensor) -> bool:
    if x.device.type != "cpu" or not x.numel() or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16


class _BlockedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, D) -> (N, D')."""
        ctx.save_for_backward(x, weight)
        return product(x, weight.t(), bias)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the input, the weight and the bias, where they are asked for."""
        (x, weight), grad = ctx.saved_tensors, grad_outputs[0]
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            product(grad, weight) if of_x else None,
            sum_of_products(grad, x) if of_weight else None,
            grad.sum(0) if of_bias else None,
        )
