"""How ``mtkit train`` trains one run, or one after the other from several seeds."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mtkit.errors import ConfigError, Interrupted, Stopped, TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mtkit.settings.recipe import Config
    from mtkit.settings.resolve import Settings
    from mtkit.training.final_scores import SetScores
    from mtkit.training.run import Run
    from mtkit.training.starting import Start
    from mtkit.training.verification import Recipe

Corpus = tuple[list[Path], list[Path], tuple[str | None, str | None], dict[str, tuple[Path | None, Path | None]]]
"""Files of a corpus, their languages, and the files of its sets by their place."""

_MOST_SEEDS = 1_000


def before_corpus(
    settings: "Settings", run_dir: Path, start: "Start | None" = None, *, overwrite: bool
) -> "tuple[Config, Start | None]":
    """The settings while the corpus is not known, and the model that the run starts from, if it is not known yet.

    Without one nothing is loaded that takes time: what is mistyped is told at once.
    """
    if settings.given("training", "from") is None:
        return settings.before_corpus().config(), None
    from mtkit.training.run import before_corpus as over_the_base
    from mtkit.training.starting import start_of

    start = start or start_of(settings, run_dir, overwrite=overwrite)
    return over_the_base(settings, start).config(), start


def train_run(
    settings: "Settings", before: "Config", directory: Path, start: "Start | None", *, overwrite: bool, started: float
) -> "Run":
    """Train a run, from where it was begun."""
    from mtkit.training.pretraining import train as run_training
    from mtkit.training.saving.places import where_it_began

    with where_it_began(directory, before) as seen_from_there:
        if seen_from_there != directory:  # the model is named as seen from there too
            start = None
        return run_training(settings, seen_from_there, start, overwrite=overwrite, started=started)


def train_in_turn(settings: "Settings", directory: Path, n: int, *, overwrite: bool) -> "Iterator[str]":
    """Train the runs of several seeds, and say how they did."""
    from mtkit.log import logger
    from mtkit.training.seeds import begin_seeds, train_seeds

    minutes = settings.given("training", "max_minutes")
    before_corpus(settings, directory / "seed-1", overwrite=overwrite)  # what is mistyped is told before any is deleted
    seeds = begin_seeds(directory, n, overwrite=overwrite)
    if isinstance(minutes, int | float):
        logger.info("%d runs of %g minutes each, %g minutes in all", n, minutes, n * minutes)

    def train_seed(seed: int, run_dir: Path) -> "Mapping[str, SetScores]":
        started = time.monotonic()
        of_seed = settings.with_flag("training.seed", seed)
        before, start = before_corpus(of_seed, run_dir, overwrite=False)
        return train_run(of_seed, before, run_dir, start, overwrite=False, started=started).scores

    try:
        yield from train_seeds(seeds, train_seed)
    except (Interrupted, Stopped) as error:
        if overwrite:  # what was to be deleted has been
            raise type(error)(str(error).replace("the same command", "the same command without --overwrite")) from None
        raise
    yield f"the models: {', '.join(str(run_dir / 'model') for run_dir in seeds.run_dirs.values())}"
    yield f"compare with: mtkit compare {directory} OTHER"


def check_number(seeds: int | None, seed: int | None, overrides: "Sequence[str]") -> None:
    """Refuse a number of seeds that cannot be, or beside a seed that is named."""
    if seeds is None:
        return
    if not 1 <= seeds <= _MOST_SEEDS:
        raise ConfigError(f"--seeds {seeds}: a number of runs, from 1 to {_MOST_SEEDS:,}; --seed names a single seed")
    if seed is not None:
        raise ConfigError("--seeds trains from the seeds 1 to N, and --seed from one: give one of them")
    if any(each.partition("=")[0].strip() == "training.seed" for each in overrides):
        raise ConfigError("--seeds trains from the seeds 1 to N: leave out --set training.seed")


def check_place(directory: Path, seeds: int | None, *, overwrite: bool) -> None:
    """Refuse a directory of several seeds for one run, and that of one run for several."""
    from mtkit.training.seeds import check_seeds, check_without_seeds

    if seeds is None:
        check_without_seeds(directory)
    else:
        check_seeds(directory, seeds, overwrite=overwrite)


def verify_resume_of(recipe: "Recipe", corpus: Corpus | None, run_dir: Path) -> "Iterator[str]":
    """Kill and resume a small copy of a run, and say what came of it.

    Raises:
        TrainingError: If that is another run.
    """
    from mtkit.settings.resolve import Settings
    from mtkit.training.quickstart import Given, write_recipe
    from mtkit.training.verification import directory_beside, first_difference, smaller, table, verify_resume

    with directory_beside(run_dir) as directory:
        if corpus is not None:
            recipe = replace(recipe, path=write_recipe(Given.of_files(*corpus), directory / "corpus"))
        settings = Settings.load(recipe.path, overrides=recipe.overrides, flags=recipe.flags)
        before, _ = before_corpus(settings, run_dir, overwrite=False)
        compared = verify_resume(smaller(recipe, before, directory), directory)
    yield from table(compared)
    if (difference := first_difference(compared)) is not None:
        raise TrainingError(f"a run that is killed and resumed is another one here: {difference}")
    yield "killed and resumed, the run is the same, bit for bit"
