"""Runs of one recipe from several seeds, as groups: mean and spread, and whether groups differ by more than that."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtkit.errors import DataError
from mtkit.evaluation.certainty.runs import RunSummary, summarise_runs
from mtkit.evaluation.certainty.welch import GroupDifference, welch
from mtkit.evaluation.metrics.metrics import Score
from mtkit.report.runs.run import ComparedRun

_SEED = re.compile(r"seed-[0-9]+")


@dataclass(frozen=True)
class Group:
    """The runs of ``mtkit train --seeds``, or one run alone."""

    name: str
    runs: list[ComparedRun]


@dataclass(frozen=True)
class GroupScore:
    """One metric on one test set, over the runs of a group."""

    group: str
    summary: RunSummary
    values: list[float]
    """Of each run."""

    against_first: GroupDifference | None = None
    """Against the first group; None of that itself, and where a spread is not known."""

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        difference = None if self.against_first is None else self.against_first.as_json()
        return {"group": self.group, "values": self.values, "against_first": difference} | self.summary.as_json()


@dataclass(frozen=True)
class GroupedSet:
    """One test set, as groups of runs translated it."""

    name: str
    scores: dict[str, list[GroupScore]]
    """Of each group, by metric."""

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {"name": self.name, "metrics": {key: [each.as_json() for each in of] for key, of in self.scores.items()}}


def seed_directories(path: Path) -> list[Path]:
    """The runs in a directory of ``mtkit train --seeds``, by their seeds; none in any other directory."""
    if not path.is_dir():
        return []
    found = [each for each in path.iterdir() if _SEED.fullmatch(each.name) and each.is_dir()]
    return sorted(found, key=lambda each: int(each.name.removeprefix("seed-")))


def compare_groups(groups: Sequence[Group]) -> list[GroupedSet]:
    """Mean and spread of each group on each test set that runs of it are scored on.

    Args:
        groups: The first is what the others are compared with.

    Raises:
        DataError: If two groups were scored by other signatures, so that their numbers mean different things.
    """
    names = dict.fromkeys(name for group in groups for run in group.runs for name in run.scores or {})
    found = []
    for name in names:
        by_metric: dict[str, list[GroupScore]] = {}
        for group in groups:
            for each in _of_group(group, name):
                of_metric = by_metric.setdefault(each.summary.metric, [])
                if of_metric and of_metric[0].summary.signature != each.summary.signature:
                    raise DataError(
                        f"{group.name}: {each.summary.name} on {name} has another signature than in "
                        f"{of_metric[0].group}: {each.summary.signature}, not {of_metric[0].summary.signature}"
                    )
                difference = welch(of_metric[0].values, each.values) if of_metric else None
                of_metric.append(GroupScore(group.name, each.summary, each.values, difference))
        found.append(GroupedSet(name, by_metric))
    return found


def _of_group(group: Group, name: str) -> list[GroupScore]:
    """Each metric that all scored runs of a group have on a test set."""
    of_runs: list[list[Score]] = [run.scores[name] for run in group.runs if run.scores and run.scores.get(name)]
    if not of_runs:
        return []
    metrics = [score.metric for score in of_runs[0] if all(score.metric in _metrics(scores) for scores in of_runs)]
    shared = [[next(score for score in scores if score.metric == metric) for metric in metrics] for scores in of_runs]
    return [
        GroupScore(group.name, summary, [scores[n].value for scores in shared])
        for n, summary in enumerate(summarise_runs(shared))
    ]


def _metrics(scores: Sequence[Score]) -> list[str]:
    return [score.metric for score in scores]
