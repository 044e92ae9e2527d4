"""Scores as a person reads them."""

from collections.abc import Sequence

from mtkit.evaluation.assessment import SetReport
from mtkit.evaluation.certainty.comparison import TEST_NAMES, Comparison
from mtkit.evaluation.certainty.runs import RunSummary
from mtkit.evaluation.metrics.metrics import BleuDetails, Score, decimals_of
from mtkit.wording import counted


def set_lines(report: SetReport, *, decimals: int = 2) -> list[str]:
    """All lines about a test set: one per score of one output, a table of several."""
    if len(report.systems) == 1:
        return score_lines(report.systems[0].scores, decimals=decimals)
    lines = system_table(report, decimals=decimals)
    lines += [f"{score.name}  {score.signature}" for score in report.systems[0].scores]
    if report.comparisons:
        first = report.comparisons[0]
        test = f"{TEST_NAMES[first.test]}, {first.n_samples:,} samples"
        lines.append(f"p against {first.baseline}: {test}; * is p < 0.05")
    return [*lines, *run_lines(report.runs, decimals=decimals)]


def value_lines(report: SetReport, *, decimals: int = 2) -> list[str]:
    """The values alone: one per line of one output, a row with its name for each of several, separated by tabs."""
    values = [
        [f"{score.value:.{decimals_of(score.metric, decimals)}f}" for score in system.scores]
        for system in report.systems
    ]
    if len(values) == 1:
        return values[0]
    return ["\t".join([system.system.name, *row]) for system, row in zip(report.systems, values, strict=True)]


def score_lines(scores: Sequence[Score], *, decimals: int = 2) -> list[str]:
    """One line per score: name, value, what belongs to it, and the signature, in columns."""
    values = [value_shown(score, decimals) for score in scores]
    name_width = max((len(score.name) for score in scores), default=0)
    value_width = max(map(len, values), default=0)
    detail_width = max((len(_details(score)) for score in scores), default=0)
    lines = []
    for score, value in zip(scores, values, strict=True):
        columns = [f"{score.name:<{name_width}}", f"{value:>{value_width}}", f"{_details(score):<{detail_width}}"]
        lines.append("  ".join([*filter(None, columns), score.signature]))
    return lines


def system_table(report: SetReport, *, decimals: int = 2) -> list[str]:
    """A row for each system, a column for each metric; the baseline of paired tests comes first."""
    return _aligned(system_rows(report, decimals=decimals))


def system_rows(report: SetReport, *, decimals: int = 2) -> list[list[str]]:
    """The cells of that table, its head first."""
    names = [score.name for score in report.systems[0].scores]
    rows = [["system", *names]]
    for system in report.systems:
        cells = []
        for score in system.scores:
            compared = [
                found
                for found in report.comparisons
                if (found.system, found.metric) == (system.system.name, score.metric)
            ]
            cells.append(" ".join([value_shown(score, decimals), *map(p_shown, compared)]))
        rows.append([system.system.name, *cells])
    return rows


def run_lines(runs: Sequence[RunSummary], *, decimals: int = 2) -> list[str]:
    """One line per metric: mean, standard deviation, lowest and highest."""
    lines = []
    for run in runs:
        n = decimals_of(run.metric, decimals)
        low, high = f"{run.minimum:.{n}f}", f"{run.maximum:.{n}f}"
        mean, deviation = f"{run.mean:.{n}f}", f"{run.standard_deviation:.{n}f}"
        lines.append(
            f"{run.name} over {counted(run.n_runs, 'run')}: mean {mean}  standard deviation {deviation}  "
            f"{low} to {high}, spread {run.spread:.{n}f}"
        )
    return lines


def value_shown(score: Score, decimals: int) -> str:
    """``28.31``, or with its interval ``28.31 [27.70, 28.94]``."""
    decimals = decimals_of(score.metric, decimals)
    interval = score.interval
    bounds = f" [{interval.low:.{decimals}f}, {interval.high:.{decimals}f}]" if interval else ""
    return f"{score.value:.{decimals}f}{bounds}"


def p_shown(found: Comparison) -> str:
    """``(p = 0.0127*)``; of a handful of segments p means nothing."""
    if not found.told:
        return "(too few segments)"
    return f"(p = {found.p_value:.4f}{'*' if found.significant else ''})"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _details(score: Score) -> str:
    """What a reader needs to judge the value."""
    if isinstance(score.details, BleuDetails):
        return f"BP {score.details.brevity_penalty:.3f}  ratio {score.details.length_ratio:.3f}"
    if score.metric == "length":
        return "output / reference"
    return "lower is better" if score.higher_is_better is False else ""
