"""The optimiser of a run, and its step."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, assert_never

import torch
from torch import Tensor

from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import TrainingConfig
from mtkit.training.adafactor import Adafactor
from mtkit.training.muon import Muon, hidden_matrices
from mtkit.training.schedule_free import ScheduleFree
from mtkit.training.team import SOLO, Team


def build_optimizer(model: EncoderDecoder, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) or what the settings name, with weight decay on matrices alone, over what is
    trained.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.dim() > 1]
    vectors = [p for p in trained if p.dim() <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    match config.optimizer:
        case "adamw":
            return torch.optim.AdamW(
                groups, lr=config.learning_rate, betas=config.adam_betas, eps=config.adam_epsilon, fused=True
            )
        case "adafactor":
            return Adafactor(groups, lr=config.learning_rate)
        case "schedule_free":
            return ScheduleFree(groups, lr=config.learning_rate, betas=config.adam_betas, eps=config.adam_epsilon)
        case "muon":
            hidden = hidden_matrices(model)
            for n in (1, 2):
                stacked = [matrix for matrix in matrices if hidden.get(matrix) == n]
                groups.append({"params": stacked, "weight_decay": config.weight_decay, "n_stacked": n})
            groups[0]["params"] = [matrix for matrix in matrices if matrix not in hidden]
            groups = [group for group in groups if group["params"]]
            return Muon(groups, lr=config.learning_rate, betas=config.adam_betas, eps=config.adam_epsilon)
        case _:
            assert_never(config.optimizer)


def as_judged(optimizer: torch.optim.Optimizer) -> AbstractContextManager[None]:
    """Within the block the model has the weights that it is validated, saved and used with."""
    return optimizer.at_average() if isinstance(optimizer, ScheduleFree) else nullcontext()


def step(optimizer: torch.optim.Optimizer, max_grad_norm: float, team: Team = SOLO) -> Tensor:
    """Sum the gradients of the team, clip by the global norm and update; leave all as it is where that is not finite.

    The fused optimiser divides by ``grad_scale`` and heeds ``found_inf`` on the device itself, so that nothing waits
    for the outcome.

    Returns:
        The norm before it was clipped.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    gradients = team.sum([parameter.grad for parameter in parameters if parameter.grad is not None])
    grad_norm = torch.nn.utils.get_total_norm(gradients)
    optimizer.grad_scale = (grad_norm / max_grad_norm).clamp_(min=1.0).float()  # type: ignore[attr-defined]
    optimizer.found_inf = grad_norm.isfinite().logical_not_().float()  # type: ignore[attr-defined]
    optimizer.step()
    return grad_norm
