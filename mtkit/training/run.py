"""Build a training run from its settings, go on where it stopped, and leave a scored bundle behind.

Reads like a parts list; what the parts do together is in ``loop.py``.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from mtkit.config import Config, TrainingConfig
from mtkit.data.batches import BatchPlan
from mtkit.data.prepare import Prepared, prepare
from mtkit.device import Precision, choose_device, choose_precision, describe, memory_advice, set_threads
from mtkit.errors import Interrupted
from mtkit.evaluation.metrics import Score, check_metrics
from mtkit.log import duration_shown, log_to_file, logger
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings import Settings
from mtkit.training.checkpoint import CheckpointStore, disk_errors
from mtkit.training.finish import finish
from mtkit.training.keeper import Keeper
from mtkit.training.loop import fit
from mtkit.training.objective import CrossEntropy
from mtkit.training.report import Reporter
from mtkit.training.run_directory import check_same_run, clear, sole_user
from mtkit.training.signals import StopSignal, interrupting
from mtkit.training.state import TrainState
from mtkit.training.validation import Validator


@dataclass(frozen=True)
class Run:
    """A finished run."""

    directory: Path
    reason: str
    """Why it is over."""

    scores: dict[str, list[Score]]
    """Of each test set, by its name."""


def train(settings: Settings, run_dir: Path, *, overwrite: bool = False) -> Run:
    """Prepare the corpus, train, and write the bundle; or go on with any of these where it stopped.

    Args:
        settings: The recipe and what was typed beside it.
        run_dir: Checkpoints, logs, the resolved settings and the bundle go here.
        overwrite: Start afresh, deleting what ``run_dir`` holds of an earlier run.

    Raises:
        Interrupted: If a signal ended the run with everything saved.
        MtkitError: For everything that a user can fix.
    """
    config = settings.before_corpus().config()
    choose_device(config.training.device)
    if config.training.validate_text:
        check_metrics(["bleu", "chrf"], tgt_lang=config.data.tgt_lang)
    prepared = prepare(config.data, config.tokenizer, config.prepared_directory)
    settings, choice = resolve(settings, prepared)
    config = settings.config()
    with disk_errors(run_dir), sole_user(run_dir):
        if overwrite:
            clear(run_dir)
        check_same_run(config, prepared, run_dir)
        with log_to_file(run_dir / "train.log"):
            logger.info("%s", choice)
            return _train(config, prepared, run_dir)


def resolve(settings: Settings, prepared: Prepared) -> tuple[Settings, str]:
    """Fill in what depends on the corpus; also returns the line that says which preset was chosen, and why."""
    settings, choice = settings.for_corpus(prepared.manifest.n_train)
    return settings.with_layer("prepared corpus", {"tokenizer.vocab_size": prepared.manifest.src_vocab_size}), choice


def _train(config: Config, prepared: Prepared, run_dir: Path) -> Run:
    training = config.training
    set_threads(training.threads)
    device = choose_device(training.device)
    precision = choose_precision(training.precision, device)
    tokenizer = prepared.tokenizer
    store = prepared.store("train")

    seed_dropout(training.seed, 0)
    model = EncoderDecoder(
        config.model,
        src_vocab_size=tokenizer.src_vocab_size,
        tgt_vocab_size=tokenizer.tgt_vocab_size,
        pad_id=tokenizer.pad_id,
    ).to(device)
    optimizer = build_optimizer(model, training)
    plan = BatchPlan(
        store,
        batch_tokens=training.batch_tokens,
        accumulate=training.accumulate,
        seed=training.seed,
    )
    keeper = Keeper(CheckpointStore(run_dir), model, optimizer, plan, TrainState(), training)
    keeper.restore()
    state = keeper.state

    reason = state.reason_to_stop(training)
    if reason is None or state.validation_is_due(training):
        _announce(config, model, prepared, device, precision, state)
        reason = _fit(config, prepared, keeper, run_dir, device, precision)
        if not reason:
            raise Interrupted(f"stopped after update {state.update}, everything is saved; the same command goes on")
        logger.info("training ended at update %d after %s: %s", state.update, duration_shown(state.seconds), reason)
    message = "stopped before the model was written, all checkpoints are saved; the same command goes on"
    with interrupting(message), memory_advice("lower decoding.beam_size (--set decoding.beam_size=1)"):
        scores = finish(config, prepared, keeper.store, state, model, run_dir, device)
    return Run(run_dir, reason, scores)


def _fit(
    config: Config, prepared: Prepared, keeper: Keeper, run_dir: Path, device: torch.device, precision: Precision
) -> str:
    training, tokenizer = config.training, prepared.tokenizer
    validator = Validator(
        prepared.store("valid"),
        tokenizer,
        batch_tokens=max(training.batch_tokens // training.accumulate // 4, 1),  # small batches hold less padding
        device=device,
        precision=precision,
        tgt_lang=config.data.tgt_lang,
        n_samples=training.n_samples,
        decode=training.validate_text,
    )
    reporter = Reporter(run_dir, keeper.state, max_updates=training.max_updates, tensorboard=training.tensorboard)
    advice = "lower training.batch_tokens or raise training.accumulate (--set training.accumulate=2)"
    with ExitStack() as stack:
        stop = stack.enter_context(StopSignal())
        stack.callback(reporter.close)
        stack.enter_context(memory_advice(advice))
        return fit(
            keeper.model,
            CrossEntropy(pad_id=tokenizer.pad_id, smoothing=training.label_smoothing),
            keeper.optimizer,
            iter(keeper.plan),
            training,
            keeper.state,
            device=device,
            precision=precision,
            tokens_per_epoch=prepared.manifest.n_train_tgt_tokens,
            validator=validator,
            reporter=reporter,
            save=keeper.save,
            stop=stop,
        )


def build_optimizer(model: EncoderDecoder, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) with weight decay on matrices alone."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=config.adam_betas, eps=config.adam_epsilon, fused=True
    )


def _announce(
    config: Config,
    model: EncoderDecoder,
    prepared: Prepared,
    device: torch.device,
    precision: Precision,
    state: TrainState,
) -> None:
    m = config.model
    logger.info(
        "model: %s, %d+%d layers, d_model %d, d_ff %d, %d heads, vocabulary %s; %.2f million parameters",
        m.architecture,
        m.n_encoder_layers,
        m.n_decoder_layers,
        m.d_model,
        m.d_ff,
        m.n_heads,
        f"{prepared.tokenizer.tgt_vocab_size:,}",
        model.n_parameters() / 1e6,
    )
    logger.info(
        "training: %s pairs, updates %d to %d of %s target tokens, on %s",
        f"{prepared.manifest.n_train:,}",
        state.update + 1,
        config.training.max_updates,
        f"{config.training.batch_tokens:,}",
        describe(device, precision),
    )
