"""The working time of a run, and the plan of a run that ends by it: ``training.max_minutes``.

A run by time has a share in place of a count: ``TrainState.share``, from 0 before the first update to 1 at the end of
the last. The learning rate, validations and checkpoints follow it. After each update, what is left of the plan is
spread evenly over the time that is left for training:

    share += (1 - share) * seconds of the update / seconds left before it

On a machine of even speed this is a straight line. Where updates become slower or faster, a validation takes long, or
the time that is kept for the end is estimated anew, the line bends, without a jump, and still reaches 1 when the time
is up. The time that is left is what the limit leaves after the working time so far, all sessions of the run together
from the start of the command on, and after what is kept for the end: last validation, last checkpoint, and the
translation of the test sets, which is tried out on a few lines now and then.
"""

import math
import time
from collections.abc import Callable

from mtkit.errors import TrainingError
from mtkit.log import logger
from mtkit.settings.training import TrainingConfig
from mtkit.training.schedule import decay_has_begun, learning_rate, learning_rate_at
from mtkit.training.state import TrainState
from mtkit.training.team import SOLO, Team
from mtkit.translation.in_time import Deadline
from mtkit.wording import counted, duration_shown

VALIDATE_EVERY, SAVE_EVERY, REHEARSE_EVERY = 1 / 10, 1 / 40, 1 / 10  # of the plan
SAVE_SECONDS = 600.0  # a kill costs no more than about this much work, however long the run
FIRST_SAVE_SECONDS = 60.0  # nor all of it, where a run has only begun
VALIDATION_COST, SAVE_COST, REHEARSAL_COST = 0.05, 0.02, 0.03  # of the working time, at most
FINISH_GUESS = 0.1  # of the limit: kept for the end until that has been tried out
FINISH_MOST = 0.2  # of the limit: kept for the end, whatever trying it out says; what does not fit is not scored
FINISH_MARGIN = 1.2  # times the translation of the test sets: their scores, and a machine that is busier then


class Budget:
    """Counts the working time of a run and says what is due; a run without ``max_minutes`` goes by updates alone."""

    def __init__(
        self,
        config: TrainingConfig,
        state: TrainState,
        *,
        started: float,
        rehearse: Callable[[float], float],
        clock: Callable[[], float] = time.monotonic,
        team: Team = SOLO,
    ) -> None:
        """Go on with the plan that ``state`` holds, or make one where its limit was another.

        Args:
            config: Of the run.
            state: Of the run; its time, share and costs are advanced in place.
            started: When this session began, on ``clock``.
            rehearse: Tries out for about so many seconds how many the translation of the test sets is going to take.
            clock: Seconds, never going back.
            team: All processes go by the clock of the first one.
        """
        self._config, self._state, self._rehearse, self._own_clock = config, state, rehearse, clock
        self._team = team
        self._origin = self._team.agree(started) - state.seconds
        self._limit = None if config.max_minutes is None else 60 * config.max_minutes
        self._update_seconds: float | None = None
        first = FIRST_SAVE_SECONDS if state.update == 0 else SAVE_SECONDS
        self._unsaved_until = self._clock() + first  # and not longer
        if self._limit is not None:
            if state.planned_seconds != self._limit:
                state.share = min(1.0, state.seconds / self._limit)
                state.planned_seconds = self._limit
            every = min(SAVE_EVERY, SAVE_SECONDS / self._limit)
            self._saves = _Event(every, SAVE_COST, state.share)
            self._validations = _Event(VALIDATE_EVERY, VALIDATION_COST, state.share)
            self._rehearsals = _Event(REHEARSE_EVERY, REHEARSAL_COST, state.share)
            self._reserve = self._needed_at_the_end()
            if state.update and self._left() <= 0:
                state.share = 1.0

    def check(self) -> None:
        """Refuse to begin where nothing of the time is left.

        Raises:
            TrainingError: If it went by before the first update.
        """
        if self._limit is not None and self._state.update == 0 and self._left() <= 0:
            raise TrainingError(
                f"nothing of {counted(self._limit / 60, 'minute')} was left for the first update: preparing and "
                f"starting took {duration_shown(self.spent())}; give the run more time with --minutes"
            )

    def spent(self) -> float:
        """Working time so far, in seconds: that of earlier sessions, and all of this one."""
        return self._clock() - self._origin

    def seconds_left(self) -> float | None:
        """Until everything is to be done, in seconds; None in a run by updates."""
        return None if self._limit is None else max(0.0, self._limit - self.spent())

    def deadline(self) -> Deadline | None:
        """When everything is to be done; None in a run by updates."""
        return None if self._limit is None else Deadline(self._origin + self._limit, self._clock)

    def learning_rate(self) -> float:
        """Of update ``state.update``, which is about to be done."""
        if self._limit is None:
            return learning_rate(self._state.update, self._config)
        share = self._share_after(self._update_seconds or 0.0, self._left())
        return learning_rate_at(share, self._state.update, self._config)

    def note_update(self, seconds: float) -> None:
        """Update ``state.update`` is done, and took so long."""
        state, seconds = self._state, self._team.agree(seconds)
        state.seconds = self.spent()
        if self._limit is not None:
            self._advance(seconds)
        if not state.decay_from and decay_has_begun(state, self._config):
            state.decay_from = state.update

    def _advance(self, seconds: float) -> None:
        """An update of so many seconds is done, in a run by time."""
        state = self._state
        state.share = self._share_after(seconds, self._left() + seconds)
        mean = seconds if self._update_seconds is None else self._update_seconds
        self._update_seconds = 0.9 * mean + 0.1 * seconds
        if self._left() < self._update_seconds / 2:  # half of an update too early or too late, and no more
            state.share = 1.0
        elif self._rehearsals.is_due(state.share, state.seconds):
            self._estimate_the_end()

    def validation_is_due(self) -> bool:
        """Whether the model is to be validated now: every so often and at the end, unless that took too long before."""
        state = self._state
        if self._limit is None:
            return state.validation_is_due(self._config)
        if state.update <= state.validated_update or self._takes_too_long(self._validation_seconds()):
            return False
        if state.reason_to_stop(self._config) is not None:
            return True
        near_the_end = state.share > 1 - VALIDATE_EVERY / 2  # where the last one follows anyway
        return not near_the_end and self._validations.is_due(state.share, state.seconds)

    def validation_takes_too_long(self, seconds: float) -> bool:
        """Whether a validation that has taken so long is to be abandoned."""
        seconds = self._team.agree(seconds)
        if not self._takes_too_long(seconds):
            return False
        logger.warning(
            "validation abandoned after %s: it takes more than a twentieth of the time, and will not be tried again",
            duration_shown(seconds),
        )
        return True

    def note_validation(self, seconds: float) -> None:
        """A validation took so long, abandoned or not."""
        seconds = self._team.agree(seconds)
        self._state.seconds = self.spent()
        if self._limit is not None:
            self._state.costs["validation"] = seconds
            self._validations.done(self._state.share, self._state.seconds, seconds)
            self._keep_for_the_end()

    def save_is_due(self) -> bool:
        """Whether a checkpoint is to be written now; the one at the end is not asked for here."""
        if self._state.update and self._state.decay_from == self._state.update:
            return True
        if self._limit is None:
            return self._state.update % self._config.save_every == 0
        return self._saves.is_due(self._state.share, self._state.seconds)

    def is_unsaved_for_long(self) -> bool:
        """Whether so much work would be lost to a kill that it is saved beside what is planned."""
        return self._clock() >= self._unsaved_until

    def save(self, write: Callable[[], None]) -> None:
        """Write a checkpoint, and note what it cost."""
        started = self._clock()
        self._state.seconds = self.spent()
        write()
        seconds = self._clock() - started
        self._unsaved_until = self._clock() + max(SAVE_SECONDS, seconds / SAVE_COST)
        if self._limit is not None:
            self._state.costs["save"] = seconds
            self._saves.done(self._state.share, self.spent(), seconds)
            self._keep_for_the_end()

    def _clock(self) -> float:
        return self._team.agree(self._own_clock())

    def _left(self) -> float:
        """Seconds left for training."""
        assert self._limit is not None
        return self._limit - self._reserve - self.spent()

    def _share_after(self, seconds: float, left: float) -> float:
        """The share at the end of an update of so many seconds, so many being left before it.

        Where ``max_updates`` is given too, its updates are to be spread as the time is: what ends first decides.
        """
        state, part = self._state, seconds / left if left > 0 else 1.0
        if self._config.max_updates is not None:
            part = max(part, 1 / max(1, self._config.max_updates - state.update + 1))
        return state.share + (1 - state.share) * min(1.0, part)

    def _takes_too_long(self, seconds: float) -> bool:
        return self._limit is not None and seconds >= VALIDATION_COST * self._limit

    def _validation_seconds(self) -> float:
        return self._state.costs.get("validation", 0.0)

    def _needed_at_the_end(self) -> float:
        """Seconds from the last update to the scores, after what each part of it took so far."""
        assert self._limit is not None
        costs, validation = self._state.costs, self._validation_seconds()
        reading = costs.get("save", 0.0) * (2 + self._config.average.n / 2)  # a checkpoint, the average, the bundle
        finish = FINISH_MARGIN * costs["finish"] if "finish" in costs else FINISH_GUESS * self._limit
        finish = min(finish, FINISH_MOST * self._limit)
        return finish + reading + (0.0 if self._takes_too_long(validation) else validation)

    def _keep_for_the_end(self) -> None:
        """Take in new costs; at least half of the time left for training stays, so that the decay never breaks off."""
        self._reserve = min(self._needed_at_the_end(), self._reserve + max(0.0, self._left() / 2))

    def _estimate_the_end(self) -> None:
        assert self._limit is not None
        started = self._clock()
        finish = self._team.agree(self._rehearse(REHEARSAL_COST * REHEARSE_EVERY * self._limit))
        state = self._state
        most = FINISH_MOST * self._limit
        if finish > most > state.costs.get("finish", 0.0):
            logger.warning(
                "translating the test sets may take %s; %s are kept for that: a part of them may go unscored",
                duration_shown(finish),
                duration_shown(most),
            )
        state.costs["finish"] = finish
        state.seconds = self.spent()
        self._rehearsals.done(state.share, state.seconds, self._clock() - started)
        self._keep_for_the_end()


class _Event:
    """Something that is due at every so much of the plan, and less often where it turns out to cost too much."""

    def __init__(self, every: float, cost: float, share: float) -> None:
        self._every, self._cost = every, cost
        self._due_share, self._due_seconds = self._after(share), 0.0

    def is_due(self, share: float, seconds: float) -> bool:
        """At the present share of the plan and working time."""
        return share >= self._due_share and seconds >= self._due_seconds

    def done(self, share: float, seconds: float, took: float) -> None:
        """It has been done and took so many seconds."""
        self._due_share, self._due_seconds = self._after(share), seconds + took / self._cost

    def _after(self, share: float) -> float:
        return self._every * (math.floor(share / self._every + 1e-9) + 1)
