"""What a run carries from one update to the next, saved and restored whole."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mtkit.evaluation.telling import Standing
from mtkit.files.shapes import shaped
from mtkit.settings.healing import HealingConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.loss_course import LossCourse
from mtkit.wording import counted

_MOST = 10**18
"""Of anything that is counted."""


CLEAR_OF_TROUBLE = 10
"""Times ``healing.recent``: updates that lie at least between a checkpoint to go back to and the trouble, as the
hundred of PaLM; what went wrong may have begun before it showed."""

_STAYS = {"rollbacks", "seconds", "share", "planned_seconds", "costs"}
"""What going back does not undo: that it went back, and the time that has gone by."""


@dataclass
class Rollbacks:
    """How often a run has gone back to an earlier checkpoint."""

    n: int = 0
    """In all."""

    in_a_row: int = 0
    """Of these, those of the present trouble."""

    last_trouble: int = 0
    """The update at which it went back last, by the count of then."""

    to_update: int = 0
    """The update that it went back to then."""

    position: dict[str, Any] = field(default_factory=dict)
    """Of the plan of the data then: the pairs up to there are behind it."""

    rate_scale: float = 1.0
    """What the learning rate is multiplied by since."""


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

    course: LossCourse = field(default_factory=LossCourse)
    """Of the updates that were finite."""

    fallbacks: list[int] = field(default_factory=list)
    """Updates whose checkpoints are kept for a run that has to go back, oldest first: one that is clear of any trouble
    of now, and later ones that will be."""

    rollbacks: Rollbacks = field(default_factory=Rollbacks)

    validated_update: int = 0
    """The last update whose validation is complete."""

    off_schedule: list[int] = field(default_factory=list)
    """Updates whose checkpoint only a signal or the clock asked for: gone on from, never averaged, deleted at the next
    one."""

    best_score: float | None = None
    """``Standing.number`` of the best validation so far."""

    best_update: int = 0
    """Of equals the last one."""

    validations_without_best: int = 0
    """Since the last one that was better than all before it."""

    ema_updates: int = 0
    """Updates whose weights are in their moving average; 0 where there is none, or none yet."""

    better_by_ema: list[int] = field(default_factory=list)
    """Updates at whose validation that average was better than the weights themselves."""

    judged_by: str = ""
    """What judged the last validation."""

    decay_from: int = 0
    """With the schedule wsd: the update after which the learning rate falls to the end; 0 before. Its checkpoint is
    kept, so that a longer run can go on from there."""

    scores: dict[str, float] = field(default_factory=dict)
    """``Standing.number`` of validations by update."""

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

    def note_validation(self, standing: Standing, *, by_ema: bool = False) -> bool:
        """Take in where the present update stands; returns whether it is the best: of equals the later one is.

        An equal is no progress, so that it does not keep a run from stopping early. ``by_ema`` says that it stands
        there with the average of its weights.
        """
        score, before = standing.number, self.best_score
        self.validated_update, self.judged_by = self.update, standing.metric
        self.scores[str(self.update)] = score
        if by_ema:
            self.better_by_ema.append(self.update)
        progress = not math.isnan(score) and (before is None or score > before)
        self.validations_without_best = 0 if progress else self.validations_without_best + 1
        best = progress or score == before
        if best:
            self.best_score, self.best_update = score, self.update
        return best

    def note_regular_save(self, healing: HealingConfig) -> None:
        """The checkpoint of the present update would be there without a signal too: one may go back to it.

        Of these the newest that is clear of any trouble of now is kept, the next one, and the present one if the one
        before has come to be clear. Those of a signal are not among them, so that a run that was stopped goes back to
        where it would have gone back to without that.
        """
        self.off_schedule = [update for update in self.off_schedule if update != self.update]
        if healing.rollbacks and not self.bad_in_a_row and self.update not in self.fallbacks:
            clear = [update for update in self.fallbacks if update <= self.update - CLEAR_OF_TROUBLE * healing.recent]
            later = [update for update in self.fallbacks if update not in clear]
            self.fallbacks = clear[-1:] + (later[:1] or [self.update])

    def kept_to_go_back(self) -> set[int]:
        """Updates whose checkpoints a run that goes back needs: the fallbacks, and what was the best at each."""
        kept = {*self.fallbacks}
        scores = [(score, int(update)) for update, score in self.scores.items() if update.isdecimal()]
        for fallback in self.fallbacks:
            earlier = [(score, update) for score, update in scores if update <= fallback and not math.isnan(score)]
            kept |= {update for _, update in sorted(earlier)[-1:]}
        return kept

    def go_back_to(self, earlier: "TrainState") -> None:
        """Become what the run was at an earlier update, but for the time that it took."""
        for each in fields(self):
            if each.name not in _STAYS:
                setattr(self, each.name, getattr(earlier, each.name))
        self.off_schedule = [update for update in self.off_schedule if update <= self.update]

    def before_decay(self) -> set[int]:
        """Updates whose checkpoints a longer run goes on with: where the decay began, and the best until then."""
        if not self.decay_from:
            return set()
        until_then = [int(update) for update in self.scores if update.isdecimal() and int(update) <= self.decay_from]
        best = sorted(until_then, key=lambda update: (self.scores[str(update)], update))[-1:]
        return {self.decay_from, *best}

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
            return f"no better {self.judged_by or config.early_stopping.metric} in {patience} validations"
        return None
