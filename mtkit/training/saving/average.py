"""Averaging checkpoints: the mean of the weights of neighbouring updates is often better than any of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, assert_never

import torch
from torch import Tensor

from mtkit.errors import CheckpointError
from mtkit.files.tensor_file import check_finite
from mtkit.model.weights import load_tensors
from mtkit.training.ema import FILE, averaged_weights
from mtkit.training.saving.checkpoint import CheckpointStore, verify
from mtkit.training.state import TrainState


def average_checkpoints(paths: Sequence[Path], *, ema: bool = False) -> dict[str, Tensor]:
    """The mean of each weight over checkpoints, summed in float64 (Vaswani et al. 2017, section 6.1).

    Args:
        paths: Of the checkpoints.
        ema: Take the averages that the run kept of its weights (``training.ema``) in their place.

    Raises:
        CheckpointError: If there is none, one is damaged or not finite, or they are not of one model.
    """
    if not paths:
        raise CheckpointError("no checkpoints to average")
    sums: dict[str, Tensor] = {}
    for path in paths:
        verify(path)
        check_finite(path / "model.safetensors")
        if ema and (path / FILE).exists():
            check_finite(path / FILE)
        tensors = averaged_weights(path) if ema else load_tensors(path / "model.safetensors")
        if sums and {k: v.shape for k, v in sums.items()} != {k: v.shape for k, v in tensors.items()}:
            raise CheckpointError(f"{path}: another model than {paths[0]}; average checkpoints of one run")
        for name, tensor in tensors.items():
            sums[name] = sums[name] + tensor.double() if name in sums else tensor.double()
    return {name: (total / len(paths)).to(torch.float32) for name, total in sums.items()}


def choose_checkpoints(store: CheckpointStore, state: TrainState, n: int, by: Literal["last", "best"]) -> list[int]:
    """Updates of the ``n`` newest or best checkpoints that exist, fewer where there are not so many; oldest first."""
    updates = [update for update in store.updates() if update not in state.off_schedule]
    match by:
        case "best":
            updates = [update for update in updates if str(update) in state.scores]
            updates.sort(key=lambda update: state.scores[str(update)])
        case "last":
            pass
        case _:
            assert_never(by)
    return sorted(updates[-n:])
