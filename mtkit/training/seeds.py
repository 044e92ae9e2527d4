"""One recipe trained from several random seeds, one after the other, and what its scores are over them.

A directory of seeds holds ``seeds.json``, which notes how many were asked for, a run directory ``seed-N`` of each, and
at the end ``seeds.txt``, the table. Each run is as any other: it resumes, and what has ended is not done again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtkit.bundle.bundle import SEEDS
from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.evaluation.certainty.runs import summarise_runs
from mtkit.evaluation.metrics.metrics import decimals_of
from mtkit.evaluation.report import run_lines
from mtkit.files.reading import read_json
from mtkit.files.whole import atomic_file, write_json
from mtkit.log import logger
from mtkit.training.final_scores import SetScores
from mtkit.training.saving.checkpoint import disk_errors
from mtkit.training.saving.run_directory import clear, has_begun, is_marked, sole_user, visible_names
from mtkit.wording import counted

TABLE = "seeds.txt"
FORMAT_VERSION = 1

_OWN = {SEEDS, TABLE, "recipe.yaml", "corpus", "prepared"}


@dataclass(frozen=True)
class Seeds:
    """The runs of a directory of seeds."""

    directory: Path
    n: int
    """How many were asked for."""

    @property
    def run_dirs(self) -> dict[int, Path]:
        """The directory of each run, by its seed."""
        return {seed: self.directory / f"seed-{seed}" for seed in range(1, self.n + 1)}


def begin_seeds(directory: Path, n: int, *, overwrite: bool = False) -> Seeds:
    """Note in a directory how many seeds are asked for, or go on with what was begun there with as many or fewer.

    Args:
        directory: New, empty, or begun with ``--seeds``.
        n: Seeds 1 to n.
        overwrite: Start afresh: delete the runs of all seeds that lie there.

    Raises:
        ConfigError: If the directory holds something else, or was begun with more seeds.
        CheckpointError: If the note is damaged, or a run there is being trained.
    """
    check_seeds(directory, n, overwrite=overwrite)
    with disk_errors(directory):
        if overwrite:
            for run_dir in sorted(directory.glob("seed-*")):
                if is_marked(run_dir):
                    with sole_user(run_dir):
                        clear(run_dir)
            (directory / TABLE).unlink(missing_ok=True)
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / SEEDS, {"format_version": FORMAT_VERSION, "seeds": n})
    return Seeds(directory, n)


def check_seeds(directory: Path, n: int, *, overwrite: bool = False) -> None:
    """Refuse a directory that seeds cannot be trained in; nothing is written; errors as in ``begin_seeds``."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ConfigError(f"{directory}: not a directory; choose another -o")
    if (directory / "config.yaml").exists() or has_begun(directory):
        raise ConfigError(f"{directory}: holds a single run, begun without --seeds; choose another -o")
    others = {name for name in visible_names(directory) - _OWN if not name.startswith("seed-")}
    if others and not (directory / SEEDS).exists():
        raise ConfigError(f"{directory}: not empty, and was not begun with --seeds; choose another -o")
    begun = seeds_begun(directory)
    if begun is not None and n < begun and not overwrite:
        raise ConfigError(
            f"{directory}: was begun with --seeds {begun}: type {begun} or more, or --overwrite to start afresh"
        )


def check_without_seeds(directory: Path) -> None:
    """Refuse to train a single run in a directory of seeds.

    Raises:
        ConfigError: If it is one.
    """
    if directory.is_dir() and (begun := seeds_begun(directory)) is not None:
        raise ConfigError(
            f"{directory}: was begun with --seeds {begun}: type that again to go on, or choose another -o"
        )


def seeds_begun(directory: Path) -> int | None:
    """How many seeds a directory was begun with; None where it is no directory of seeds.

    Raises:
        CheckpointError: If the note is damaged.
    """
    path = directory / SEEDS
    if not path.exists():
        return None
    try:
        n = read_json(path)["seeds"]
        if type(n) is not int or n < 1:
            raise ValueError
    except (DataError, KeyError, TypeError, ValueError):
        raise CheckpointError(f"{path}: damaged; delete it to go on with the --seeds of this command") from None
    return n


def train_seeds(seeds: Seeds, train: Callable[[int, Path], Mapping[str, SetScores]]) -> list[str]:
    """Train the run of each seed in turn, write the table of their scores, and return its lines.

    Args:
        seeds: The runs.
        train: Trains the run of a seed in its directory, or finds it finished, and returns the scores of its test sets.
    """
    of_runs = {}
    for number, (seed, run_dir) in enumerate(seeds.run_dirs.items(), start=1):
        logger.info("seed %d, run %d of %d: %s", seed, number, seeds.n, run_dir)
        of_runs[seed] = train(seed, run_dir)
    lines = list(table_lines(of_runs))
    with disk_errors(seeds.directory), atomic_file(seeds.directory / TABLE) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
    return lines


def table_lines(of_runs: Mapping[int, Mapping[str, SetScores]]) -> Iterator[str]:
    """Mean, standard deviation and extremes of each metric on each test set, and the values of all seeds."""
    for name in next(iter(of_runs.values()), {}):
        of_set = {seed: sets[name] for seed, sets in of_runs.items()}
        scored = {seed: each for seed, each in of_set.items() if each.scores}
        yield f"test set {name}, {counted(len(scored), 'seed')}"
        yield from (f"  {line}" for line in _set_lines(scored))
        for seed, each in of_set.items():
            if each.extent():
                yield f"  seed {seed}: {each.extent()}"


def _set_lines(scored: Mapping[int, SetScores]) -> Sequence[str]:
    if not scored:
        return []
    runs = summarise_runs([each.scores for each in scored.values()])
    lines = run_lines(runs)
    for n, run in enumerate(runs):
        values = [f"{each.scores[n].value:.{decimals_of(run.metric)}f}" for each in scored.values()]
        lines.append(f"{run.name} of seeds {', '.join(map(str, scored))}: {'  '.join(values)}")
    return [*lines, *(f"{run.name}  {run.signature}" for run in runs)]
