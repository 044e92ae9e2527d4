"""What training minimises, and which of it a run does."""

from typing import Protocol

from mtkit.data.batches.batch import Batch
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.adversarial import AdversarialConfig
from mtkit.settings.consistency import ConsistencyConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.adversarial import FastGradient, VirtualAdversarial
from mtkit.training.objectives.consistency import RDrop, SimCut
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.loss import Loss


class Objective(Protocol):
    """A function of a model and a batch. Several threads may call it at once, each with a batch of its own."""

    def __call__(self, model: EncoderDecoder, batch: Batch, /) -> Loss:
        """The loss of a batch, which is on the device of the model, in the precision of autocast."""


def objective_of(training: TrainingConfig, pad_id: int, never_cut: frozenset[int] = frozenset()) -> Objective:
    """The objective of a run; what goes with what is checked where the settings are.

    Args:
        training: Its settings.
        pad_id: Id of the padding token.
        never_cut: Ids that say what is asked of the model, such as those of languages, and are always read.
    """
    smoothing = training.label_smoothing
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
