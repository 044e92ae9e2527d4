"""What one command works with, from the first update to the scores: the model and all that trains it, made or found."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from mtkit.data.corpus.prepared import Prepared
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.machine.compute import Compute
from mtkit.machine.memory import keep_freed_memory
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.recipe import Config
from mtkit.settings.training import TrainingConfig
from mtkit.training.accumulation import count_workers
from mtkit.training.comparison import n_lines_to_compare
from mtkit.training.finish import seconds_to_translate
from mtkit.training.freezing import freeze
from mtkit.training.guidance import guidance_of
from mtkit.training.lora import adapted_parts
from mtkit.training.objectives.objective import Guidance
from mtkit.training.optimizer import build_optimizer
from mtkit.training.planning.budget import Budget
from mtkit.training.planning.memory import check_room, count_micro_batches
from mtkit.training.planning.pace import planned_by_time, with_fitted_updates
from mtkit.training.planning.planner import Planner
from mtkit.training.planning.tuning import remembered_way
from mtkit.training.saving.checkpoint import CheckpointStore
from mtkit.training.saving.fitted import note_machine, use_remembered_threads
from mtkit.training.saving.keeper import Keeper
from mtkit.training.stage import Stage
from mtkit.training.starting import Start
from mtkit.training.state import TrainState
from mtkit.training.teacher import Teacher
from mtkit.training.team import SOLO, Team


@dataclass(frozen=True)
class Session:
    """What one command works with, from the first update to the scores."""

    config: Config
    """Of the run."""

    training: TrainingConfig
    """Of the run, with what was fitted to the time."""

    prepared: Prepared
    run_dir: Path
    compute: Compute
    n_workers: int
    keeper: Keeper

    initial: Callable[[], EncoderDecoder]
    """Makes the model that the run began with."""

    budget: Budget
    guidance: Guidance
    team: Team


def begin(
    config: Config,
    prepared: Prepared,
    run_dir: Path,
    started: float,
    start: Start | Stage | None,
    teacher: Teacher | None = None,
) -> Session:
    """A session that goes on from the newest checkpoint, or from the weights of a model, or from random ones."""
    training, team = config.own_training, SOLO
    threads = use_remembered_threads(run_dir, training.threads)
    keep_freed_memory()
    compute = Compute.choose(training.device, training.precision, threads)
    note_machine(run_dir, compute.device)
    store = CheckpointStore(run_dir)
    needed = start if config.training.lora.rank is not None or not store.updates() else None
    model = _built(config, prepared.tokenizer, needed, compute.device)
    guidance = guidance_of(config, prepared.tokenizer, teacher, compute.device)
    optimizer = build_optimizer(model, training)
    planner = Planner(config, prepared)
    way = remembered_way(training, model, planner.plan, run_dir, compute, guidance)
    compute = compute.with_precision(way.precision)
    if training.max_minutes is not None and not store.updates():
        training = planned_by_time(
            training, model, planner, prepared.manifest, run_dir, started, compute, way.n_workers, guidance
        )
    else:
        training = with_fitted_updates(training, run_dir)
    n_micro_batches = count_micro_batches(training, model, planner, run_dir, compute, guidance)
    plan = planner.plan(training.batch_tokens, n_micro_batches)
    keeper = Keeper(store, model, optimizer, plan, TrainState(), training, team)
    keeper.restore()
    n_workers = min(way.n_workers, count_workers(model, plan.micro_batch_tokens, compute))

    def rehearse(at_most: float) -> float:
        return seconds_to_translate(
            config, prepared, model, compute, at_most=at_most, n_more=n_lines_to_compare(run_dir)
        )

    budget = Budget(training, keeper.state, started=started, rehearse=rehearse, team=team)

    def initial() -> EncoderDecoder:
        return _built(config, prepared.tokenizer, start, torch.device("cpu"))

    return Session(config, training, prepared, run_dir, compute, n_workers, keeper, initial, budget, guidance, team)


def _built(config: Config, tokenizer: Tokenizer, start: Start | Stage | None, device: torch.device) -> EncoderDecoder:
    """The model on its device, with the weights that the run starts from, and what stays as it is marked."""
    vocab_sizes = {"src_vocab_size": tokenizer.src_vocab_size, "tgt_vocab_size": tokenizer.tgt_vocab_size}
    check_room(config.model, config.training, device, **vocab_sizes)
    seed_dropout(config.training.seed, 0)
    model = EncoderDecoder.for_tokenizer(config.model, tokenizer)
    if start is not None:
        start.put_into(model, tokenizer, like=config.tokenizer.extend.like)
    adapted_parts(model, config.training.lora)
    freeze(model, config.training.freeze)
    return model.to(device)
