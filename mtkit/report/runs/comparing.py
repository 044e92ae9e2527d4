"""Runs side by side: all that is told of them, collected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mtkit.errors import ConfigError
from mtkit.report.curves import Plot, plots_of
from mtkit.report.names import run_names
from mtkit.report.runs.course import Stage, stages_of
from mtkit.report.runs.differences import SEED, Differences, differ_in_seed_alone, differences_of
from mtkit.report.runs.groups import Group, GroupedSet, compare_groups, seed_directories
from mtkit.report.runs.run import ComparedRun, read_run
from mtkit.report.runs.scores import ComparedSet, compare_sets


@dataclass(frozen=True)
class RunComparison:
    """Two or more runs, or groups of runs from several seeds."""

    groups: list[Group]
    """A run alone is a group of one."""

    differences: Differences
    """Between the first runs of the groups."""

    stages: list[Stage]
    curves: list[Plot]
    sets: list[ComparedSet]
    """The paired comparison of single runs; empty where there are groups."""

    grouped: list[GroupedSet]
    """Means and spreads; empty where every run stands alone."""

    remarks: list[str] = field(default_factory=list)
    """What could not be compared, and why."""

    @property
    def runs(self) -> list[ComparedRun]:
        """All runs, in order."""
        return [run for group in self.groups for run in group.runs]

    @property
    def has_groups(self) -> bool:
        """Whether a group has several runs."""
        return any(len(group.runs) > 1 for group in self.groups)

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "runs": [
                {
                    "name": run.name,
                    "path": str(run.path),
                    "group": run.seed_of,
                    "finished": run.scores is not None,
                    "remarks": run.remarks,
                }
                for run in self.runs
            ],
            "groups": [{"name": group.name, "runs": [run.name for run in group.runs]} for group in self.groups],
            "settings": [each.as_json() for each in self.differences.settings],
            "data": [each.as_json() for each in self.differences.data],
            "machine": [each.as_json() for each in self.differences.machine],
            "course": [stage.as_json() for stage in self.stages],
            "sets": [each.as_json() for each in self.sets],
            "seeds": [each.as_json() for each in self.grouped],
            "remarks": self.remarks,
        }


def compare_runs(paths: Sequence[Path], *, n_samples: int | None = None) -> RunComparison:
    """Compare runs, bundles, or directories of ``mtkit train --seeds``.

    Args:
        paths: Two or more; the first is what the others are compared with.
        n_samples: Bootstrap resamples; by default the usual number.

    Raises:
        ConfigError: If there are fewer than two, or one is named twice.
        DataError: If one is something else, or damaged.
    """
    _check(paths)
    groups = [_group(path, name) for path, name in zip(paths, run_names(paths), strict=True)]
    runs = [run for group in groups for run in group.runs]
    has_groups = any(len(group.runs) > 1 for group in groups)
    firsts = [group.runs[0] for group in groups]
    of_one_recipe = not has_groups and differ_in_seed_alone(firsts)
    grouped = compare_groups([Group("all", firsts)] if of_one_recipe else groups) if has_groups or of_one_recipe else []
    return RunComparison(
        groups,
        differences_of(firsts, without=[SEED] if has_groups else []),
        stages_of(runs),
        plots_of([(run.name, run.path, run.records) for run in runs]),
        [] if has_groups else compare_sets(runs, n_samples=n_samples),
        grouped,
        [f"{run.name}: {remark}" for run in runs for remark in run.remarks] + _within(groups),
    )


def _check(paths: Sequence[Path]) -> None:
    places: dict[Path, Path] = {}
    for path in paths:
        place = path.resolve()
        if place in places:
            twice = f"{path}" if path == places[place] else f"{places[place]} and {path}"
            raise ConfigError(f"{twice}: one run named twice; name different runs")
        places[place] = path
    if len(paths) < 2 and not (paths and len(seed_directories(paths[0])) > 1):
        raise ConfigError("nothing to compare with: name two runs or more, or a directory of mtkit train --seeds")


def _group(path: Path, name: str) -> Group:
    """A run, or the runs of several seeds in a directory."""
    seeds = seed_directories(path)
    if not seeds:
        return Group(name, [read_run(path, name)])
    return Group(name, [read_run(each, f"{name}/{each.name}", seed_of=name) for each in seeds])


def _within(groups: Sequence[Group]) -> list[str]:
    """Of each group whose runs differ in more than their seeds, in what."""
    remarks = []
    for group in groups:
        if len(group.runs) > 1:
            found = differences_of(group.runs, without=[SEED])
            names = [each.what for each in (*found.settings, *found.data)]
            if names:
                remarks.append(f"{group.name}: its runs differ in more than their seeds: {', '.join(names)}")
    return remarks
