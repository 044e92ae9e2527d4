"""The speed of training: the loop that ``mtkit train`` runs, over its batches, for so many seconds."""

import math
import operator
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch

from mtkit.bench.timed_loop import Measured, TimedLoop
from mtkit.bench.timeline import DATA, LOSS, OPTIMISER, REST, Timeline
from mtkit.data.batches.batch import Batch, padding_share
from mtkit.data.batches.batches import BatchPlan
from mtkit.data.corpus.store import Store
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.machine.memory import memory_advice, peak_memory
from mtkit.machine.peak import Peak
from mtkit.model.cost import forward_flop
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.arithmetic import batch_flop, batch_flop_by_part
from mtkit.training.objectives.passes import Passes, passes_of
from mtkit.training.planning.tuning import Way, fastest_way

_NEVER = 1 << 62


@dataclass(frozen=True)
class Spread:
    """A figure over several measurements."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Part:
    """What a part of an update takes."""

    name: str
    forward_seconds: float
    """Seconds per update. What is neither forward nor backward is counted here."""

    backward_seconds: float
    share: float
    """Share of the update's time."""

    share_of_peak: float | None
    """Matrix products per second over the machine's peak; None without any."""


@dataclass(frozen=True)
class TrainingSpeed:
    """How fast a model is trained."""

    way: Way
    """How updates were computed."""

    ways: dict[str, float]
    """Target tokens a second of all ways that were tried, in short; empty where there was no choice."""

    peak: Peak
    """What shares of peak refer to."""

    n_updates: int
    """Number of updates measured."""

    batch_tokens: int
    """Target tokens of an update, in the updates measured."""

    batch_tokens_wanted: int
    """Target tokens of an update that the recipe asks for."""

    tgt_tokens_per_second: Spread
    src_tokens_per_second: float
    seconds_per_update: float
    """Seconds of an update of the size that the recipe asks for."""

    mfu: float
    """Share of the machine's peak, real tokens only."""

    padding_share: float
    peak_memory_bytes: int
    """Peak memory of the GPU, or of this process."""

    parts: list[Part]
    parts_seconds_per_update: float
    """Seconds of an update with the clocks that measure its parts."""

    n_updates_to_do: int
    seconds_to_finish: float
    """The whole run from its first update; validation and checkpoints not counted."""


def measure_training(
    model_config: ModelConfig,
    training: TrainingConfig,
    store: Store,
    *,
    vocab_sizes: tuple[int, int],
    pad_id: int,
    compute: Compute,
    peak: Callable[[Compute], Peak],
    seconds: float,
) -> TrainingSpeed:
    """Train a model from random weights for about ``seconds``, and then a third of that with a clock at each module.

    Args:
        model_config: Its sizes.
        training: Its recipe.
        store: Pairs.
        vocab_sizes: Vocabulary sizes of source and target.
        pad_id: Id of the padding token.
        compute: Where.
        peak: What shares of peak refer to, in the precision that updates are computed in.
        seconds: How long. An update that would take too much of that is measured with fewer tokens.

    Raises:
        DeviceError: If an update does not fit into memory.
    """
    accumulate = 1 if training.accumulate == "auto" else training.accumulate  # what does not fit is split on the way
    training = training.model_copy(update={"accumulate": accumulate})
    seed_dropout(training.seed, 0)
    model = EncoderDecoder(
        model_config, src_vocab_size=vocab_sizes[0], tgt_vocab_size=vocab_sizes[1], pad_id=pad_id
    ).to(compute.device)
    way, ways = fastest_way(
        training, model, lambda n: BatchPlan(store, special=OWN, batch_tokens=n, seed=training.seed), compute
    )
    compute, device = compute.with_precision(way.precision), compute.device
    of_peak = peak(compute)
    batch_tokens = _batch_tokens(model_config, training, vocab_sizes[1], of_peak, seconds)
    # No validation, no checkpoint and no report falls into what is measured.
    every = dict.fromkeys(("validate_every", "save_every", "report_every", "max_updates"), _NEVER)
    quiet = training.model_copy(update=every | {"max_epochs": None, "max_minutes": None, "batch_tokens": batch_tokens})
    plan = BatchPlan(store, special=OWN, batch_tokens=batch_tokens, accumulate=accumulate, seed=training.seed)
    loop = TimedLoop(model, quiet, iter(plan), compute, way.n_workers)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with memory_advice("lower training.batch_tokens (--set training.batch_tokens=N)"):
        plain = loop.run(seconds)
        memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()
        timeline = Timeline(device)
        watched = loop.run(seconds / 3, timeline)

    scale = training.batch_tokens / batch_tokens
    per_update = statistics.median(plain.seconds)
    by_time = 60 * (training.max_minutes or math.inf) / (per_update * scale)
    n_updates = math.ceil(min(by_time, training.max_updates or math.inf))
    if training.max_epochs is not None:
        per_epoch = math.ceil((int(store.tgt_lengths.sum()) + len(store)) / (plain.tgt_tokens_per_update() * scale))
        n_updates = min(n_updates, training.max_epochs * per_epoch)
    passes = passes_of(training)
    flop = [sum(batch_flop(model, batch, passes) for batch in update) for update in plain.updates]
    return TrainingSpeed(
        way=way,
        ways={str(tried): speed for tried, speed in ways.items()},
        peak=of_peak,
        n_updates=len(plain.seconds),
        batch_tokens=batch_tokens,
        batch_tokens_wanted=training.batch_tokens,
        tgt_tokens_per_second=Spread.of(plain.rates("n_tgt_tokens")),
        src_tokens_per_second=statistics.median(plain.rates("n_src_tokens")),
        seconds_per_update=per_update * scale,
        mfu=statistics.median(map(operator.truediv, flop, plain.seconds)) / of_peak.flop_per_second,
        padding_share=padding_share([batch for update in plain.updates for batch in update]),
        peak_memory_bytes=memory,
        parts=_parts(timeline, watched, model, of_peak, passes),
        parts_seconds_per_update=statistics.median(watched.seconds),
        n_updates_to_do=n_updates,
        seconds_to_finish=n_updates * per_update * scale,
    )


def _batch_tokens(config: ModelConfig, training: TrainingConfig, vocab_size: int, peak: Peak, seconds: float) -> int:
    """Tokens of an update: the recipe's, or as many as let five updates be done in time at 40 % of the peak."""
    wanted = training.batch_tokens
    forward = forward_flop(
        config, n_sentences=wanted / 25, n_src_tokens=wanted, n_tgt_tokens=wanted, vocab_size=vocab_size
    )
    flop = passes_of(training).flop(forward)
    affordable = wanted * seconds / 5 / (flop / (0.4 * peak.flop_per_second))
    return min(wanted, max(int(affordable), 500))


def _flop_by_part(model: EncoderDecoder, updates: list[list[Batch]]) -> dict[str, float]:
    """FLOPs of the forward passes of all updates, by part."""
    total: dict[str, float] = {}
    for batch in (batch for update in updates for batch in update):
        total = {part: total.get(part, 0.0) + flop for part, flop in batch_flop_by_part(model, batch).items()}
    return total


def _parts(timeline: Timeline, measured: Measured, model: EncoderDecoder, peak: Peak, passes: Passes) -> list[Part]:
    """What was marked, per update: the model in the order of its forward pass, then what belongs to no part of it."""
    last = [LOSS, "dropout", OPTIMISER, DATA, REST]
    spent = timeline.spent()
    names = [name for name in spent if name not in last] + [name for name in last if name in spent]
    total = sum(sum(phases.values()) for phases in spent.values())
    flop = {part: passes.of(part) * each for part, each in _flop_by_part(model, measured.all_updates).items()}
    flop[LOSS] = flop.pop("projection")
    n = len(measured.all_updates)
    parts = []
    for name in names:
        phases = spent[name]
        seconds = sum(phases.values())
        share_of_peak = flop[name] / seconds / peak.flop_per_second if name in flop else None
        parts.append(Part(name, phases["forward"] / n, phases["backward"] / n, seconds / total, share_of_peak))
    return parts
