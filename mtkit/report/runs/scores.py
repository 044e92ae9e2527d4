"""The test sets of runs: scores with intervals and paired tests, from the translations that their directories keep."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mtkit.evaluation.assessment import SetReport, SystemReport
from mtkit.evaluation.certainty.comparison import Comparison
from mtkit.evaluation.certainty.significance import measure_certainty
from mtkit.evaluation.metrics.metrics import METRICS, Score, score_and_count
from mtkit.evaluation.metrics.scorers import ScoringSettings
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.sets import EvaluationSet, System
from mtkit.machine.workers import Workers
from mtkit.report.runs.run import ComparedRun


@dataclass(frozen=True)
class ComparedSet:
    """One test set, as several runs translated it."""

    name: str
    report: SetReport | None
    """Of the runs whose translations of the same lines are kept; None where there are none."""

    noted: dict[str, list[Score]] = field(default_factory=dict)
    """Scores of the other runs as they were noted, by the name of the run."""

    remarks: list[str] = field(default_factory=list)
    """What was not compared, and why."""

    @property
    def comparisons(self) -> list[Comparison]:
        """The paired tests against the first run."""
        return [] if self.report is None else self.report.comparisons

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        systems = [] if self.report is None else self.report.systems
        return {
            "name": self.name,
            "n_lines": None if self.report is None else self.report.material.n_lines,
            "runs": {each.system.name: [score.as_json() for score in each.scores] for each in systems},
            "noted": {name: [score.as_json() for score in scores] for name, scores in self.noted.items()},
            "comparisons": [each.as_json() for each in self.comparisons],
            "remarks": self.remarks,
        }


def compare_sets(runs: Sequence[ComparedRun], *, n_samples: int | None = None) -> list[ComparedSet]:
    """Compare runs on each test set that one of them has.

    Args:
        runs: The first is what the others are compared with.
        n_samples: Bootstrap resamples; by default the usual number.
    """
    names = dict.fromkeys(name for run in runs for name in run.scores or {})
    return [_compared(name, runs, n_samples) for name in names]


def _compared(name: str, runs: Sequence[ComparedRun], n_samples: int | None) -> ComparedSet:
    having = [run for run in runs if run.scores is not None and name in run.scores]
    remarks = [f"{run.name} has no test set {name}" for run in runs if run.scores is not None and run not in having]
    alike: list[ComparedRun] = []
    noted: dict[str, list[Score]] = {}
    for run in having:
        scores = (run.scores or {})[name]
        if name not in run.translations:
            noted[run.name] = scores
        elif alike and not _same_lines(alike[0], run, name):
            noted[run.name] = scores
            remarks.append(
                f"{run.name}: its test set {name} has other lines than that of {alike[0].name}: no paired test"
            )
        else:
            alike.append(run)
    if not alike:
        return ComparedSet(name, None, noted, remarks)
    report, n_of_most = _report(name, alike, n_samples)
    if report is None:
        noted |= {run.name: (run.scores or {})[name] for run in alike}
        return ComparedSet(name, None, noted, [*remarks, "no line was translated by all runs: no paired test"])
    if report.material.n_lines < n_of_most:
        remarks.append(f"scored on the {report.material.n_lines:,} of {n_of_most:,} lines that all runs translated")
    return ComparedSet(name, report, noted, remarks)


def _same_lines(one: ComparedRun, other: ComparedRun, name: str) -> bool:
    """Whether the lines that both translated are the same, and there are any."""
    mine, theirs = ({each.line: (each.src, each.ref) for each in run.translations[name]} for run in (one, other))
    shared = mine.keys() & theirs.keys()
    return bool(shared) and all(mine[line] == theirs[line] for line in shared)


def _report(name: str, runs: Sequence[ComparedRun], n_samples: int | None) -> tuple[SetReport | None, int]:
    """The scores on the lines that all runs translated, and how many lines the most of them translated."""
    by_line = [{each.line: each for each in run.translations[name]} for run in runs]
    most = max(map(len, by_line))
    lines = sorted(set.intersection(*(set(each) for each in by_line)))
    if not lines:
        return None, most
    first = by_line[0]
    ref_text, src_text = [first[n].ref for n in lines], [first[n].src for n in lines]
    settings = ScoringSettings(_metrics(name, runs), first[lines[0]].tgt_lang)
    systems, counted = [], []
    with Workers(1) as workers:
        for run, of_run in zip(runs, by_line, strict=True):
            hyp_text = [of_run[n].hyp for n in lines]
            scores, counts = score_and_count(hyp_text, [ref_text], settings, workers)
            counted.append((run.name, counts))
            systems.append(SystemReport(System(run.name, Text(run.name, hyp_text)), scores, [], [], counts))
    certainty = measure_certainty(
        counted, settings.scorers(1), test="bs" if len(runs) > 1 else None, n_samples=n_samples
    )
    with_intervals = [
        replace(
            each,
            scores=[
                replace(
                    score,
                    interval=intervals.get(score.metric),
                    signature=certainty.signatures.get(score.metric, score.signature),
                )
                for score in each.scores
            ],
        )
        for each, intervals in zip(systems, certainty.intervals, strict=True)
    ]
    material = EvaluationSet(name, [Text(name, ref_text)], Text(name, src_text))
    return SetReport(material, with_intervals, certainty.comparisons), most


def _metrics(name: str, runs: Sequence[ComparedRun]) -> list[str]:
    """The metrics that all runs were scored by, in the order of the first."""
    of_runs = [[score.metric for score in (run.scores or {})[name]] for run in runs]
    return [metric for metric in of_runs[0] if metric in METRICS and all(metric in each for each in of_runs)]
