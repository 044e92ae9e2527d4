"""How much more an objective computes and holds than the cross-entropy of one pass."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mtkit.model.cost import FORWARD_AND_BACKWARD
from mtkit.settings.adversarial import AdversarialConfig
from mtkit.settings.training import TrainingConfig


@dataclass(frozen=True)
class Passes:
    """Of one batch, in units of a forward pass. A backward pass is two: it takes a product for the gradient of what a
    layer reads, and one for that of its weights.
    """

    encoder: int
    decoder: int

    projection: int
    """Onto the vocabulary."""

    held: int = 1
    """Passes whose activations are held at once."""

    def flop(self, forward: Mapping[str, float]) -> float:
        """FLOP of them all, from those of a forward pass by part of the model, as ``forward_flop`` names the parts."""
        return sum(self.of(part) * flop for part, flop in forward.items())

    def of(self, part: str) -> int:
        """Of a part."""
        if part == "projection":
            return self.projection
        return self.encoder if part.startswith("encoder") else self.decoder


_ONE, _BOTH = FORWARD_AND_BACKWARD, 2 * FORWARD_AND_BACKWARD
_PLAIN = Passes(_ONE, _ONE, _ONE)
_TWO = Passes(_BOTH, _BOTH, _BOTH, held=2)


def passes_of(training: TrainingConfig) -> Passes:
    """What the objective of a run computes; the passes of a teacher, which has sizes of its own, are left out."""
    passes = _of_references(training)
    if training.minimum_risk.metric is None:
        return passes
    return _with_samples(passes, training.minimum_risk.n_samples)


def _of_references(training: TrainingConfig) -> Passes:
    if training.distillation.teacher is not None:
        return replace(_PLAIN, projection=_BOTH)  # of the cross-entropy, and of the divergence
    if training.consistency.method != "none":
        return _TWO
    return _PLAIN if training.adversarial.method == "none" else _adversarial(training.adversarial)


def _with_samples(passes: Passes, n: int) -> Passes:
    """With minimum risk training, all samples of a length like that of the reference, and none drawn twice.

    They are drawn, and then predicted with the reference in one pass, whose backward pass projects again.
    """
    return Passes(
        encoder=passes.encoder + 1 + _ONE,
        decoder=passes.decoder + n + (n + 1) * _ONE,
        projection=passes.projection + n + (n + 1) * (1 + _ONE),
        held=passes.held + n + 1,
    )


def _adversarial(config: AdversarialConfig) -> Passes:
    """Two passes, and what finds the move between them; a source that is not moved is encoded once.

    FGM finds it by a backward pass without weights: one unit, none for the projection, whose gradients are there
    already. VAT does a forward pass too, and projects twice more for the divergence and its gradient.
    """
    moves_source = config.side != "tgt"
    found, projected = (1, 0) if config.method == "fgm" else (2, 3)
    return Passes(
        encoder=_TWO.encoder + found if moves_source else _PLAIN.encoder,
        decoder=_TWO.decoder + found,
        projection=_TWO.projection + projected,
        held=2,
    )
