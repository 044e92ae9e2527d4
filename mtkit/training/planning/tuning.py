"""How a run computes on this machine: in which precision, and how its threads share the work, by measurement.

What a processor lists among its abilities does not tell what pays: bf16 products are several times as fast as those of
float32 on some processors and slower on others, and a small model may spend its time elsewhere. So a new run tries
each way on a few batches of its own. The run remembers what was chosen, so that it goes on with the same bits.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtkit.data.batches.batch import Batch
from mtkit.log import logger
from mtkit.machine.compute import Compute
from mtkit.machine.device import Precision, bf16_is_native
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import TrainingConfig
from mtkit.training.accumulation import GradientAccumulator, count_workers
from mtkit.training.arithmetic import batch_flop
from mtkit.training.objectives.objective import NO_GUIDANCE, Guidance, Objective, objective_of
from mtkit.training.objectives.passes import passes_of
from mtkit.training.saving.fitted import fitted, remembered
from mtkit.training.working_copy import WorkingCopy
from mtkit.wording import counted

Plan = Callable[[int], Iterable[list[Batch]]]
"""Updates of a number of target tokens, each of one micro-batch."""

_PROBE_TOKENS = 500  # target tokens for each thread, in a batch that is timed
_N_ROUNDS = 4  # the first is not counted: it prepares what the others find ready
_SECONDS = 2.0  # after which no further round begins
_NEGLIGIBLE = 0.05  # a way must be faster by this share to be preferred to one before it
_SMALL_FLOP = 5e8  # an update with less arithmetic has no use for faster arithmetic


@dataclass(frozen=True)
class Way:
    """One way to compute an update."""

    precision: Precision

    n_workers: int
    """Threads that each compute a part of every micro-batch; 1 lets all threads work on one thing after the other."""

    def __str__(self) -> str:
        return f"{self.precision}, {counted(self.n_workers, 'worker')}"


def remembered_way(
    training: TrainingConfig,
    model: EncoderDecoder,
    plan: Plan,
    run_dir: Path,
    compute: Compute,
    guidance: Guidance = NO_GUIDANCE,
) -> Way:
    """The fastest way for a new run; a run that has begun keeps its own, but for a precision that the settings name.

    Raises:
        DataError: If what the run remembers is damaged.
    """
    if not {"bits", "workers"} <= fitted(run_dir).keys():
        chosen, _ = fastest_way(training, model, plan, compute, guidance)
        remembered(run_dir, "bits", lambda: 16 if chosen.precision == "bf16" else 32)
        remembered(run_dir, "workers", lambda: chosen.n_workers)
    known = fitted(run_dir)  # and not what was chosen now: a kill may have left half of it
    precision: Precision = "bf16" if known["bits"] == 16 else "fp32"
    return Way(precision if training.precision == "auto" else training.precision, known["workers"])


def fastest_way(
    training: TrainingConfig, model: EncoderDecoder, plan: Plan, compute: Compute, guidance: Guidance = NO_GUIDANCE
) -> tuple[Way, dict[Way, float]]:
    """How to compute here, and the target tokens a second of each way that was measured.

    Nothing is measured on a GPU, for a model so small that it does not matter, or where there is but one way.
    """
    speeds = _tried(training, model, plan, compute, guidance, seconds=_SECONDS, smallest_flop=_SMALL_FLOP)
    if len(speeds) == 1:
        return next(iter(speeds)), {}
    shown = "; ".join(f"{way}: {speed:,.0f}" for way, speed in speeds.items())
    logger.info("measured on this machine, target tokens a second: %s", shown)
    return preferred(speeds), speeds


def quick_way(
    training: TrainingConfig, model: EncoderDecoder, plan: Plan, compute: Compute, guidance: Guidance = NO_GUIDANCE
) -> Way:
    """The fastest way at a quick look, of which nothing is said or remembered: for a model that is only tried."""
    return preferred(_tried(training, model, plan, compute, guidance, seconds=_SECONDS / 4, smallest_flop=0.0))


def _tried(
    training: TrainingConfig,
    model: EncoderDecoder,
    plan: Plan,
    compute: Compute,
    guidance: Guidance,
    *,
    seconds: float,
    smallest_flop: float,
) -> dict[Way, float]:
    """Tokens a second of each way; of a single one, unmeasured, where there is no choice or it does not matter."""
    tokens = min(_PROBE_TOKENS * compute.threads, training.batch_tokens)
    ways = possible_ways(training, model, tokens, compute)
    if len(ways) > 1:
        batch = next(iter(plan(tokens)))[0]
        if batch_flop(model, batch, passes_of(training)) >= smallest_flop:
            objective = objective_of(training, model.pad_id, guidance=guidance)
            # The same one in all rounds: what is made for each new shape is made in the first, which is not counted.
            batches = [batch] * _N_ROUNDS
            return measure_ways(ways, model, objective, batches, compute=compute, seconds=seconds)
    return {ways[0]: 0.0}


def possible_ways(training: TrainingConfig, model: EncoderDecoder, n_tokens: int, compute: Compute) -> list[Way]:
    """All ways to compute micro-batches of ``n_tokens`` target tokens, those preferred when in doubt first."""
    if not compute.on_cpu:
        return [Way(compute.precision, 1)]
    if training.precision != "auto":
        precisions: list[Precision] = [compute.precision]
    else:
        precisions = ["fp32", "bf16"] if bf16_is_native(compute.device) else ["fp32"]
    shared = 1 if training.compile else count_workers(model, n_tokens, compute)
    return [Way(precision, n) for precision in precisions for n in dict.fromkeys((shared, 1))]


def preferred(speeds: dict[Way, float]) -> Way:
    """The first way that no other outdoes by more than a negligible share; ``speeds`` in tokens a second."""
    best = max(speeds.values())
    return next(way for way, speed in speeds.items() if speed >= (1 - _NEGLIGIBLE) * best)


def measure_ways(
    ways: Sequence[Way],
    model: EncoderDecoder,
    objective: Objective,
    batches: Sequence[Batch],
    *,
    compute: Compute,
    seconds: float = _SECONDS,
) -> dict[Way, float]:
    """Target tokens that forward and backward passes take in a second, each way; the weights stay as they are.

    The ways take turns, so that a slow spell of the machine meets all of them; the best turn of each counts.

    Args:
        ways: To be measured.
        model: On its device, in training mode.
        objective: What is minimised.
        batches: One for each turn; the first turn is not counted unless it is the only one.
        compute: Where the batches go; the ways say in which precision.
        seconds: After which no further round begins.
    """
    trials = _trials(ways, model, objective, compute)
    best: dict[Way, float] = {}
    started = time.monotonic()
    for turn, batch in enumerate(batches):
        if turn > 1 and time.monotonic() - started > seconds:
            break
        speeds = {way: _tokens_per_second(trial, batch, compute) for way, trial in trials.items()}
        best = speeds if turn <= 1 else {way: max(best[way], speed) for way, speed in speeds.items()}
    model.zero_grad(set_to_none=True)
    return best


def _trials(
    ways: Sequence[Way], model: EncoderDecoder, objective: Objective, compute: Compute
) -> dict[Way, GradientAccumulator]:
    precisions = dict.fromkeys(way.precision for way in ways)
    copies = {precision: WorkingCopy(model, compute=compute.with_precision(precision)) for precision in precisions}
    return {way: GradientAccumulator(copies[way.precision], objective, n_workers=way.n_workers) for way in ways}


def _tokens_per_second(trial: GradientAccumulator, batch: Batch, compute: Compute) -> float:
    compute.synchronize()
    started = time.perf_counter()
    trial([batch], lambda part: seed_dropout(0, 0, part))
    compute.synchronize()
    return batch.n_tgt_tokens / max(time.perf_counter() - started, 1e-9)
