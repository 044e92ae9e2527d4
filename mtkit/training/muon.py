"""Muon (Jordan et al. 2024): the steps of the linear maps in layers are made orthogonal; all else is AdamW's.

torch's own optimiser knows matrices alone, computes in bf16, and cannot leave out an update that is not finite.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_N_STEPS = 5  # of the iteration
_COEFFICIENTS = 3.4445, -4.7750, 2.0315  # of its polynomial, for a steep slope at zero
_LIKE_ADAMW = 0.2
"""Root mean square of AdamW's steps, at a rate of 1 (Liu et al. 2025, section 2.2)."""


class Muon(torch.optim.Optimizer):
    """Muon for the groups with ``n_stacked``, AdamW for the others, at one learning rate.

    A step of a matrix of A rows and B columns is as long as AdamW's: 0.2 sqrt(max(A, B)) times an orthogonal matrix
    (Liu et al. 2025, equation 4). Like torch's fused optimisers it heeds ``grad_scale``, what the gradients are divided
    by, and ``found_inf``, whether the update is to be left out, where they are set.
    """

    grad_scale: Tensor | None = None
    found_inf: Tensor | None = None

    def __init__(self, groups: Sequence[dict[str, Any]], *, lr: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0, "n_stacked": 0})
        others = [group for group in self.param_groups if not group["n_stacked"]]
        self._adamw = torch.optim.AdamW(others, lr=lr, betas=betas, eps=eps, fused=True) if others else None
        if self._adamw is not None:  # it works on the groups and the state that others see here
            self._adamw.param_groups = others
            for group in others:
                group |= {key: value for key, value in self._adamw.defaults.items() if key not in group}
            self._adamw.state = self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the weights that have a gradient."""
        assert closure is None
        if self.found_inf is not None and bool(self.found_inf):
            return
        if self._adamw is not None:
            self._adamw.grad_scale = self.grad_scale  # type: ignore[attr-defined]
            self._adamw.found_inf = self.found_inf  # type: ignore[attr-defined]
            self._adamw.step()
        for group in self.param_groups:
            for matrix in group["params"] if group["n_stacked"] else ():
                if matrix.grad is not None:
                    self._update(matrix, group["lr"], group["weight_decay"], group["n_stacked"])

    def _update(self, stacked: Tensor, rate: float, weight_decay: float, n_stacked: int) -> None:
        """Update as many matrices as are one above the other in a weight."""
        assert stacked.grad is not None
        gradient = stacked.grad if self.grad_scale is None else stacked.grad / self.grad_scale
        state = self.state[stacked]
        if not state:
            state["momentum"] = torch.zeros_like(stacked)
        momentum = state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        ahead = gradient.lerp(momentum, _MOMENTUM)  # Nesterov's
        stacked.mul_(1 - rate * weight_decay)
        for matrix, direction in zip(stacked.chunk(n_stacked), ahead.chunk(n_stacked), strict=True):
            matrix.add_(orthogonal(direction), alpha=-rate * _LIKE_ADAMW * math.sqrt(max(matrix.shape)))


def hidden_matrices(model: nn.Module) -> dict[Tensor, int]:
    """The weights whose steps Muon makes orthogonal, each with the number of maps that it is stacked from.

    They are those of the linear maps in the layers of encoder and decoder: not embeddings, the output, or what is
    recurrent.
    """
    found: dict[Tensor, int] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name.startswith(("encoder.", "decoder.")):
            found[module.weight] = 2 if name.endswith(".kv_proj") else 1  # keys and values
    return found


def orthogonal(matrix: Tensor) -> Tensor:
    """Near U V^T of the singular value decomposition U S V^T, by five steps of a Newton-Schulz iteration.

    Singular values come to lie between about 0.7 and 1.2: what matters is that none is small.
    """
    a, b, c = _COEFFICIENTS
    x = matrix.T if matrix.size(0) > matrix.size(1) else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_N_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.size(0) > matrix.size(1) else x
