"""Schedule-Free AdamW (Defazio et al. 2024, algorithm 1): an average of the weights in the place of a decaying rate.

Three points are kept of every weight: z, where the steps of the optimiser go; x, a running average of z, which is the
model; and y, between the two, where the gradient is taken. The model in training holds y.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

SCALARS = ("step", "largest_rate", "sum_of_weights")
"""Numbers of the state, the same for all weights: updates done, the largest rate so far, the sum of squared rates."""


class ScheduleFree(torch.optim.Optimizer):
    """The algorithm of the paper, with the learning rate, and its warm-up, as the groups of the optimiser have them.

    An update at rate gamma, with the gradient g taken at y and V its squares' mean:

        z' = z - gamma (g / (sqrt(V) + eps) + decay y)
        x' = (1 - c) x + c z'    with c = max gamma^2 / sum max gamma^2
        y' = (1 - beta1) z' + beta1 x'

    Like torch's fused optimisers it heeds ``grad_scale``, what the gradients are divided by, and ``found_inf``, whether
    the update is to be left out, where they are set. Gradients are overwritten.
    """

    grad_scale: Tensor | None = None
    found_inf: Tensor | None = None

    def __init__(self, params: Iterable[Any], *, lr: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": 0.0})
        self._betas, self._eps = betas, eps
        self._averages: dict[Tensor, Tensor] = {}  # x of each weight that has been updated

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the weights that have a gradient."""
        assert closure is None
        if self.found_inf is not None and bool(self.found_inf):
            return
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self._update(weights, group["lr"], group["weight_decay"])

    def _update(self, ys: list[Tensor], rate: float, weight_decay: float) -> None:
        for y in ys:
            if y not in self._averages:
                self._averages[y] = y.clone()
                self.state[y] = {"z": y.clone(), "exp_avg_sq": torch.zeros_like(y)}
                self.state[y] |= {name: torch.zeros((), dtype=torch.float64) for name in SCALARS}
        beta2 = self._betas[1]
        first = self.state[ys[0]]
        step = float(first["step"]) + 1
        largest = max(rate, float(first["largest_rate"]))
        total = float(first["sum_of_weights"]) + largest**2
        for y in ys:
            for name, value in zip(SCALARS, (step, largest, total), strict=True):
                self.state[y][name].fill_(value)

        steps: list[Tensor] = [y.grad for y in ys if y.grad is not None]
        if self.grad_scale is not None:
            torch._foreach_div_(steps, self.grad_scale)
        squares = [self.state[y]["exp_avg_sq"] for y in ys]
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, steps, steps, 1 - beta2)
        divisors = torch._foreach_div(squares, 1 - beta2**step)
        torch._foreach_sqrt_(divisors)
        torch._foreach_add_(divisors, self._eps)
        torch._foreach_div_(steps, divisors)
        if weight_decay:
            torch._foreach_add_(steps, ys, alpha=weight_decay)

        zs, xs = [self.state[y]["z"] for y in ys], [self._averages[y] for y in ys]
        torch._foreach_add_(zs, steps, alpha=-rate)
        if total:  # a rate of zero has no weight in the average
            torch._foreach_lerp_(xs, zs, largest**2 / total)
        self._go_between(ys)

    def _go_between(self, ys: list[Tensor]) -> None:
        """Let the weights be y, from z and x."""
        if not ys:
            return
        torch._foreach_copy_(ys, [self.state[y]["z"] for y in ys])
        torch._foreach_lerp_(ys, [self._averages[y] for y in ys], self._betas[0])

    @contextmanager
    def at_average(self) -> Iterator[None]:
        """Within the block the weights are x: to be measured or saved, not to be trained."""
        with torch.no_grad():
            for y, x in self._averages.items():
                y.copy_(x)
        try:
            yield
        finally:
            with torch.no_grad():
                self._go_between(list(self._averages))

    @torch.no_grad()
    def go_on(self) -> None:
        """Take up training where the weights are x, and the state is that of the checkpoint that they are from."""
        self._averages = {weight: weight.clone() for weight in self.state}
        for weight in self.state:
            self.state[weight] |= {name: self.state[weight][name].cpu() for name in SCALARS}
        self._go_between(list(self._averages))
