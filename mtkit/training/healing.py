"""Runs that heal themselves: what has gone wrong is seen, and training goes back to before it, past the pairs since.

The rule is that of PaLM (Chowdhery et al. 2022, section 5.1): after a spike of the loss training went on from a
checkpoint of about a hundred updates before, without the batches of that time. The same batches did no harm from
another state, so that it is the two together which are to be avoided.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from mtkit.errors import TrainingError
from mtkit.log import logger
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import TrainingConfig
from mtkit.training.saving.keeper import Keeper
from mtkit.training.skipped import Skipped
from mtkit.training.state import CLEAR_OF_TROUBLE, Rollbacks, TrainState
from mtkit.training.team import Team
from mtkit.training.window import Window
from mtkit.wording import counted


@dataclass(frozen=True)
class Trouble:
    """What has gone wrong with a run."""

    reason: str
    began: int
    """The first update that showed it."""


def trouble_in(
    window: Window, state: TrainState, config: TrainingConfig, team: Team, shares: list[float]
) -> Trouble | None:
    """Take in how the last updates went; returns what has gone wrong, which is dealt with before any other update.

    Args:
        window: Has noted the updates.
        state: Their outcomes are counted here.
        config: Says what is too much.
        team: All that train together see the same.
        shares: The mix of the corpora.
    """
    outcomes = window.take_outcomes(team)
    if outcomes:
        state.course.note_shares(shares)
    for update, outcome in enumerate(outcomes, start=state.update - len(outcomes) + 1):
        if not outcome.finite:
            state.bad_in_a_row += 1
            state.bad_updates += 1
            if state.bad_in_a_row >= config.max_bad_updates:
                n = counted(state.bad_in_a_row, "update")
                reason = f"loss or gradient was not finite in {n} in a row up to update {update}"
                return Trouble(reason, update - state.bad_in_a_row + 1)
            continue
        state.bad_in_a_row = 0
        if update > state.rollbacks.last_trouble + config.healing.window:
            state.rollbacks.in_a_row = 0
        heals = config.healing.rollbacks > 0 and math.isfinite(outcome.nll_per_token)
        if heals and state.course.note(outcome.nll_per_token, config.healing):
            recent, mean = state.course.recent, state.course.mean
            reason = (
                f"the loss has jumped to {sum(recent) / len(recent):.3f} nats per token, from {mean:.3f}, in the "
                f"{len(recent)} updates up to {update}"
            )
            return Trouble(reason, update - len(recent) + 1)
    return None


class Healer:
    """Takes a run back to before its trouble, as often as the settings allow."""

    def __init__(
        self, keeper: Keeper, initial: Callable[[], EncoderDecoder], skipped: Skipped, config: TrainingConfig
    ) -> None:
        """Heal the run of a keeper.

        Args:
            keeper: Of its checkpoints and its data.
            initial: Makes the model that it began with.
            skipped: Takes the pairs that are left out.
            config: Of the run.
        """
        self._keeper, self._plan, self._initial = keeper, keeper.plan, initial
        self._skipped, self._config = skipped, config

    def __call__(self, trouble: Trouble) -> None:
        """Go back.

        Raises:
            TrainingError: If the run has gone back too often.
            CheckpointError: If what it began with is needed and not there any longer.
        """
        state, healing = self._keeper.state, self._config.healing
        rollbacks = state.rollbacks
        if rollbacks.in_a_row >= healing.rollbacks:
            give_up(trouble, rollbacks)
        at, position = state.update, self._plan.state_dict()
        left_out, counted_from = rollbacks.position or None, rollbacks.to_update
        start = self._keeper.go_back(trouble.began - CLEAR_OF_TROUBLE * healing.recent, self._initial)
        rollbacks.n += 1
        rollbacks.in_a_row += 1
        rollbacks.last_trouble, rollbacks.to_update, rollbacks.position = at, state.update, position
        rollbacks.rate_scale *= healing.rate_factor
        scale = rollbacks.rate_scale
        logger.warning(
            "%s: going back to update %d and past the pairs since then (%d of at most %d times in a row)%s",
            trouble.reason,
            state.update,
            rollbacks.in_a_row,
            healing.rollbacks,
            "" if scale == 1 else f", with {scale:g} times the learning rate",
        )
        first = state.update
        if self._plan.is_later(left_out, start):  # what was left out before has been noted
            start, first = left_out, counted_from
        self._skipped.note(rollbacks.n, start, position, first_update=first + 1, suspect_from=trouble.began)


def give_up(trouble: Trouble, rollbacks: Rollbacks | None = None) -> NoReturn:
    """End a run that has gone wrong, after it has gone back as often as it may.

    Raises:
        TrainingError: Always.
    """
    tried = ""
    if rollbacks is not None and rollbacks.in_a_row:
        times = counted(rollbacks.in_a_row, "time")
        tried = f", also after going back {times} in a row, last to update {rollbacks.to_update}"
    raise TrainingError(
        f"{trouble.reason}{tried}; the last good checkpoint is kept: lower training.learning_rate or raise "
        "training.warmup_updates"
    )
