"""Dropout whose random bits cost little on a CPU.

``torch.nn.functional.dropout`` draws its mask one element at a time on most CPUs, which can take longer than the
matrix products around it. Here the CPU draws 16 bits for each element, 64 at a time, from a fast generator, and keeps
an element where its bits reach a threshold. On a GPU torch's own dropout is used.

Whatever else training draws at random within an update comes from the same generators.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Random(threading.local):
    """A generator for each thread."""

    def __init__(self) -> None:
        self.generator = np.random.Generator(np.random.SFC64(0))


_random = _Random()


def seed_dropout(seed: int, update: int, part: int = 0) -> None:
    """Make every mask that this thread draws from here on a function of ``(seed, update, part)``.

    Called at the start of each update, this leaves no generator state to save: a resumed run draws the same masks.
    Where several threads share an update, each calls it with the number of its part, from 1 on. Part 0 is the whole:
    it seeds torch too, which has one generator for all threads, and those of GPUs.
    """
    entropy = np.random.SeedSequence((seed & 0xFFFFFFFF, update, part))
    _random.generator = np.random.Generator(np.random.SFC64(entropy))
    if part == 0:
        torch.manual_seed(((seed & 0xFFFFFFFF) << 31) ^ update)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # drawn by NumPy, anew at each call
def _mask(x: Tensor, threshold: int) -> Tensor:
    """int8 in the shape of ``x``: 0 with a probability of threshold / 65536, else 1."""
    words = _random.generator.integers(0, 1 << 64, size=(x.numel() + 3) // 4, dtype=np.uint64)
    # The 65,536 values of an int16 start at -32768: this keeps all but the lowest ``threshold`` of them.
    keep = words.view(np.int16)[: x.numel()] >= threshold - 32768
    return torch.from_numpy(keep.view(np.int8)).view(x.shape)


class _Masked(torch.autograd.Function):
    """Keeps a byte for each element for the backward pass, where autograd would keep a number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, scale: float) -> Tensor:
        """``x`` times ``mask`` times ``scale``."""
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return (x * mask).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient under the same mask."""
        return (grad_outputs[0] * ctx.saved_tensors[0]).mul_(ctx.scale), None, None


def chance(p: float) -> bool:
    """True with probability ``p``, drawn as masks are."""
    return bool(_random.generator.random() < p)


def drawn_seed() -> int:
    """A number below 2**63 to seed other draws with, drawn as masks are."""
    return int(_random.generator.integers(1 << 63))


def chances(p: float, shape: torch.Size, device: torch.device) -> Tensor:
    """Bool in that shape, each True with probability ``p`` by itself, drawn on the CPU as masks are."""
    return torch.from_numpy(_random.generator.random(tuple(shape), dtype=np.float32) < p).to(device)


def normal(shape: torch.Size, device: torch.device) -> Tensor:
    """Standard normal numbers, float32, drawn by what draws the masks on that device."""
    if device.type != "cpu":
        return torch.randn(shape, device=device)
    return torch.from_numpy(_random.generator.standard_normal(tuple(shape), dtype=np.float32))


@dataclass(frozen=True)
class DropoutState:
    """Where the generators of this thread are: what is drawn from here on can be drawn again."""

    own: Mapping[str, Any]
    cpu: Tensor
    """Of torch, which draws the dropout of attention weights; one for all threads."""

    gpu: Tensor | None

    @classmethod
    def now(cls, device: torch.device) -> "DropoutState":
        """The state at present, of what draws on ``device``."""
        gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(_random.generator.bit_generator.state, torch.get_rng_state(), gpu)

    def restore(self, device: torch.device) -> None:
        """Draw the same again from here on."""
        _random.generator.bit_generator.state = self.own
        torch.set_rng_state(self.cpu)
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu, device)


class Dropout(nn.Module):
    """Zero a share ``p`` of the elements and scale the others by 1 / (1 - p) (Srivastava et al. 2014).

    On a CPU ``p`` is rounded to a multiple of 1/65536 and the scale follows the rounded value, so the expectation is
    exact.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same shape out; the identity in evaluation."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        threshold = round(self.p * 65536)
        return _Masked.apply(x, _mask(x, threshold), 65536 / (65536 - threshold))  # type: ignore[no-untyped-call]

    def extra_repr(self) -> str:
        """Shown by ``print(model)``."""
        return f"p={self.p}"
