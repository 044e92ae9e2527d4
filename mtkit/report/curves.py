"""How training runs went: loss, BLEU and chrF by update, out of ``metrics.jsonl``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mtkit.bundle.run_note import PRETRAINING
from mtkit.errors import DataError
from mtkit.files.reading import check_regular, parse_json
from mtkit.files.text import read_lines
from mtkit.log import logger
from mtkit.report.names import run_names
from mtkit.wording import counted

MEASUREMENTS = {
    "loss_per_token": "training loss per token, in nats",
    "cross_entropy_per_token": "cross-entropy per token in training, in nats, where it is a part of the loss",
    "consistency_per_token": "divergence between two passes per token, in nats, without its weight",
    "adversarial_per_token": "loss on moved embeddings per token, in nats, without its weight",
    "valid_loss_per_token": "validation loss per token, in nats",
    "valid_plain_loss_per_token": "validation loss per token of the weights beside their average, in nats",
    "valid_ema_loss_per_token": "validation loss per token of the average of the weights (EMA), in nats",
    "valid_bleu": "BLEU of the validation set",
    "valid_chrf": "chrF of the validation set",
}
"""Keys of ``metrics.jsonl`` that are drawn, and what they are."""

SO_FAR = ("tgt_tokens", "seconds")
"""Keys of target tokens trained on and of working time in seconds, up to a line; older runs do not have them."""

METRICS = "metrics.jsonl"

_MAX_POINTS = 500


@dataclass(frozen=True)
class Curve:
    """One measurement of one run."""

    run: str
    """A short name."""

    path: str
    points: list[tuple[float, float]]
    """Update and value; of a long run every n-th."""

    rollbacks: list[tuple[float, str]] = field(default_factory=list)
    """Updates that the run went back to, and why: those that had followed are not in the curve."""


@dataclass(frozen=True)
class Plot:
    """One measurement of all runs that made it."""

    name: str
    curves: list[Curve]


@dataclass(frozen=True)
class Record:
    """One line of ``metrics.jsonl``."""

    update: float
    values: dict[str, float]
    """By the keys of ``MEASUREMENTS`` and of ``SO_FAR``: those that the line has, finite ones alone."""

    went_back: str | None = None
    """Why the run went back to this update, where the line says that it did."""


def read_curves(runs: Sequence[Path]) -> list[Plot]:
    """Read the learning curves of runs; one in two stages has a curve for each.

    Args:
        runs: Directories with a ``metrics.jsonl``.

    Raises:
        DataError: If a file is missing or not what a run writes, naming the line.
    """
    of_runs = []
    for name, run in zip(run_names(runs), runs, strict=True):
        if not run.is_dir():
            raise DataError(f"{run}: no such run directory; --run takes what mtkit train wrote with -o")
        if not (run / METRICS).exists():
            raise DataError(f"{run}: is not a run directory: it has no {METRICS}, which mtkit train writes")
        of_runs.append((name, run, read_records(run / METRICS)))
        first = run / PRETRAINING
        if (first / METRICS).exists():
            of_runs.append((f"{name}, {PRETRAINING}", first, read_records(first / METRICS)))
    return plots_of(of_runs)


def plots_of(runs: Sequence[tuple[str, Path, Sequence[Record]]]) -> list[Plot]:
    """A plot of each measurement, out of name, path and records of each run."""
    plots = []
    for key, measurement in MEASUREMENTS.items():
        curves = []
        for name, path, records in runs:
            points = [(record.update, record.values[key]) for record in records if key in record.values]
            rollbacks = [(record.update, record.went_back) for record in records if record.went_back is not None]
            if points:
                curves.append(Curve(name, str(path), _thinned(points), rollbacks))
        if curves:
            plots.append(Plot(measurement, curves))
    return plots


def read_records(path: Path) -> list[Record]:
    """Read a ``metrics.jsonl``; a value that is not finite is left out, with a warning.

    Raises:
        DataError: If the file is not what a run writes, naming the line.
    """
    check_regular(path)
    records = []
    n_left_out = 0
    for number, line in enumerate(read_lines(path), start=1):
        try:
            record = parse_json(line)
            update = _number(record["update"])
            values = {key: _number(record[key]) for key in (*MEASUREMENTS, *SO_FAR) if key in record}
        except (ValueError, KeyError, TypeError):
            raise DataError(f'{path}:{number}: expected a JSON object with an "update" and numbers') from None
        finite = {key: value for key, value in values.items() if math.isfinite(update) and math.isfinite(value)}
        n_left_out += len(values) - len(finite)
        went_back = str(record.get("reason", "")) if "rollback" in record and math.isfinite(update) else None
        records.append(Record(update, finite, went_back))
    if n_left_out:
        logger.warning("%s: left out %s that is not finite", path, counted(n_left_out, "value"))
    return records


def _number(value: object) -> float:
    """A value of a record, which is a number and neither text nor a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most ``_MAX_POINTS`` of the points, the last included."""
    step = -(-len(points) // _MAX_POINTS)
    return points[::-1][::step][::-1]
