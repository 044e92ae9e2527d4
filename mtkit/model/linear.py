"""Linear maps by the faster of the two libraries that torch multiplies float32 matrices with on a CPU.

Shapes: D numbers in, O numbers out.
"""

import platform
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_WORTH = 2**20  # multiplications from which oneDNN, which is slower to call, is done sooner


class Linear(nn.Linear):
    """torch's, by ``linear`` where no gradients are wanted."""

    packed: Tensor | None = None
    """What ``pack`` makes of the weight, once that will not change any more."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., O)."""
        return linear(x, self.weight, self.bias, packed=self.packed)


def linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False, packed: Tensor | None = None
) -> Tensor:
    """Multiply (..., D) by a matrix (O, D), add a bias (O,) and where ``relu`` keep what is positive: (..., O).

    MKL, which torch uses, leaves the AVX-512 of AMD's processors unused; oneDNN, which comes with torch too, has
    products in it that take half the time. It is asked where no gradients are, and where it pays. ``packed`` is the
    matrix as ``pack`` gave it, which saves putting it in oneDNN's order in each call: for a few rows most of the time.
    """
    product = _onednn()
    if (
        product is not None
        and x.numel() * weight.size(0) >= _WORTH
        and x.dtype == weight.dtype == torch.float32
        and not (x.is_cuda or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"))
        and not torch.compiler.is_compiling()
    ):
        return product(x, weight if packed is None else packed, bias, "relu" if relu else "none", [], "")
    out = F.linear(x, weight, bias)
    return out.relu_() if relu else out


def pack(weight: Tensor) -> Tensor | None:
    """A copy of a matrix (O, D) in the order that oneDNN reads; None where ``linear`` has no use for it.

    It does not follow later changes of the weights.
    """
    if _onednn() is None or weight.is_cuda or weight.dtype != torch.float32:
        return None
    return cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(weight.detach()))


@cache
def _onednn() -> Callable[..., Tensor] | None:
    """The product of oneDNN, where it is faster than MKL's."""
    if torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512" and _is_of_amd():
        with suppress(AttributeError):
            return torch.ops.mkldnn._linear_pointwise.default
    return None


def _is_of_amd() -> bool:
    with suppress(OSError):
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return "AuthenticAMD" in platform.processor()
