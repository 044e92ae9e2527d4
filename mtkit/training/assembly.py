"""What takes part in the updates of a run, put together from its session: reads like a parts list."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch

from mtkit.data.batches.batch import Batch
from mtkit.data.batches.batches import BatchPlan
from mtkit.data.batches.mixed_batches import MixedPlan
from mtkit.data.corpus.prepared import Prepared
from mtkit.log import logger
from mtkit.machine.compiling import compile_layers
from mtkit.machine.memory import memory_advice
from mtkit.machine.peak import peak as machine_peak
from mtkit.machine.stopping import StopSignal
from mtkit.settings.model_rules import doubts
from mtkit.settings.training import TrainingConfig
from mtkit.training.freezing import n_trained_parameters
from mtkit.training.healing import Healer
from mtkit.training.loop import Parts
from mtkit.training.objectives.objective import objective_of
from mtkit.training.planning.planner import count_sampling_workers
from mtkit.training.report import Reporter
from mtkit.training.session import Session
from mtkit.training.skipped import Skipped
from mtkit.training.state import TrainState
from mtkit.training.validation import validator_of
from mtkit.training.working_copy import WorkingCopy
from mtkit.wording import counted


@contextmanager
def assembled(session: Session) -> Iterator[tuple[Parts, Iterator[list[Batch]], StopSignal]]:
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
        goes_back_twice = training.adversarial.method == "fgm"
        compile_layers(working.model.layers(), compute.device, backward_again=goes_back_twice)
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


def announce(session: Session) -> None:
    """Say what is about to be trained, and on what."""
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
