"""Build a training run from its settings, go on where it stopped, and leave a scored bundle behind.

Reads like a parts list; what the parts do together is in ``loop.py``.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from mtkit.data.batches.batch import Batch
from mtkit.data.batches.batches import BatchPlan
from mtkit.data.batches.mixed_batches import MixedPlan
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared
from mtkit.errors import ConfigError, Interrupted, Stopped
from mtkit.evaluation.certainty.before_after import BeforeAfter
from mtkit.files.reading import check_regular
from mtkit.log import log_to_file, logger
from mtkit.machine.compiling import compile_layers
from mtkit.machine.device import choose_device
from mtkit.machine.memory import memory_advice
from mtkit.machine.peak import peak as machine_peak
from mtkit.machine.stopping import StopSignal, interrupting
from mtkit.settings.model_rules import doubts
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings, SizeInTime
from mtkit.settings.training import TrainingConfig
from mtkit.training.beforehand import check_beforehand
from mtkit.training.comparison import translate_before
from mtkit.training.final_scores import SetScores
from mtkit.training.finish import Finished, finish, is_unscored
from mtkit.training.freezing import n_trained_parameters
from mtkit.training.healing import Healer
from mtkit.training.loop import Parts, fit
from mtkit.training.objectives.objective import objective_of
from mtkit.training.planning.planner import count_sampling_workers
from mtkit.training.planning.size_in_time import size_in_time, vocabulary_in_time
from mtkit.training.report import Reporter
from mtkit.training.saving.checkpoint import CheckpointStore, disk_errors
from mtkit.training.saving.run_directory import (
    check_is_run,
    check_same_data,
    check_same_run,
    check_unused,
    clear,
    sole_user,
)
from mtkit.training.session import Session, begin
from mtkit.training.skipped import Skipped
from mtkit.training.stage import Stage
from mtkit.training.starting import Start, start_of
from mtkit.training.state import TrainState
from mtkit.training.teacher import Teacher, teacher_of
from mtkit.training.validation import validator_of
from mtkit.training.working_copy import WorkingCopy
from mtkit.wording import counted, duration_shown


@dataclass(frozen=True)
class Run:
    """A finished run."""

    directory: Path
    reason: str
    """Why it is over."""

    scores: dict[str, SetScores]
    """Of each test set, by its name."""

    comparison: BeforeAfter | None = None
    """With the model that it started from, where there is one."""

    seconds: float = 0.0
    """Working time of all its sessions."""


def train(
    settings: Settings,
    run_dir: Path,
    start: Start | None = None,
    *,
    stage: Stage | None = None,
    overwrite: bool = False,
    started: float | None = None,
    watch: Callable[[Iterator[list[Batch]]], Iterator[list[Batch]]] | None = None,
) -> Run:
    """Prepare the corpus, train, and write the bundle; or go on with any of these where it stopped.

    Args:
        settings: The recipe and what was typed beside it.
        run_dir: Checkpoints, logs, the resolved settings and the bundle go here.
        start: The model that the settings start from, where it has been found already.
        stage: What the run is given as one of two stages; by default it is whole in itself.
        overwrite: Start afresh, deleting what ``run_dir`` holds of an earlier run.
        started: When the command began, on ``time.monotonic()``; by default now. ``max_minutes`` count from there.
        watch: What the updates pass through on their way to the training.

    Raises:
        Interrupted: If a signal ended the run with everything saved.
        Stopped: If one ended it before there was anything to save.
        MtkitError: For everything that a user can fix.
    """
    started = time.monotonic() if started is None else started
    check_is_run(run_dir)
    start = start or start_of(settings, run_dir, overwrite=overwrite)
    teacher = teacher_of(settings, run_dir, overwrite=overwrite)
    if teacher is not None and start is None:
        settings = teacher.under(settings)
    config = before_corpus(settings, start).config()
    check_beforehand(config, start, run_dir, teacher)
    choose_device(config.training.device)
    check_unused(run_dir)
    if not overwrite:
        check_same_data(config, run_dir)
    typed_overwrite = overwrite if stage is None else stage.overwritten
    again = f"the same command{' without --overwrite' * typed_overwrite} goes on"
    is_other = overwrite  # whether what lies there is of the run that makes way
    try:
        if stage is None:
            prepared = _prepared(settings, config, start or teacher, run_dir, started, overwrite=overwrite)
        else:
            prepared = stage.prepared
        in_time = None
        if start is None:
            in_time = size_in_time(settings, prepared, run_dir, started, teacher, overwrite=overwrite)
        resolved, choice = resolve(settings, prepared, in_time, start)
        config = resolved.config()
        _check_room_for_tags(config, prepared)
        with disk_errors(run_dir), sole_user(run_dir):
            if overwrite:
                clear(run_dir)
                is_other = False
            if start is not None:
                start.note(run_dir, settings, prepared.manifest)
            check_same_run(config, prepared, run_dir)
            if teacher is not None:
                teacher.note(run_dir)
                choice.append(teacher.told())
            if (log := run_dir / "train.log").exists():
                check_regular(log)
            with log_to_file(log):
                if stage is not None:
                    logger.info("%s", stage.told)
                for line in choice:
                    logger.info("%s", line)
                if start is not None:
                    device = choose_device(config.training.device)
                    translate_before(config, prepared, start, run_dir, device, started)
                session = begin(config, prepared, run_dir, started, start or stage, teacher)
                state, budget = session.keeper.state, session.budget
                reason = state.reason_to_stop(session.training)
                if reason is None and teacher is not None:
                    teacher.check_there()
                if reason is None or budget.validation_is_due():
                    budget.check()
                    _announce(session)
                    with _training(session) as (parts, updates, stop):
                        updates = updates if watch is None else watch(updates)
                        reason = fit(parts, updates, session.training, state, stop=stop)
                    if stop.received or not reason:
                        raise Interrupted(f"stopped after update {state.update}, everything is saved; {again}")
                    took = duration_shown(state.seconds)
                    logger.info("training ended at update %d after %s: %s", state.update, took, reason)
                if stage is not None and stage.is_first:
                    return Run(run_dir, reason, {}, seconds=budget.spent())
                finished = _finished(session, again)
                return Run(run_dir, reason, finished.scores, finished.comparison, budget.spent())
    except KeyboardInterrupt:  # training itself and its end take the signals; here it is before or between them
        if not is_other and CheckpointStore(run_dir).updates():
            raise Interrupted(f"stopped, all checkpoints are saved; {again}") from None
        raise Stopped("stopped before any update; the same command goes on") from None


def _check_room_for_tags(config: Config, prepared: Prepared) -> None:
    """Refuse pairs that, with the languages' pieces of a tokenizer, are longer than the model reads."""
    if prepared.tokenizer.languages is None:
        return  # what tags a recipe names has been counted
    longest = max(len(side) for prefix in prepared.prefixes("train") for side in prefix)
    room = config.model.max_length - 1 - longest
    if config.data.cleaning.max_tokens > room:
        raise ConfigError(
            f"data.cleaning.max_tokens ({config.data.cleaning.max_tokens}) is too much beside {longest} pieces for the "
            f"languages: model.max_length is {config.model.max_length}; lower it to {room}, or leave it out"
        )


def before_corpus(settings: Settings, start: Start | None) -> Settings:
    """The settings while the corpus is not known, as ``Settings.before_corpus`` has them."""
    return (settings if start is None else start.under(settings)).before_corpus()


def resolve(
    settings: Settings, prepared: Prepared, in_time: SizeInTime | None = None, start: Start | None = None
) -> tuple[Settings, list[str]]:
    """Fill in what depends on corpus and time; also returns lines that say what was chosen, and why."""
    if start is not None:
        return start.under(settings, prepared.manifest), start.told(settings, prepared.manifest)
    settings, choice = settings.for_corpus(prepared.manifest.n_train, in_time)
    return settings.with_layer("prepared corpus", {"tokenizer.vocab_size": prepared.manifest.src_vocab_size}), [choice]


def _prepared(
    settings: Settings,
    config: Config,
    model: Start | Teacher | None,
    run_dir: Path,
    started: float,
    *,
    overwrite: bool,
) -> Prepared:
    """The corpus, with a tokenizer of its own or with that of the model to start or learn from."""
    if model is not None:
        return prepare(
            config.data,
            config.tokenizer,
            config.prepared_directory,
            ready=model.tokenizer,
            known_languages=model.known_languages if isinstance(model, Start) else (),
        )
    pieces = vocabulary_in_time(settings, run_dir, started, overwrite=overwrite)
    return prepare(config.data, config.tokenizer, config.prepared_directory, max_vocab_size=pieces)


@contextmanager
def _training(session: Session) -> Iterator[tuple[Parts, Iterator[list[Batch]], StopSignal]]:
    """Within the block what ``fit`` takes is at hand, and signals ask it to stop."""
    training, prepared, compute = session.training, session.prepared, session.compute
    keeper, budget = session.keeper, session.budget
    # What is reported is computed in float32.
    exact = compute.with_precision("bf16" if training.precision == "bf16" else "fp32")
    validator = validator_of(session.config, prepared, session.run_dir, exact, keeper.plan.micro_batch_tokens)
    reporter = Reporter(
        session.run_dir,
        keeper.state,
        max_updates=training.max_updates,
        seconds_left=budget.seconds_left,
        tensorboard=training.tensorboard,
    )
    skipped = Skipped(keeper.plan, prepared, session.run_dir, n_rollbacks=keeper.state.rollbacks.n)
    working = WorkingCopy(keeper.model, compute=compute)
    if _compiles(training, compute.device):
        compile_layers(working.model.layers(), compute.device)
    peak = machine_peak(compute)
    logger.info("MFU (model FLOPs utilisation) in the lines below is the share of %s, in matrix products", peak)
    parts = Parts(
        working=working,
        objective=objective_of(training, prepared.tokenizer.pad_id, prepared.language_ids(), session.guidance),
        optimizer=keeper.optimizer,
        n_workers=session.n_workers,
        budget=budget,
        validator=validator,
        reporter=reporter,
        save=lambda: budget.save(keeper.save),
        go_back=Healer(keeper, session.initial, skipped, training),
        shares=lambda: keeper.plan.shares,
        epoch=_epoch_of(keeper.plan, prepared),
        peak_flop_per_second=peak.flop_per_second,
        ema=keeper.ema,
        team=session.team,
    )
    advice = "lower training.batch_tokens or raise training.accumulate (--set training.accumulate=2)"
    with ExitStack() as stack:
        stop = stack.enter_context(StopSignal())
        stack.callback(reporter.close)
        stack.enter_context(memory_advice(advice))
        workers = count_sampling_workers(training) if keeper.plan.samples else 0
        updates = stack.enter_context(keeper.plan.prefetched(pin=compute.device.type == "cuda", workers=workers))
        yield parts, updates, stop


def _finished(session: Session, again: str) -> Finished:
    """What the model is worth, with the bundle written."""
    run_dir, keeper, budget = session.run_dir, session.keeper, session.budget

    def stopped() -> str:
        what = "scored" if is_unscored(run_dir) else "written"
        return f"stopped before the model was {what}, all checkpoints are saved; {again}"

    with interrupting(stopped), memory_advice("lower decoding.beam_size (--set decoding.beam_size=1)"):
        device, deadline = session.compute.device, budget.deadline()
        finished = finish(session.config, session.prepared, keeper, run_dir, device, deadline)
    if (minutes := session.training.max_minutes) is not None:
        logger.info("used %s of %s", duration_shown(budget.spent()), counted(minutes, "minute"))
    return finished


def _epoch_of(plan: BatchPlan, prepared: Prepared) -> Callable[[TrainState], float]:
    """Passes over the corpus so far: by tokens where these are the corpus's own, else by pairs."""
    if plan.samples or isinstance(plan, MixedPlan):
        return lambda state: state.pairs / prepared.manifest.n_train
    return lambda state: state.tgt_tokens / prepared.manifest.n_train_tgt_tokens


def _compiles(config: TrainingConfig, device: torch.device) -> bool:
    """Whether layers are compiled: on a GPU, where the updates to come outweigh the minute that it takes."""
    if config.compile is not None:
        return config.compile
    return device.type == "cuda" and (config.max_updates or 0) >= 5_000


def _announce(session: Session) -> None:
    m, training, keeper = session.config.model, session.training, session.keeper
    first, last = keeper.state.update + 1, training.max_updates
    updates = f"updates from {first} on, of" if last is None else f"updates {first} to {last} of"
    limit = "" if training.max_minutes is None else f", {counted(training.max_minutes, 'minute')} in all"
    if training.from_ is None:  # what trains badly from random weights
        for doubt in doubts(m, warmup_updates=training.warmup_updates, learning_rate=training.learning_rate):
            logger.warning("%s", doubt)
        if training.minimum_risk.metric is not None:
            logger.warning(
                "training.minimum_risk scores what the model draws, which means nothing before it is trained: train it "
                "without first, and start from that with --from"
            )
    n_trained = n_trained_parameters(keeper.model)
    partly = training.freeze or training.lora.rank is not None
    frozen = f", {n_trained / 1e6:.2f} million of them trained" if partly else ""
    logger.info(
        "model: %s, vocabulary %s; %.2f million parameters%s",
        m.summary(),
        f"{session.prepared.tokenizer.tgt_vocab_size:,}",
        keeper.model.n_parameters() / 1e6,
        frozen,
    )
    logger.info(
        "training: %s pairs, %s %s target tokens%s, on %s",
        f"{session.prepared.manifest.n_train:,}",
        updates,
        f"{training.batch_tokens:,}",
        limit,
        session.compute.describe(),
    )
    if isinstance(keeper.plan, MixedPlan):
        keeper.plan.log_shares()
