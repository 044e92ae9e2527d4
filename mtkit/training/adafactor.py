"""Adafactor (Shazeer and Stern 2018): Adam with the squares of a matrix's gradient kept as a row and a column.

torch's own takes the learning rate as the bound of a relative step, and scales it with the weights: that is another
thing than the rate of the schedule, which fine-tuning is described by. Here the rate is the schedule's, as with AdamW.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_DECAY = 0.8
"""The running means forget 1 - t^-0.8 of themselves at update t (section 7.2)."""

_TINY = 1e-30
"""Added to squares, so that no divisor is zero."""

_CLIP = 1.0
"""Largest root mean square of an update, before the learning rate (section 6)."""


class Adafactor(torch.optim.Optimizer):
    """The algorithm of the paper's section 9, without momentum and without a step relative to the weights.

    Like torch's fused optimisers it heeds ``grad_scale``, what the gradients are divided by, and ``found_inf``, whether
    the update is to be left out, where they are set.
    """

    grad_scale: Tensor | None = None
    found_inf: Tensor | None = None

    def __init__(self, params: Iterable[Any], *, lr: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the weights that have a gradient."""
        assert closure is None
        if self.found_inf is not None and bool(self.found_inf):
            return
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"], group["weight_decay"])

    def _update(self, parameter: Tensor, rate: float, weight_decay: float) -> None:
        assert parameter.grad is not None
        gradient = parameter.grad.float()
        if self.grad_scale is not None:
            gradient = gradient / self.grad_scale
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            for name, shape in state_shapes(parameter.shape).items():
                state[name] = gradient.new_zeros(shape)
        state["step"] += 1
        kept = 1 - float(state["step"]) ** -_DECAY
        squares = gradient.square().add_(_TINY)
        if parameter.dim() > 1:
            row = state["row"].lerp_(squares.mean(-1), 1 - kept)
            column = state["column"].lerp_(squares.mean(-2), 1 - kept)
            mean = row.mean(-1, keepdim=True)[..., None]
            gradient = gradient * (row[..., None] / mean).rsqrt_() * column[..., None, :].rsqrt()
        else:
            gradient = gradient * state["square"].lerp_(squares, 1 - kept).rsqrt()
        gradient /= (gradient.square().mean().sqrt() / _CLIP).clamp_(min=1.0)
        parameter.mul_(1 - rate * weight_decay).add_(gradient, alpha=-rate)


def state_shapes(shape: torch.Size) -> dict[str, tuple[int, ...]]:
    """What is kept of the squares of a parameter's gradient: of a vector all, of a matrix the mean over each row and
    over each column.
    """
    if len(shape) > 1:
        return {"row": (*shape[:-1],), "column": (*shape[:-2], shape[-1])}
    return {"square": (*shape,)}
