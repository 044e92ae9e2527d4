"""Linear maps on a CPU: by the library whose products are faster there, and in shapes that it has seen before.

torch multiplies matrices in float32 by MKL, which leaves the AVX-512 of AMD's processors unused; oneDNN, which comes
with torch too and computes its bf16 products, does not. oneDNN makes a kernel for each number of rows that it has not
seen before: that takes longer than the product itself, and half a megabyte or more. The rows of a training batch,
sentences times length, are hardly ever the same twice. So they are cut into blocks of one size and a rest that is
rounded up with rows of zeros, of whose results nobody sees anything.

Shapes: N rows, D numbers in, O numbers out.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 512
STEP = 64
"""Rows that the rest is rounded up to a multiple of."""

_WORTH = 2**20  # multiplications from which oneDNN, which is slower to call, is done sooner

Multiply = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(N, D), a weight (O, D) and perhaps a bias (O,) to (N, O)."""


class Linear(nn.Linear):
    """torch's, by ``linear``."""

    packed: Tensor | None = None
    """What ``pack`` makes of ``whole_weight``, once that will not change any more."""

    adapted = False
    """Whether ``weight`` is not all that it multiplies by."""

    @property
    def whole_weight(self) -> Tensor:
        """The matrix (O, D) that it multiplies by."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., O)."""
        return linear(x, self.weight, self.bias, packed=self.packed)


def linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False, packed: Tensor | None = None
) -> Tensor:
    """Multiply (..., D) by a matrix (O, D), add a bias (O,) and where ``relu`` keep what is positive: (..., O).

    ``packed`` is the matrix as ``pack`` gave it: for a few rows, putting it in oneDNN's order takes most of the time.
    """
    training = torch.is_grad_enabled()
    if not x.is_cpu or not x.numel() or torch.compiler.is_compiling() or (not training and _autocast_is_on()):
        out = F.linear(x, weight, bias)
    elif _autocast_is_on():
        given = [None if tensor is None else tensor.to(torch.bfloat16) for tensor in (x, weight, bias)]
        out = _blocked(F.linear, *given)
    elif (onednn := _onednn_for(x, weight)) is None:
        out = F.linear(x, weight, bias)
    elif training:
        out = _blocked(onednn, x, weight, bias)
    else:
        return onednn(x, weight if packed is None else packed, bias, relu=relu)
    return out.relu() if relu else out


def multiply_for(x: Tensor, weight: Tensor) -> Multiply:
    """What multiplies ``x`` (N, D) by weights like ``weight`` (O, D) fastest; no gradient passes through it."""
    return (_onednn_for(x, weight) if x.is_cpu else None) or F.linear


def blocks(n_rows: int) -> Iterator[slice]:
    """The rows in blocks; the last one, where it is smaller, is the rest."""
    return (slice(start, min(start + BLOCK, n_rows)) for start in range(0, n_rows, BLOCK))


def padded(x: Tensor) -> Tensor:
    """A block (N, D), with rows of zeros up to a multiple of ``STEP``."""
    missing = -len(x) % STEP
    return F.pad(x, (0, 0, 0, missing)) if missing else x


def _autocast_is_on() -> bool:
    return torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16


def _onednn_for(x: Tensor, weight: Tensor) -> Callable[..., Tensor] | None:
    """OneDNN's product in float32, where it is faster than MKL's and worth the call."""
    if x.dtype != torch.float32 or weight.dtype != torch.float32 or x.numel() * weight.size(0) < _WORTH:
        return None
    return _onednn()


def pack(weight: Tensor) -> Tensor | None:
    """A copy of a matrix (O, D) in the order that oneDNN reads; None where ``linear`` has no use for it.

    It does not follow later changes of the weights.
    """
    if _onednn() is None or weight.is_cuda or weight.dtype != torch.float32:
        return None
    return cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(weight.detach()))


@cache
def _onednn() -> Callable[..., Tensor] | None:
    amd = torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512" and _is_of_amd()
    product = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if amd else None
    return None if product is None else partial(_by_onednn, product.default)


def _by_onednn(
    product: Callable[..., Tensor], x: Tensor, weight: Tensor, bias: Tensor | None, *, relu: bool = False
) -> Tensor:
    return product(x, weight, bias, "relu" if relu else "none", [], "")


def _is_of_amd() -> bool:
    with suppress(OSError):
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return "AuthenticAMD" in platform.processor()


def _blocked(multiply: Multiply, x: Any, weight: Any, bias: Any) -> Tensor:
    rows = x.reshape(-1, x.size(-1))
    return _Blocked.apply(multiply, rows, weight, bias).view(*x.shape[:-1], -1)  # type: ignore[no-untyped-call]


class _Blocked(torch.autograd.Function):
    """A linear map by blocks of rows, forward and backward."""

    @staticmethod
    def forward(ctx: Any, multiply: Multiply, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, D) -> (N, O)."""
        ctx.multiply = multiply
        ctx.save_for_backward(x, weight)
        return _by_blocks(multiply, x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the input, the weight and the bias, where they are asked for."""
        (x, weight), grad = ctx.saved_tensors, grad_outputs[0]
        _, of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            None,
            _by_blocks(ctx.multiply, grad, weight.t(), None) if of_x else None,
            _sum_of_products(ctx.multiply, grad, x) if of_weight else None,
            grad.sum(0) if of_bias else None,
        )


def _by_blocks(multiply: Multiply, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``x`` (N, D) times ``weight`` (O, D) transposed, plus ``bias``: (N, O)."""
    out = x.new_empty(x.size(0), weight.size(0))
    for rows in blocks(len(x)):
        out[rows] = multiply(padded(x[rows]), weight, bias)[: rows.stop - rows.start]
    return out


def _sum_of_products(multiply: Multiply, x: Tensor, y: Tensor) -> Tensor:
    """``x`` (N, D) transposed times ``y`` (N, O): (D, O); all whole blocks at once, then the rest."""
    whole = len(x) - len(x) % BLOCK
    parts = [multiply(x[:whole].t(), y[:whole].t(), None)] if whole else []
    if whole < len(x):
        parts.append(multiply(padded(x[whole:]).t(), padded(y[whole:]).t(), None))
    return parts[0] if len(parts) == 1 else parts[0].add_(parts[1])
