"""What training minimises, and which of it a run does."""

from typing import Protocol

from mtkit.data.batches.batch import Batch
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.loss import Loss


class Objective(Protocol):
    """A function of a model and a batch."""

    def __call__(self, model: EncoderDecoder, batch: Batch, /) -> Loss:
        """The loss of a batch, which is on the device of the model, in the precision of autocast."""


def objective_of(training: TrainingConfig, pad_id: int) -> Objective:
    """The objective of a run; ``pad_id`` is the id of the padding token."""
    return CrossEntropy(pad_id=pad_id, smoothing=training.label_smoothing)
