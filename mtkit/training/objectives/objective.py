"""What training minimises, and which of it a run does."""

from dataclasses import dataclass
from typing import Protocol

from mtkit.data.batches.batch import Batch
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.distillation import Distillation
from mtkit.training.objectives.loss import Loss
from mtkit.training.objectives.minimum_risk import MinimumRisk, SentenceRisk


class Objective(Protocol):
    """A function of a model and a batch."""

    def __call__(self, model: EncoderDecoder, batch: Batch, /) -> Loss:
        """The loss of a batch, which is on the device of the model, in the precision of autocast."""


@dataclass(frozen=True)
class Guidance:
    """What a run learns from beside its pairs, where its settings ask for it."""

    teacher: EncoderDecoder | None = None
    """On the device that trains, in evaluation mode."""

    risk: SentenceRisk | None = None
    """Scores what the model draws."""


NO_GUIDANCE = Guidance()


def objective_of(training: TrainingConfig, pad_id: int, guidance: Guidance = NO_GUIDANCE) -> Objective:
    """The objective of a run.

    Args:
        training: Its settings.
        pad_id: Id of the padding token.
        guidance: What these name; what is not there is left out, as where speed is measured on random pairs.
    """
    objective: Objective = CrossEntropy(pad_id=pad_id, smoothing=training.label_smoothing)
    if guidance.teacher is not None:
        objective = Distillation(
            guidance.teacher,
            pad_id=pad_id,
            smoothing=training.label_smoothing,
            weight=training.distillation.weight,
            temperature=training.distillation.temperature,
        )
    if guidance.risk is not None:
        config = training.minimum_risk
        objective = MinimumRisk(
            objective,
            guidance.risk,
            n_samples=config.n_samples,
            sharpness=config.sharpness,
            weight=config.weight,
        )
    return objective
