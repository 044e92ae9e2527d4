"""What training minimises, and which of it a run does."""

from dataclasses import dataclass
from typing import Protocol

from mtkit.data.batches.batch import Batch
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.adversarial import AdversarialConfig
from mtkit.settings.consistency import ConsistencyConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.adversarial import FastGradient, VirtualAdversarial
from mtkit.training.objectives.consistency import RDrop, SimCut
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.distillation import Distillation
from mtkit.training.objectives.loss import Loss
from mtkit.training.objectives.minimum_risk import MinimumRisk, SentenceRisk


class Objective(Protocol):
    """A function of a model and a batch. Several threads may call it at once, each with a batch of its own."""

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


def objective_of(
    training: TrainingConfig,
    pad_id: int,
    never_cut: frozenset[int] = frozenset(),
    guidance: Guidance = NO_GUIDANCE,
) -> Objective:
    """The objective of a run; what goes with what is checked where the settings are.

    Args:
        training: Its settings.
        pad_id: Id of the padding token.
        never_cut: Ids that say what is asked of the model, such as those of languages, and are always read.
        guidance: What the settings name; what is not there is left out, as where speed is measured on random pairs.
    """
    objective = _of_references(training, pad_id, never_cut, guidance.teacher)
    if guidance.risk is None:
        return objective
    config = training.minimum_risk
    return MinimumRisk(
        objective, guidance.risk, n_samples=config.n_samples, sharpness=config.sharpness, weight=config.weight
    )


def _of_references(
    training: TrainingConfig, pad_id: int, never_cut: frozenset[int], teacher: EncoderDecoder | None
) -> Objective:
    """What is made of the pairs themselves."""
    smoothing = training.label_smoothing
    if teacher is not None:
        config = training.distillation
        weight, temperature = config.weight, config.temperature
        return Distillation(teacher, pad_id=pad_id, smoothing=smoothing, weight=weight, temperature=temperature)
    if training.consistency.method != "none":
        return _consistency(training.consistency, pad_id, smoothing, never_cut)
    if training.adversarial.method != "none":
        return _adversarial(training.adversarial, pad_id, smoothing)
    return CrossEntropy(pad_id=pad_id, smoothing=smoothing)


def _consistency(config: ConsistencyConfig, pad_id: int, smoothing: float, never_cut: frozenset[int]) -> Objective:
    if config.method == "r_drop":
        return RDrop(pad_id=pad_id, smoothing=smoothing, alpha=config.weight)
    return SimCut(pad_id=pad_id, smoothing=smoothing, alpha=config.weight, cutoff=config.cutoff, never_cut=never_cut)


def _adversarial(config: AdversarialConfig, pad_id: int, smoothing: float) -> Objective:
    kind = FastGradient if config.method == "fgm" else VirtualAdversarial
    sides = ("src", "tgt") if config.side == "both" else (config.side,)
    return kind(pad_id=pad_id, smoothing=smoothing, epsilon=config.epsilon, sides=sides, weight=config.weight)
