"""A comparison of runs as a person reads it on a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any

from mtkit.evaluation.metrics.metrics import decimals_of
from mtkit.evaluation.report import score_lines, set_lines
from mtkit.report.curves import SO_FAR
from mtkit.report.runs.comparing import RunComparison
from mtkit.report.runs.course import Point, Stage
from mtkit.report.runs.differences import Difference
from mtkit.report.runs.groups import GroupedSet, GroupScore
from mtkit.report.runs.scores import ComparedSet
from mtkit.settings.layers import as_yaml
from mtkit.wording import duration_shown

_MOST = 40  # characters of a value
_HASH = 12  # characters of a hash that are shown
_COLUMNS = {
    "tgt_tokens": "target tokens",
    "seconds": "time",
    "loss_per_token": "training loss",
    "valid_loss_per_token": "validation loss",
    "valid_bleu": "BLEU",
    "valid_chrf": "chrF",
}
"""Heads of the table of the course, by the keys of ``metrics.jsonl``."""


def comparison_lines(found: RunComparison) -> Iterator[str]:
    """All lines, section by section."""
    for group in found.groups:
        n = f"  ({len(group.runs)} seeds)" if len(group.runs) > 1 else ""
        path = group.runs[0].path.parent if group.runs[0].seed_of else group.runs[0].path
        yield f"{group.name}  {path}{n}"
    for remark in found.remarks:
        yield f"  {remark}"
    names = [group.name for group in found.groups]
    if len(names) > 1:
        yield from _differences("settings that differ", names, found.differences.settings, default=True)
        yield from _differences("data that differ", names, found.differences.data)
        yield from _differences("machine and versions that differ", names, found.differences.machine)
    yield from _course(found.stages)
    for each in found.sets:
        yield from _set(each)
    for grouped in found.grouped:
        yield from _grouped(grouped)


def _differences(
    title: str, names: Sequence[str], differences: Sequence[Difference], *, default: bool = False
) -> Iterator[str]:
    yield ""
    if not differences:
        yield f"{title}: none"
        return
    yield f"{title}:"
    rows = [["", *names, *(["default"] if default else [])]]
    for each in differences:
        cells = [_value(value) for value in each.values]
        rows.append([each.what, *cells, *([_value(each.default)] if default else [])])
    yield from _table(rows)


def _value(value: Any) -> str:
    """A value as it stands in a recipe; hashes by their beginnings, long values cut."""
    if isinstance(value, list) and value and all(isinstance(each, str) and len(each) == 64 for each in value):
        return " ".join(each[:_HASH] for each in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = value if isinstance(value, str) else "-" if value is None else as_yaml(value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."


def _course(stages: Sequence[Stage]) -> Iterator[str]:
    if not stages:
        return
    by_time = stages[0].update is None and stages[0].seconds is not None
    keys = [key for key in _COLUMNS if any(key in point.values for stage in stages for point in stage.points)]
    what = "after the same time" if by_time else "at common updates" if stages[0].update is not None else "at the end"
    yield ""
    yield f"course, {what} (validation scores are greedy):"
    rows = [
        ["time" if by_time else "update", "run", *(["update"] if by_time else []), *(_COLUMNS[key] for key in keys)]
    ]
    for stage in stages:
        for n, point in enumerate(stage.points):
            head = duration_shown(stage.seconds) if stage.seconds is not None else f"{point.update:,.0f}"
            more = [f"{point.update:,.0f}"] if by_time else []
            rows.append([head if n == 0 or stage.update is None else "", point.run, *more, *_cells(point, keys)])
    yield from _table(rows)


def _cells(point: Point, keys: Sequence[str]) -> list[str]:
    cells = []
    for key in keys:
        value = point.values.get(key)
        if value is None:
            cells.append("-")
        elif key in SO_FAR:
            cells.append(duration_shown(value) if key == "seconds" else f"{value:,.0f}")
        else:
            cells.append(f"{value:.3f}" if key.endswith("loss_per_token") else f"{value:.2f}")
    return cells


def _set(each: ComparedSet) -> Iterator[str]:
    yield ""
    n = "" if each.report is None else f", {each.report.material.n_lines:,} lines"
    yield f"test set {each.name}{n}:"
    if each.report is not None:
        yield from (f"  {line}" for line in set_lines(each.report))
    for name, scores in each.noted.items():
        if scores:
            yield f"  {name}, as noted at the end of its run:"
            yield from (f"    {line}" for line in score_lines(scores))
        else:
            yield f"  {name}: not scored, the time was up"
    yield from (f"  {remark}" for remark in each.remarks)


def _grouped(each: GroupedSet) -> Iterator[str]:
    yield ""
    yield f"test set {each.name}, over seeds:"
    rows = [["metric", "runs", "n", "mean", "sd", "min", "max", "difference (95 % interval)", "Welch's t", "df", "p"]]
    for scores in each.scores.values():
        rows += [_group_row(score, first=n == 0) for n, score in enumerate(scores)]
    compared = any(score.against_first for scores in each.scores.values() for score in scores)
    yield from _table(rows if compared else [row[:7] for row in rows])
    for scores in each.scores.values():
        yield f"  {scores[0].summary.name}  {scores[0].summary.signature}"
    if compared:
        yield "  differences are against the first; * is p < 0.05: larger than seeds explain"
    elif any(len(scores) > 1 for scores in each.scores.values()):
        yield "  whether they differ cannot be told: each needs two seeds or more, and scores that are not all equal"


def _group_row(score: GroupScore, *, first: bool) -> list[str]:
    run, n = score.summary, decimals_of(score.summary.metric)
    sd = "-" if run.n_runs < 2 else f"{run.standard_deviation:.{n}f}"
    row = [run.name if first else "", score.group, str(run.n_runs), f"{run.mean:.{n}f}", sd]
    row += [f"{run.minimum:.{n}f}", f"{run.maximum:.{n}f}"]
    found = score.against_first
    if found is None:
        return [*row, "", "", "", ""]
    change = f"{found.difference:+.{n}f} ({found.low:+.{n}f} to {found.high:+.{n}f})"
    p = f"{found.p_value:.4f}{' *' if found.significant else ''}"
    return [*row, change, f"{found.t:.2f}", f"{found.degrees_of_freedom:.1f}", p]


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
