"""Build a training run from its settings, go on where it stopped, and leave a scored bundle behind.

Reads like a parts list; what the parts do together is in ``loop.py``.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mtkit.config import Config, TrainingConfig
from mtkit.data.batches import BatchPlan
from mtkit.data.prepare import Prepared, prepare
from mtkit.data.tokenizer import JOINT_FILE, SRC_FILE, TGT_FILE, Tokenizer
from mtkit.device import Precision, choose_device, choose_precision, describe, memory_advice, set_threads
from mtkit.errors import CheckpointError, ConfigError, Interrupted
from mtkit.evaluation.metrics import Score
from mtkit.io import atomic_file
from mtkit.log import duration_shown, log_to_file, logger
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import model_tensors, restore_model
from mtkit.settings import Settings, dump_config, read_config
from mtkit.training.average import choose_checkpoints
from mtkit.training.checkpoint import (
    Checkpoint,
    CheckpointStore,
    disk_errors,
    optimizer_tensors,
    restore_optimizer,
)
from mtkit.training.finish import finish
from mtkit.training.loop import Hooks, fit
from mtkit.training.objective import CrossEntropy
from mtkit.training.report import Reporter
from mtkit.training.signals import StopSignal
from mtkit.training.state import TrainState
from mtkit.training.validation import Validator

# Settings that may differ when a run goes on: they say how long and where, not what is computed.
_CHANGEABLE = {
    "name",
    "data.prepared",
    "training.max_updates",
    "training.max_epochs",
    "training.report_every",
    "training.n_samples",
    "training.keep_last",
    "training.keep_best",
    "training.max_bad_updates",
    "training.early_stopping.patience",
    "training.average.n",
    "training.average.by",
    "training.device",
    "training.precision",
    "training.threads",
    "training.tensorboard",
    "decoding.beam_size",
    "decoding.length_penalty",
    "decoding.max_length_ratio",
    "decoding.max_length_offset",
}


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
    config = settings.config()
    prepared = prepare(config.data, config.tokenizer, prepared_directory(config))
    settings, choice = resolve(settings, prepared)
    config = settings.config()
    with disk_errors(run_dir), _sole_user(run_dir):
        if overwrite:
            _clear(run_dir)
        _check_same_run(config, prepared, run_dir)
        with log_to_file(run_dir / "train.log"):
            logger.info("%s", choice)
            return _train(config, prepared, run_dir)


def resolve(settings: Settings, prepared: Prepared) -> tuple[Settings, str]:
    """Fill in what depends on the corpus; also returns the line that says which preset was chosen, and why."""
    settings, choice = settings.for_corpus(prepared.manifest.n_train)
    return settings.with_layer("prepared corpus", {"tokenizer.vocab_size": prepared.manifest.src_vocab_size}), choice


def prepared_directory(config: Config) -> Path:
    """Where the prepared corpus of a recipe lies."""
    return Path(config.data.prepared or f"prepared/{config.name}")


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
        length_multiple=8 if device.type == "cuda" else 1,
    )
    keeper = _Keeper(CheckpointStore(run_dir), model, optimizer, plan, TrainState(), training)
    keeper.restore()
    state = keeper.state

    reason = state.reason_to_stop(training)
    if reason is None or (state.validated_update < state.update and state.update % training.validate_every == 0):
        _announce(config, model, prepared, device, precision, state)
        reason = _fit(config, prepared, keeper, run_dir, device, precision)
        if not reason:
            raise Interrupted(f"stopped after update {state.update}, everything is saved; the same command goes on")
        logger.info("training ended at update %d after %s: %s", state.update, duration_shown(state.seconds), reason)
    elif (run_dir / "model").exists():
        logger.info("%s: finished at update %d (%s); nothing to do", run_dir, state.update, reason)
    scores = finish(config, prepared, keeper.store, state, model, run_dir, device, precision)
    return Run(run_dir, reason, scores)


def _fit(
    config: Config, prepared: Prepared, keeper: "_Keeper", run_dir: Path, device: torch.device, precision: Precision
) -> str:
    training, tokenizer, store = config.training, prepared.tokenizer, prepared.store("train")
    validator = Validator(
        prepared.store("valid"),
        tokenizer,
        batch_tokens=max(training.batch_tokens // training.accumulate, 1),
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
            tokens_per_epoch=int(store.tgt_lengths.sum()) + len(store),
            validator=validator,
            reporter=reporter,
            hooks=Hooks(save=keeper.save, note_best=keeper.note_best),
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


class _Keeper:
    """Everything that makes up the run, so that it can be saved and restored whole."""

    def __init__(
        self,
        store: CheckpointStore,
        model: EncoderDecoder,
        optimizer: torch.optim.AdamW,
        plan: BatchPlan,
        state: TrainState,
        config: TrainingConfig,
    ) -> None:
        self.store, self.model, self.optimizer, self.plan, self.state = store, model, optimizer, plan, state
        self._config = config
        self._names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}

    def save(self) -> None:
        """Write a checkpoint and delete those that are not kept any longer."""
        optimizer = optimizer_tensors(self.optimizer, self._names)
        state = {"train": self.state.state_dict(), "data": self.plan.state_dict()}
        self.store.save(self.state.update, Checkpoint(model_tensors(self.model), optimizer, state))
        keep = choose_checkpoints(self.store, self.state, self._config.keep_last, "last")
        keep += choose_checkpoints(self.store, self.state, self._config.keep_best, "best")
        self.store.prune({*keep, self.state.best_update, self.state.update})
        logger.debug("saved %s", self.store.path(self.state.update))

    def note_best(self) -> None:
        """Point ``best`` at the checkpoint of the present update."""
        self.store.link("best", self.state.update)

    def restore(self) -> None:
        """Go on from the newest whole checkpoint, if there is one."""
        checkpoint = self.store.load_newest()
        if checkpoint is None:
            return
        path = self.store.path(checkpoint.state["train"]["update"])
        restore_model(self.model, checkpoint.model, source=path)
        restore_optimizer(self.optimizer, checkpoint.optimizer, self._names)
        self.state = TrainState.from_dict(checkpoint.state["train"])
        self.plan.load_state_dict(checkpoint.state["data"])
        logger.info("going on from %s", path)


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


@contextmanager
def _sole_user(run_dir: Path) -> Iterator[None]:
    """Keep a second process out of the run directory for as long as this one trains there."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(f"{run_dir}: another mtkit train is at work there; choose another -o") from None
        yield


def _clear(run_dir: Path) -> None:
    """Delete what mtkit wrote in a run directory, and nothing else."""
    for name in ("checkpoints", "model", "tensorboard"):
        shutil.rmtree(run_dir / name, ignore_errors=True)
    files = ("config.yaml", "metrics.jsonl", "train.log", JOINT_FILE, SRC_FILE, TGT_FILE)
    for name in ("best", "last", *files):
        (run_dir / name).unlink(missing_ok=True)


def _check_same_run(config: Config, prepared: Prepared, run_dir: Path) -> None:
    """Refuse to go on with another recipe, tokenizer or corpus; otherwise note the settings.

    Raises:
        ConfigError: Naming every setting that differs.
        CheckpointError: If the directory holds something else, or its tokenizer is not that of the corpus.
    """
    path = run_dir / "config.yaml"
    if path.exists():
        before, now = _flat(read_config(path)), _flat(config)
        changed = [key for key in before.keys() | now.keys() if before.get(key) != now.get(key)]
        refused = sorted(key for key in changed if key not in _CHANGEABLE)
        if refused:
            lines = [f"{key}: {before.get(key)!r} then, {now.get(key)!r} now" for key in refused]
            head = (
                f"{run_dir}: the recipe changed since the run began; choose another -o, or --overwrite to start afresh"
            )
            raise ConfigError("\n  ".join([head, *lines]))
        if (run_dir / "checkpoints").exists() and Tokenizer.load(run_dir).sha256() != prepared.tokenizer.sha256():
            raise CheckpointError(
                f"{run_dir}: the tokenizer of the prepared corpus is not the one that the run began with; "
                "choose another -o, or --overwrite to start afresh"
            )
    elif any(entry.name not in (".lock", "prepared", "corpus", "recipe.yaml") for entry in os.scandir(run_dir)):
        raise CheckpointError(f"{run_dir}: not empty, and not a run of mtkit; choose another -o")
    with atomic_file(path) as file:
        file.write(dump_config(config).encode())
    prepared.tokenizer.save(run_dir)


def _flat(config: Config) -> dict[str, object]:
    flat: dict[str, object] = {}

    def visit(prefix: str, value: object) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                visit(f"{prefix}.{key}" if prefix else key, inner)
        else:
            flat[prefix] = value

    visit("", config.model_dump(mode="json"))
    return flat
