"""The training loop: everything that happens to a model, in order, in one place."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from mtkit.data.batches.batch import Batch
from mtkit.errors import TrainingError
from mtkit.evaluation.telling import NAMES, Standing
from mtkit.machine.stopping import StopSignal
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import Metric, TrainingConfig
from mtkit.training.accumulation import GradientAccumulator
from mtkit.training.arithmetic import batch_flop
from mtkit.training.objectives.objective import Objective
from mtkit.training.objectives.passes import passes_of
from mtkit.training.optimizer import step
from mtkit.training.planning.budget import Budget
from mtkit.training.state import TrainState
from mtkit.training.team import SOLO, Team
from mtkit.training.validation import Abandoned, Sample
from mtkit.training.window import Window
from mtkit.training.working_copy import WorkingCopy


class Validation(Protocol):
    """Scores a model; see ``Validator``."""

    def measure(self, model: EncoderDecoder, stopped: Callable[[], object], /) -> tuple[dict[str, float], list[Sample]]:
        """Measures by name, and some translations; raises ``Abandoned`` once ``stopped`` says so."""

    def standing(self, measured: Mapping[str, float], metric: Metric, /) -> Standing:
        """Where a model stands that was measured."""


class Report(Protocol):
    """Tells how training goes; see ``Reporter``."""

    def advance(self) -> None:
        """One more update is done."""

    def training(self, state: TrainState, measured: dict[str, float], /) -> None:
        """What was measured since the last report."""

    def validation(
        self,
        state: TrainState,
        measured: dict[str, float],
        samples: Sequence[Sample],
        /,
        *,
        best: bool,
        by: str | None,
        seconds: float,
    ) -> None:
        """A validation; ``by`` names what judged where that is not what was asked for."""


@dataclass(frozen=True)
class Parts:
    """What takes part in the training of a model."""

    working: WorkingCopy
    """The model, and what computes in its place."""

    objective: Objective
    """What is minimised."""

    optimizer: torch.optim.Optimizer
    """Over the parameters of the trained model."""

    n_workers: int
    """Threads that each compute a part of every micro-batch."""

    budget: Budget
    """Counts the time, and says what is due."""

    validator: Validation | None
    """Scores the model; None where it is not validated."""

    reporter: Report
    """Tells how it goes."""

    save: Callable[[], None]
    """Writes a checkpoint of the present state."""

    epoch: Callable[[TrainState], float]
    """Passes over the corpus so far, from what the state has counted."""

    peak_flop_per_second: float
    """Of the machine, in this precision: what ``mfu`` is a share of."""

    team: Team = SOLO
    """The processes that do this together."""


def fit(
    parts: Parts, updates: Iterator[list[Batch]], config: TrainingConfig, state: TrainState, *, stop: StopSignal
) -> str:
    """Train a model in place.

    Args:
        parts: The model, and what takes part in its training.
        updates: One list of micro-batches per optimiser step, starting after ``state.update``.
        config: Schedule and intervals, counted in updates where the budget does not plan them by time.
        state: Advanced in place.
        stop: Ends the loop after the present update, with everything saved.

    Returns:
        Why the run is over; empty if a signal ended it before that.

    Raises:
        TrainingError: If too many updates in a row were not finite.
        CheckpointError: If a checkpoint cannot be written.
    """
    working, optimizer, team = parts.working, parts.optimizer, parts.team
    budget, validator, reporter = parts.budget, parts.validator, parts.reporter
    model, compute, passes = working.trained, working.compute, passes_of(config)
    model.train()
    window = Window(compute.device)
    accumulate = GradientAccumulator(working, parts.objective, n_workers=parts.n_workers, team=team)

    def stopped() -> bool:
        return team.agree(stop.received) is not None

    saved = (state.update, state.validated_update)
    while True:
        if validator is not None and budget.validation_is_due():
            started = time.monotonic()
            try:
                measured, samples = validator.measure(
                    model,
                    lambda: stopped() or budget.validation_takes_too_long(time.monotonic() - started),  # noqa: B023  # called at once
                )
            except Abandoned:
                measured = None
            budget.note_validation(time.monotonic() - started)
            if measured is not None:
                standing = validator.standing(measured, config.best_metric)
                best = state.note_validation(standing)
                seconds = time.monotonic() - started
                by = None if standing.metric == config.best_metric else NAMES[standing.metric]
                reporter.validation(state, measured, samples, best=best, by=by, seconds=seconds)
                if best:
                    state.note_regular_save()
                    with stop.held():
                        parts.save()
                    saved = (state.update, state.validated_update)

        over = state.reason_to_stop(config)
        due = budget.save_is_due() or over is not None
        if (due or stopped() or budget.is_unsaved_for_long()) and saved != (state.update, state.validated_update):
            _count_bad_updates(state, window, config)
            if due:
                state.note_regular_save()
            else:
                state.off_schedule.append(state.update)
            with stop.held():
                parts.save()
            saved = (state.update, state.validated_update)
        if stopped() or over is not None:
            stop.hold()
            return "" if stopped() else str(over)

        started = time.monotonic()
        state.update += 1
        micro_batches = next(updates)
        window.seconds_waiting += time.monotonic() - started
        rate = budget.learning_rate()
        for group in optimizer.param_groups:
            group["lr"] = rate

        # Summed losses, divided once by the tokens of the whole update: micro-batches of unequal size then weigh the
        # same as they would in one large batch.
        for batch, loss in accumulate(micro_batches, lambda part: seed_dropout(config.seed, state.update, part)):
            window.add(loss, batch, batch_flop(model, batch, passes))
        grad_norm = step(optimizer, config.max_grad_norm, team)
        optimizer.zero_grad(set_to_none=True)
        working.refresh()
        window.close_update(grad_norm)
        state.src_tokens += team.sum(sum(batch.n_src_tokens for batch in micro_batches))
        state.tgt_tokens += team.sum(sum(batch.n_tgt_tokens for batch in micro_batches))
        state.pairs += team.sum(sum(len(batch.src) for batch in micro_batches))
        state.epoch = parts.epoch(state)
        reporter.advance()

        # Reading a result waits for the device: on a GPU only once in a while, so that it never runs dry.
        if compute.on_cpu or state.update % config.report_every == 0 or state.update % config.save_every == 0:
            _count_bad_updates(state, window, config)
        window.seconds += time.monotonic() - started
        budget.note_update(time.monotonic() - started)
        if state.update % config.report_every == 0:
            position = {"learning_rate": rate, "epoch": round(state.epoch, 4), "bad_updates": state.bad_updates}
            reporter.training(state, window.summary(parts.peak_flop_per_second, team) | position)
            window = Window(compute.device)


def _count_bad_updates(state: TrainState, window: Window, config: TrainingConfig) -> None:
    """Take in how the last updates went; end the run where too many in a row were skipped."""
    for finite in window.take_outcomes():
        state.bad_in_a_row = 0 if finite else state.bad_in_a_row + 1
        state.bad_updates += not finite
        if state.bad_in_a_row >= config.max_bad_updates:
            raise TrainingError(
                f"loss or gradient was not finite in {state.bad_in_a_row} updates in a row up to update "
                f"{state.update}; the last good checkpoint is kept: lower training.learning_rate or raise "
                "training.warmup_updates"
            )
