"""What a run carries from one update to the next, saved and restored whole."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mtkit.log import counted
from mtkit.shapes import shaped
from mtkit.training_config import Metric, TrainingConfig

_MOST = 10**18
"""Of anything that is counted."""


@dataclass
class TrainState:
    """Plain numbers: together with weights, optimiser and data position they are the whole run."""

    update: int = 0
    """Updates done, skipped ones included."""

    epoch: float = 0.0
    """Passes over the corpus, with the fraction of the present one."""

    src_tokens: int = 0
    tgt_tokens: int = 0
    """Real tokens trained on so far."""

    pairs: int = 0
    """Pairs trained on so far, two that sampling joined counted once."""

    seconds: float = 0.0
    """Working time so far, over all its interruptions, each session from the start of its command."""

    share: float = 0.0
    """In a run by time: how much of its plan is done, 0 to 1."""

    planned_seconds: float = 0.0
    """In a run by time: the limit that ``share`` was planned for."""

    costs: dict[str, float] = field(default_factory=dict)
    """In a run by time: seconds of the last validation and save, and those that the finish is expected to take."""

    bad_updates: int = 0
    """Updates that were skipped because loss or gradient was not finite."""

    bad_in_a_row: int = 0

    validated_update: int = 0
    """The last update whose validation is complete."""

    off_schedule: list[int] = field(default_factory=list)
    """Updates whose checkpoint only a signal asked for: gone on from, never averaged, deleted at the next one."""

    best_score: float | None = None
    """Best validation score so far; higher is better."""

    best_update: int = 0
    validations_without_best: int = 0

    scores: dict[str, float] = field(default_factory=dict)
    """Validation score by update, of the checkpoints that may still be there; higher is better."""

    def state_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "TrainState":
        """Inverse of ``state_dict``; a value that an older version did not save takes its default.

        Raises:
            ValueError: If a value is of another kind than ``state_dict`` gives.
        """
        if not isinstance(values, dict):
            raise ValueError("it has no state of the training")
        known = {f.name for f in fields(cls)}
        state = shaped(cls, {key: value for key, value in values.items() if key in known})
        counts = {name: value for name, value in asdict(state).items() if isinstance(value, int | float)}
        for name, value in counts.items():
            if name != "best_score" and not 0 <= value < _MOST:
                raise ValueError(f"{name}: {value} cannot be")
        return state

    def note_validation(self, score: float) -> bool:
        """Take in the score of the present update (higher is better); returns whether it is a new best."""
        self.validated_update = self.update
        self.scores[str(self.update)] = score
        if not math.isnan(score) and (self.best_score is None or score > self.best_score):
            self.best_score, self.best_update, self.validations_without_best = score, self.update, 0
            return True
        self.validations_without_best += 1
        return False

    def note_regular_save(self) -> None:
        """The checkpoint of the present update would be there without a signal too."""
        self.off_schedule = [update for update in self.off_schedule if update != self.update]

    def validation_is_due(self, config: TrainingConfig) -> bool:
        """Whether the present update is to be validated, and has not been: every so often, and at the end."""
        regular = self.update % config.validate_every == 0
        last = config.max_updates is not None and self.update >= config.max_updates
        last = last or (config.max_epochs is not None and self.epoch >= config.max_epochs)
        return self.update > self.validated_update and (regular or last)

    def reason_to_stop(self, config: TrainingConfig) -> str | None:
        """Why the run is over, or None while it is not."""
        if config.max_updates is not None and self.update >= config.max_updates:
            return f"max_updates {config.max_updates} reached"
        if config.max_epochs is not None and self.epoch >= config.max_epochs:
            return f"max_epochs {config.max_epochs} reached"
        if config.max_minutes is not None and self.share >= 1:
            return f"{counted(config.max_minutes, 'minute')} {'is' if config.max_minutes == 1 else 'are'} over"
        patience = config.early_stopping.patience
        if patience is not None and self.validations_without_best >= patience:
            return f"no better {config.early_stopping.metric} in {patience} validations"
        return None


def score_of(measured: dict[str, float], metric: Metric) -> float:
    """The number that decides what is best, higher is better: BLEU, chrF, or the loss per token turned round."""
    return -measured["valid_loss_per_token"] if metric == "loss" else measured[f"valid_{metric}"]
