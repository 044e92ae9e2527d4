"""An exponential moving average of the weights, kept beside them (Polyak and Juditsky 1992; Marian's smoothing).

After n averaged updates the average m of a weight w is

    m' = b m + (1 - b) w    with b = min(decay, (1 + n) / (10 + n))

so that a young average soon forgets the weights that it began with. An update that was skipped counts as one that left
the weights as they were. Other than in Marian b does not depend on the words of an update: those of a run are about
equally many.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from mtkit.errors import CheckpointError
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import load_tensors
from mtkit.settings.training import TrainingConfig
from mtkit.training.schedule import WARMUP_SHARE
from mtkit.training.state import TrainState

FILE = "ema.safetensors"
"""In a checkpoint: the averages of the trained weights, by their names."""


class Ema:
    """The averages of the trained weights of a model, in float32; none before they begin."""

    def __init__(self, model: EncoderDecoder, training: TrainingConfig) -> None:
        assert training.ema.decay is not None
        self._decay, self._training = training.ema.decay, training
        self._weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._averages: dict[str, Tensor] = {}

    @property
    def has_begun(self) -> bool:
        """Whether there is an average."""
        return bool(self._averages)

    @torch.no_grad()
    def update(self, state: TrainState) -> None:
        """Take in the weights of the present update; ``state`` counts those that were taken in."""
        if not self._averages:
            if self._begins(state):
                self._averages = {name: weight.float().clone() for name, weight in self._weights.items()}
                state.ema_updates = 1
            return
        n = state.ema_updates
        kept = min(self._decay, (1 + n) / (10 + n))
        torch._foreach_lerp_(list(self._averages.values()), list(self._weights.values()), 1 - kept)
        state.ema_updates = n + 1

    def _begins(self, state: TrainState) -> bool:
        """Whether the present update is where the average begins."""
        training = self._training
        if training.ema.start is not None:
            return state.update >= training.ema.start
        in_time = training.max_minutes is not None and state.share >= WARMUP_SHARE
        return in_time or state.update >= training.warmup_updates

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Within the block the model has the averages, to be measured."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, average in self._averages.items():
            weight = self._weights[name]
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)

    def tensors(self) -> dict[str, Tensor]:
        """The averages by name, on the CPU, for a checkpoint."""
        return {name: average.cpu().contiguous() for name, average in self._averages.items()}

    def restore(self, tensors: Mapping[str, Tensor], state: TrainState, *, source: Path) -> None:
        """Inverse of ``tensors``.

        Raises:
            CheckpointError: If they are of another model, or not there though ``state`` counts them.
        """
        expected = {name: weight.shape for name, weight in self._weights.items()} if state.ema_updates else {}
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise CheckpointError(f"{source / FILE}: not the averages of this model's weights")
        self._averages = {name: tensors[name].float().to(self._weights[name].device) for name in expected}


def averaged_weights(checkpoint: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint with the averages in the place of those that were trained.

    Raises:
        CheckpointError: If it has none.
    """
    if not (checkpoint / FILE).is_file():
        raise CheckpointError(f"{checkpoint}: has no average of the weights: training.ema had none, or not begun yet")
    return load_tensors(checkpoint / "model.safetensors") | load_tensors(checkpoint / FILE)
