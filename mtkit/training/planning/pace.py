"""Fit the updates of a run by time to the machine: smaller ones where it is too slow for many of them.

A model that is trained for a short time learns more from many small updates than from a few large ones
(recipes/multi30k-en-de/README.md has a table).
"""

import math
import time
from collections.abc import Iterable
from itertools import islice, repeat
from pathlib import Path

from mtkit.data.batches.batch import Batch
from mtkit.data.corpus.prepared import Manifest
from mtkit.log import logger
from mtkit.machine.compute import Compute
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import TrainingConfig
from mtkit.training.accumulation import GradientAccumulator
from mtkit.training.objectives.objective import NO_GUIDANCE, Guidance, Objective, objective_of
from mtkit.training.planning.foresight import TRAINING_SHARE, Foresight
from mtkit.training.planning.planner import Planner
from mtkit.training.planning.tuning import Plan
from mtkit.training.saving.fitted import fitted, remembered
from mtkit.training.working_copy import WorkingCopy

MIN_BATCH_TOKENS = 500
_N_TIMED = 3
_PROBE_TOKENS = {"cpu": 1_000, "cuda": 4_000}  # of an update that is timed; a GPU is idle on fewer


def planned_by_time(
    training: TrainingConfig,
    model: EncoderDecoder,
    planner: Planner,
    manifest: Manifest,
    run_dir: Path,
    started: float,
    compute: Compute,
    n_workers: int,
    guidance: Guidance = NO_GUIDANCE,
) -> TrainingConfig:
    """What a run by time begins with: updates so small that there are ``min_updates``; says what the time allows.

    ``started``, on ``time.monotonic()``, is when the time began.
    """
    assert training.max_minutes is not None
    speed = measured_speed(training, model, planner.plan, compute, n_workers, guidance)
    seconds = 60 * training.max_minutes - (time.monotonic() - started)
    if training.min_updates:
        tokens, n = training.batch_tokens, training.min_updates
        remembered(
            run_dir, "batch_tokens", lambda: affordable_tokens(tokens, n, seconds=seconds, tokens_per_second=speed)
        )
        training = with_fitted_updates(training, run_dir)
    foresight = Foresight(speed, manifest.n_train, manifest.n_train_tgt_tokens)
    foresight.tell(training, seconds=seconds, preset=model.config.preset)
    return training


def measured_speed(
    training: TrainingConfig,
    model: EncoderDecoder,
    plan: Plan,
    compute: Compute,
    n_workers: int,
    guidance: Guidance = NO_GUIDANCE,
) -> float:
    """Target tokens a second that ``model`` is trained on, found out in a few updates."""
    objective = objective_of(training, model.pad_id, guidance=guidance)
    update = next(iter(plan(min(_PROBE_TOKENS[compute.device.type], training.batch_tokens))))
    # The same one again: what is made once for each new shape is not what a long run spends its time on.
    return measure_tokens_per_second(model, objective, repeat(update), compute=compute, n_workers=n_workers)


def with_fitted_updates(training: TrainingConfig, run_dir: Path) -> TrainingConfig:
    """The same with updates of the size that the run began with, where that was fitted to its time.

    The learning rate goes with the square root of their size, as suits Adam (Malladi et al. 2022, section 4).
    """
    tokens = fitted(run_dir).get("batch_tokens", training.batch_tokens)
    if tokens == training.batch_tokens:
        return training
    rate = training.learning_rate * math.sqrt(tokens / training.batch_tokens)
    sizes = f"{tokens:,}", f"{training.batch_tokens:,}"
    logger.info("time: updates of %s target tokens, not %s, at a learning rate of up to %.2e", *sizes, rate)
    return training.model_copy(update={"batch_tokens": tokens, "learning_rate": rate})


def affordable_tokens(batch_tokens: int, min_updates: int, *, seconds: float, tokens_per_second: float) -> int:
    """Target tokens of an update, so that ``min_updates`` of them fit into the time.

    Args:
        batch_tokens: At most so many.
        min_updates: 1 or more.
        seconds: Left for everything.
        tokens_per_second: Target tokens that are trained on.

    Returns:
        At least ``MIN_BATCH_TOKENS``, or ``batch_tokens`` where that is less.
    """
    affordable = int(TRAINING_SHARE * seconds * tokens_per_second / min_updates)
    return min(batch_tokens, max(affordable, MIN_BATCH_TOKENS))


def measure_tokens_per_second(
    model: EncoderDecoder,
    objective: Objective,
    updates: Iterable[list[Batch]],
    *,
    compute: Compute,
    n_workers: int,
) -> float:
    """Target tokens that forward and backward passes take in a second; the weights stay as they are.

    Args:
        model: On its device.
        objective: What is minimised.
        updates: At least four; the first is not counted, as it prepares what the others find ready.
        compute: Where the batches go, and in which precision.
        n_workers: Threads that each compute a part of every micro-batch.
    """
    working = WorkingCopy(model, compute=compute)
    accumulate = GradientAccumulator(working, objective, n_workers=n_workers)
    n_tokens, started = 0, 0.0
    for number, update in enumerate(islice(updates, 1 + _N_TIMED)):
        if number == 1:
            compute.synchronize()
            n_tokens, started = 0, time.monotonic()
        accumulate(update, lambda part: seed_dropout(0, 0, part))
        n_tokens += sum(batch.n_tgt_tokens for batch in update)
        model.zero_grad(set_to_none=True)
    compute.synchronize()
    return n_tokens / max(time.monotonic() - started, 1e-9)
