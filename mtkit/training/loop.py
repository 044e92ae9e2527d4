"""The training loop: everything that happens to a model, in order, in one place."""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.errors import TrainingError
from mtkit.evaluation.telling import NAMES
from mtkit.machine.compute import Compute
from mtkit.machine.stopping import StopSignal
from mtkit.model.dropout import seed_dropout
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy, Loss
from mtkit.training.planning.budget import Budget
from mtkit.training.planning.tuning import accumulator, batch_flop
from mtkit.training.report import Reporter
from mtkit.training.state import TrainState
from mtkit.training.validation import Abandoned, Validator
from mtkit.training.working_copy import WorkingCopy


def fit(
    working: WorkingCopy,
    objective: CrossEntropy,
    optimizer: torch.optim.AdamW,
    updates: Iterator[list[Batch]],
    config: TrainingConfig,
    state: TrainState,
    *,
    budget: Budget,
    compute: Compute,
    n_workers: int,
    epoch: Callable[[TrainState], float],
    peak_flop_per_second: float,
    validator: Validator,
    reporter: Reporter,
    save: Callable[[], None],
    stop: StopSignal,
) -> str:
    """Train a model in place.

    Args:
        working: The model, on its device, and what computes in its place.
        objective: What is minimised.
        optimizer: Over the parameters of the trained model.
        updates: One list of micro-batches per optimiser step, starting after ``state.update``.
        config: Schedule and intervals, counted in updates where ``budget`` does not plan them by time.
        state: Advanced in place.
        budget: Counts the time, and says what is due.
        compute: Where the batches go, and in which precision.
        n_workers: Threads that each compute a part of every micro-batch.
        epoch: Passes over the corpus so far, from what the state has counted.
        peak_flop_per_second: Of the machine, in this precision: what ``mfu`` is a share of.
        validator: Scores the model.
        reporter: Tells how it goes.
        save: Writes a checkpoint of the present state.
        stop: Ends the loop after the present update, with everything saved.

    Returns:
        Why the run is over; empty if a signal ended it before that.

    Raises:
        TrainingError: If too many updates in a row were not finite.
        CheckpointError: If a checkpoint cannot be written.
    """
    model = working.trained
    model.train()
    window = _Window(compute.device)

    accumulate = accumulator(working, objective, compute, n_workers)
    saved = (state.update, state.validated_update)
    while True:
        if budget.validation_is_due():
            started = time.monotonic()
            try:
                measured, samples = validator.measure(
                    model,
                    lambda: stop.received or budget.validation_takes_too_long(started),  # noqa: B023  # called at once
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
                        save()
                    saved = (state.update, state.validated_update)

        over = state.reason_to_stop(config)
        due = budget.save_is_due() or over is not None
        if (due or stop.received or budget.is_unsaved_for_long()) and saved != (state.update, state.validated_update):
            _count_bad_updates(state, window, config)
            if due:
                state.note_regular_save()
            else:
                state.off_schedule.append(state.update)
            with stop.held():
                save()
            saved = (state.update, state.validated_update)
        if stop.received or over is not None:
            stop.hold()
            return "" if stop.received else str(over)

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
            window.add(loss, batch, batch_flop(model, batch))
        grad_norm = step(optimizer, config.max_grad_norm)
        optimizer.zero_grad(set_to_none=True)
        working.refresh()
        window.close_update(grad_norm)
        state.src_tokens += sum(batch.n_src_tokens for batch in micro_batches)
        state.tgt_tokens += sum(batch.n_tgt_tokens for batch in micro_batches)
        state.pairs += sum(len(batch.src) for batch in micro_batches)
        state.epoch = epoch(state)
        reporter.advance()

        # Reading a result waits for the device: on a GPU only once in a while, so that it never runs dry.
        if compute.on_cpu or state.update % config.report_every == 0 or state.update % config.save_every == 0:
            _count_bad_updates(state, window, config)
        window.seconds += time.monotonic() - started
        budget.note_update(time.monotonic() - started)
        if state.update % config.report_every == 0:
            position = {"learning_rate": rate, "epoch": round(state.epoch, 4), "bad_updates": state.bad_updates}
            reporter.training(state, window.summary(peak_flop_per_second) | position)
            window = _Window(compute.device)


def step(optimizer: torch.optim.AdamW, max_grad_norm: float) -> Tensor:
    """Clip by the global norm and update, or leave everything as it is where the norm is not finite.

    The fused optimiser divides by ``grad_scale`` and heeds ``found_inf`` on the device itself, so that nothing waits
    for the outcome.

    Returns:
        The norm before it was clipped.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    grad_norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    optimizer.grad_scale = (grad_norm / max_grad_norm).clamp_(min=1.0).float()  # type: ignore[attr-defined]
    optimizer.found_inf = grad_norm.isfinite().logical_not_().float()  # type: ignore[attr-defined]
    optimizer.step()
    return grad_norm


def _count_bad_updates(state: TrainState, window: "_Window", config: TrainingConfig) -> None:
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


class _Window:
    """Sums since the last report. Tensors stay on the device until they are asked for."""

    def __init__(self, device: torch.device) -> None:
        self.seconds = 0.0
        self.seconds_waiting = 0.0  # of these, for data
        self._src_tokens = self._tgt_tokens = self._positions = 0
        self._flop = 0.0
        self._outcomes: list[Tensor] = []
        # Loss, negative log-likelihood, tokens, gradient norm and number of the updates that were finite.
        self._sums = torch.zeros(5, dtype=torch.float64, device=device)
        self._open = torch.zeros(3, dtype=torch.float64, device=device)  # the first three, of the update under way

    def add(self, loss: Loss, batch: Batch, flop: float) -> None:
        """Take in one micro-batch."""
        self._flop += flop
        self._open += torch.stack([loss.total.detach(), loss.nll, loss.nll.new_full((), loss.n_tokens)])
        self._src_tokens += batch.n_src_tokens
        self._tgt_tokens += batch.n_tgt_tokens
        self._positions += batch.src.numel() + batch.tgt_in.numel()

    def close_update(self, grad_norm: Tensor) -> None:
        """Take in the update under way; one that was not finite does not spoil the sums."""
        finite = grad_norm.isfinite()
        self._outcomes.append(finite)
        sums = torch.cat([self._open, torch.stack([grad_norm, torch.ones_like(grad_norm)])])
        self._sums += torch.where(finite, sums, 0.0)
        self._open.zero_()

    def take_outcomes(self) -> list[bool]:
        """Whether each update since the last call was finite."""
        outcomes = [bool(outcome) for outcome in self._outcomes]
        self._outcomes.clear()
        return outcomes

    def summary(self, peak_flop_per_second: float) -> dict[str, float]:
        """The window in numbers: nats per token, tokens per second, share of the machine's peak, share of padding."""
        loss, nll, tokens, grad_norm, updates = self._sums.tolist()
        nll_per_token = nll / max(1, tokens)
        return {
            "loss_per_token": loss / max(1, tokens),
            "perplexity": math.exp(min(nll_per_token, 700)),
            "grad_norm": grad_norm / max(1, updates),
            "src_tokens_per_second": self._src_tokens / self.seconds,
            "tgt_tokens_per_second": self._tgt_tokens / self.seconds,
            "mfu": self._flop / self.seconds / peak_flop_per_second,
            "data_wait_share": self.seconds_waiting / self.seconds,
            "padding_share": 1 - (self._src_tokens + self._tgt_tokens) / max(1, self._positions),
        }
