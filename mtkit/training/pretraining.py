"""A run in two stages: another task first, then the translation, with one tokenizer and one model.

The first stage is a run of its own in ``pretraining/`` of the run directory; its last checkpoint is what the second
one begins with. Each goes on from its newest checkpoint, so that the whole may be killed anywhere. ``stage.json`` notes
that the first stage is over and how long it worked.
"""

import time
from pathlib import Path

from mtkit.bundle.run_note import PRETRAINING
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared
from mtkit.data.sources.sources import open_sources
from mtkit.errors import CheckpointError, DataError, Stopped
from mtkit.files.reading import read_json
from mtkit.files.whole import write_json
from mtkit.log import logger
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from mtkit.settings.stages import first_stage, pretraining_directory, with_model
from mtkit.training import run
from mtkit.training.planning.size_in_time import size_in_time, vocabulary_in_time
from mtkit.training.run import Run
from mtkit.training.saving.checkpoint import CheckpointStore, disk_errors
from mtkit.training.saving.run_directory import (
    check_is_run,
    check_same_data,
    check_unused,
    clear,
    has_begun,
    sole_user,
)
from mtkit.training.stage import Stage
from mtkit.training.starting import Start
from mtkit.wording import duration_shown

_NOTE = "stage.json"


def train(
    settings: Settings,
    run_dir: Path,
    start: Start | None = None,
    *,
    overwrite: bool = False,
    started: float | None = None,
) -> Run:
    """Train as ``run.train`` does, in two stages where the recipe has a section ``pretraining``; arguments as there."""
    config = run.before_corpus(settings, start).config()
    if not config.pretraining.active:
        return run.train(settings, run_dir, start, overwrite=overwrite, started=started)
    started = time.monotonic() if started is None else started
    check_is_run(run_dir)
    check_unused(run_dir)
    first_stage(settings, config).before_corpus().config()  # what is wrong with it is told before anything is prepared
    if not overwrite:
        check_same_data(config, run_dir)
    try:
        return _in_stages(settings, config, run_dir, started, overwrite=overwrite)
    except KeyboardInterrupt:  # each stage takes the signals itself; here it is before or between them
        raise Stopped("stopped before or between the stages; the same command goes on") from None


def prepare_both(
    settings: Settings,
    config: Config,
    *,
    overwrite: bool = False,
    n_workers: int | None = None,
    max_vocab_size: int | None = None,
) -> tuple[Prepared, Prepared]:
    """The prepared corpora of both stages, the first with the tokenizer that both have.

    Args:
        settings: Of the whole run.
        config: What they come to before the corpus is known.
        overwrite: Replace prepared corpora of other inputs or settings.
        n_workers: Processes that clean and encode; by default one for each core.
        max_vocab_size: Pieces of the tokenizer at most, where the settings do not say their number.

    Raises:
        MtkitError: As ``prepare`` does.
    """
    sets = open_sources(config.data)
    first = prepare(
        first_stage(settings, config).before_corpus().config().data,
        config.tokenizer,
        pretraining_directory(config),
        overwrite=overwrite,
        n_workers=n_workers,
        max_vocab_size=max_vocab_size,
        apart=[*sets["valid"], *sets["test"]],
    )
    second = prepare(
        config.data,
        config.tokenizer,
        config.prepared_directory,
        overwrite=overwrite,
        n_workers=n_workers,
        ready=first.tokenizer,
    )
    return first, second


def _in_stages(settings: Settings, config: Config, run_dir: Path, started: float, *, overwrite: bool) -> Run:
    pieces = vocabulary_in_time(settings, run_dir, started, overwrite=overwrite)
    first, second = prepare_both(settings, config, max_vocab_size=pieces)
    stage_dir = run_dir / PRETRAINING
    begun = run_dir if has_begun(run_dir) or not has_begun(stage_dir) else stage_dir
    in_time = size_in_time(settings, second, begun, started, overwrite=overwrite)
    whole, choice = run.resolve(settings, second, in_time)
    resolved = whole.config()
    with disk_errors(run_dir), sole_user(run_dir):
        if overwrite:
            clear(run_dir)
    if settings.leaves_size_open():
        settings = with_model(settings, resolved)
    if not has_begun(run_dir):
        for line in choice:
            logger.info("%s", line)
        seconds = _noted_seconds(stage_dir)
        if seconds is None:
            told = f"stage 1 of 2, {config.pretraining.task}: in {stage_dir}"
            stage = Stage(first, is_first=True, told=told, overwritten=overwrite)
            own = with_model(first_stage(settings, resolved), resolved)
            seconds = run.train(own, stage_dir, stage=stage, started=started).seconds
            write_json(stage_dir / _NOTE, {"seconds": seconds})
            logger.info("stage 1 of 2 is over after %s", duration_shown(seconds))
            started = time.monotonic()
        started -= seconds  # max_minutes are of both stages
    weights = None if has_begun(run_dir) else _last_checkpoint(stage_dir)
    told = "stage 2 of 2, translate" + ("" if weights is None else f": begins with the weights of {weights}")
    stage = Stage(second, is_first=False, weights=weights, told=told, overwritten=overwrite)
    return run.train(settings, run_dir, stage=stage, started=started)


def _noted_seconds(stage_dir: Path) -> float | None:
    """How long the first stage worked; None where it is not over."""
    path = stage_dir / _NOTE
    if not path.exists():
        return None
    try:
        return float(read_json(path)["seconds"])
    except (DataError, KeyError, TypeError, ValueError):
        raise CheckpointError(f"{path}: damaged; delete it, and the stage is looked at again") from None


def _last_checkpoint(stage_dir: Path) -> Path:
    """The weights that the first stage ended with."""
    store = CheckpointStore(stage_dir)
    updates = store.updates()
    if not updates:
        raise CheckpointError(f"{stage_dir}: the checkpoints of the first stage are gone; start again with --overwrite")
    return store.path(updates[-1])
