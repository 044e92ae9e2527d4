"""Whether a run that is killed and resumed is the one that was never interrupted, tried out on a small copy of it.

The copy has the settings of the run, few pairs and few small updates. It is trained straight through, and again with
SIGKILL in the middle: every checkpoint that both have must hold the same bits.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Any

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.errors import MtkitError, TrainingError
from mtkit.files.reading import read_json
from mtkit.log import logger, set_up_logging
from mtkit.machine.children import environment_of_child
from mtkit.settings.pretraining import PretrainingConfig
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import Checkpoint, CheckpointStore, load_checkpoint
from mtkit.training.saving.fitted import FITTED

UPDATES, SAVED_AT, KILLED_AFTER = 6, 3, 5
MOST_TOKENS = 2_000  # of an update
MOST_PAIRS = 5_000  # of a source
_N_VALID = 20
_OF_TIME = {"seconds", "costs", "share", "planned_seconds"}
_MEASURED = ("loss_per_token", "perplexity", "grad_norm", "learning_rate", "valid_loss_per_token", "valid_bleu")


@dataclass(frozen=True)
class Recipe:
    """What a command reads its settings from, as ``Settings.load`` takes it."""

    path: Path | None
    overrides: Sequence[str]
    flags: Mapping[str, object]


@dataclass(frozen=True)
class Compared:
    """What the two runs have of one update."""

    update: int
    sha256: dict[str, tuple[str, str]]
    """Of each file of the checkpoint, in the straight run and in the resumed one."""

    differences: list[str]
    """Everything that is not the same, in words."""


def smaller(recipe: Recipe, config: Config, directory: Path) -> Recipe:
    """The same recipe with few pairs and few updates.

    Args:
        recipe: Of the run.
        config: What it says, before the corpus is known.
        directory: Receives the prepared corpus.
    """
    training, data = config.training, config.data
    if training.max_minutes is not None:
        logger.info("without the limit of time: how many updates fit depends on the clock, so %d are trained", UPDATES)
    accumulate = 1 if training.accumulate == "auto" else min(training.accumulate, 2)
    values: dict[str, object] = {
        "max_updates": UPDATES,
        "max_epochs": "null",
        "max_minutes": "null",
        "min_updates": 0,
        "batch_tokens": min(training.batch_tokens, MOST_TOKENS),
        "accumulate": accumulate,
        "schedule": training.schedule,
        "warmup_updates": min(training.warmup_updates, 2),
        "save_every": SAVED_AT,
        "validate_every": SAVED_AT,
        "report_every": 1,
        "keep_last": 2,
        "keep_best": 1,
        "average.n": 0,
        "early_stopping.patience": "null",
        "tensorboard": "false",
    }
    if training.ema.start is not None:
        values["ema.start"] = min(training.ema.start, SAVED_AT - 1)
    overrides = [*recipe.overrides, *(f"training.{name}={value}" for name, value in values.items())]
    if config.pretraining.active:
        logger.info("the first stage (pretraining) is left out: it resumes as the second one does")
        whole = PretrainingConfig().model_dump(mode="json")
        overrides += [f"pretraining.{name}={json.dumps(value)}" for name, value in whole.items()]
    if training.from_ is None:
        overrides.append("tokenizer.vocab_size=null")
    flags = {name: value for name, value in recipe.flags.items() if name not in ("training.max_minutes",)}
    for place, most in (("train", MOST_PAIRS), ("valid", _N_VALID), ("test", _N_VALID)):
        sources = [source.model_dump(mode="json", exclude_defaults=True) for source in getattr(data, place)]
        flags[f"data.{place}"] = [{**source, "limit": min(source.get("limit") or most, most)} for source in sources]
    if data.hold_out is not None:
        flags["data.hold_out"] = float(_N_VALID)
    flags["data.prepared"] = str(directory / "prepared")
    return Recipe(recipe.path, overrides, flags)


def verify_resume(recipe: Recipe, directory: Path) -> list[Compared]:
    """Train a recipe straight through, and killed and resumed, and compare the two.

    Args:
        recipe: As ``smaller`` gives it.
        directory: Receives both runs.

    Raises:
        TrainingError: If one of the runs fails, naming why.
    """
    straight, killed = directory / "straight", directory / "killed"
    logger.info("without interruption: %d updates", UPDATES)
    _run(recipe, straight, None)
    killed.mkdir()
    (killed / ".mtkit").touch()
    copyfile(straight / FITTED, killed / FITTED)  # what is measured at the start may come out otherwise
    logger.info("killed (SIGKILL) after update %d, with a checkpoint of update %d", KILLED_AFTER, SAVED_AT)
    _run(recipe, killed, KILLED_AFTER)
    logger.info("resumed: updates %d to %d", SAVED_AT + 1, UPDATES)
    _run(recipe, killed, None)
    return compare(straight, killed)


def compare(straight: Path, resumed: Path) -> list[Compared]:
    """Everything that two runs have saved of the same updates, the earliest first."""
    stores = [CheckpointStore(run_dir) for run_dir in (straight, resumed)]
    metrics = [_metrics(run_dir) for run_dir in (straight, resumed)]
    found: list[Compared] = []
    for update in sorted({*stores[0].updates()} & {*stores[1].updates()}):
        paths = [store.path(update) for store in stores]
        files = [read_json(path / "manifest.json")["files"] for path in paths]
        hashes = {name: (files[0][name]["sha256"], files[1][name]["sha256"]) for name in files[0]}
        differences = _differences(*map(load_checkpoint, paths))
        earlier = found[-1].update if found else 0
        for number in range(earlier + 1, update + 1):
            if metrics[0].get(number) != metrics[1].get(number):
                differences.append(f"metrics.jsonl of update {number}")
        found.append(Compared(update, hashes, differences))
    return found


def table(compared: Sequence[Compared]) -> Iterator[str]:
    """The comparison, line by line."""
    yield f"{'update':>6}  {'weights':<18}  {'optimiser':<18}  all else"
    for row in compared:
        cells = []
        for name in ("model.safetensors", "optimizer.safetensors"):
            one, other = row.sha256[name]
            cells.append(f"{one[:12]} {'same' if one == other else 'OTHER'}")
        rest = [what for what in row.differences if not what.startswith(("weight ", "optimiser "))]
        yield f"{row.update:>6}  {cells[0]:<18}  {cells[1]:<18}  {'OTHER' if rest else 'same'}"


def first_difference(compared: Sequence[Compared]) -> str | None:
    """What is not the same first, in words; None where all is."""
    for row in compared:
        if row.differences:
            first, *others = row.differences
            more = f", and {len(others)} more" if others else ""
            return f"in the checkpoint of update {row.update}: {first}{more}"
    return None


@contextmanager
def directory_beside(run_dir: Path) -> Iterator[Path]:
    """A directory near that of a run, gone with the block."""
    parent = next(path for path in run_dir.resolve().parents if path.is_dir())
    directory = Path(tempfile.mkdtemp(prefix=f".{run_dir.name}.verify-resume.", dir=parent))
    try:
        yield directory
    finally:
        rmtree(directory, ignore_errors=True)


def _differences(one: Checkpoint, other: Checkpoint) -> list[str]:
    found = []
    kinds = [("weight", one.model, other.model), ("optimiser", one.optimizer, other.optimizer)]
    files = sorted(one.extra.keys() | other.extra.keys())
    kinds += [(name, one.extra.get(name, {}), other.extra.get(name, {})) for name in files]
    for kind, mine, theirs in kinds:
        for name in sorted(mine.keys() | theirs.keys()):
            if name not in mine or name not in theirs:
                found.append(f"{kind} {name} is in one of them alone")
            elif (how := _how_different(mine[name], theirs[name])) is not None:
                found.append(f"{kind} {name}: {how}")
    for part in sorted(one.state.keys() | other.state.keys()):
        states = [each.state.get(part) or {} for each in (one, other)]
        for key in sorted({*states[0], *states[1]}):
            values = [state.get(key) for state in states]
            if values[0] != values[1] and not (part == "train" and key in _OF_TIME):
                found.append(f"state {part}.{key}: {values[0]} and {values[1]}")
    return found


def _how_different(one: Tensor, other: Tensor) -> str | None:
    """How two tensors differ; not at all where each has the bits of the other, NaN included."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return f"{one.dtype} {tuple(one.shape)} and {other.dtype} {tuple(other.shape)}"
    bits = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)]
    if torch.equal(*bits):
        return None
    differs = bits[0].ne(bits[1]).view(-1, one.element_size()).any(1)
    largest = (one.double() - other.double()).abs().max().item()
    return f"{int(differs.sum()):,} of {one.numel():,} numbers differ, by up to {largest:.3g}"


def _metrics(run_dir: Path) -> dict[int, dict[str, Any]]:
    """What was measured in each update, but for what depends on the clock."""
    found: dict[int, dict[str, Any]] = {}
    for line in (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        values = found.setdefault(record["update"], {})
        values.update({name: record[name] for name in _MEASURED if name in record})
    return found


def _run(recipe: Recipe, run_dir: Path, kill_after: int | None) -> None:
    """Train in a process of its own.

    Raises:
        TrainingError: If that fails.
    """
    task = {"recipe": asdict(recipe), "run_dir": str(run_dir), "kill_after": kill_after}
    process = subprocess.Popen(
        [sys.executable, "-m", "mtkit.training.verification"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of_child(),
        process_group=0,  # Ctrl-C is for this process, which then ends that one
    )
    try:
        said, failure = process.communicate(json.dumps(task, default=str))
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode != (0 if kill_after is None else -signal.SIGKILL):
        reason = said.strip() or "\n".join([f"it ended with {process.returncode}", *failure.splitlines()[-20:]])
        raise TrainingError(f"the small copy of the run cannot be trained: {reason}")


def _child(recipe: Recipe, run_dir: Path, kill_after: int | None) -> None:
    """What the process does; an error that a user can fix is all that it says."""
    set_up_logging(quiet=True)
    logger.handlers[0].setLevel(logging.CRITICAL + 1)  # all is in the run's own train.log
    try:
        settings = Settings.load(recipe.path, overrides=recipe.overrides, flags=recipe.flags)
        train(settings, run_dir, watch=None if kill_after is None else partial(_killed, after=kill_after))
    except MtkitError as error:
        sys.stdout.write(str(error))
        sys.exit(1)


def _killed(updates: Iterator[list[Batch]], *, after: int) -> Iterator[list[Batch]]:
    """The updates, until the process is killed."""
    for number, update in enumerate(updates):
        if number == after:
            os.kill(os.getpid(), signal.SIGKILL)
        yield update


if __name__ == "__main__":
    _task = json.load(sys.stdin)
    _recipe = Recipe(**_task["recipe"])
    _path = None if _recipe.path is None else Path(_recipe.path)
    _child(replace(_recipe, path=_path), Path(_task["run_dir"]), _task["kill_after"])
