"""How training runs went: loss, BLEU and chrF by update, out of ``metrics.jsonl``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
    "valid_loss_per_token": "validation loss per token, in nats",
    "valid_bleu": "BLEU of the validation set",
    "valid_chrf": "chrF of the validation set",
}
"""Keys of ``metrics.jsonl`` that are drawn, and what they are."""

_MAX_POINTS = 500


@dataclass(frozen=True)
class Curve:
    """One measurement of one run."""

    run: str
    """A short name."""

    path: str
    points: list[tuple[float, float]]
    """Update and value; of a long run every n-th."""


@dataclass(frozen=True)
class Plot:
    """One measurement of all runs that made it."""

    name: str
    curves: list[Curve]


def read_curves(runs: Sequence[Path]) -> list[Plot]:
    """Read the learning curves of runs; one in two stages has a curve for each.

    Args:
        runs: Directories with a ``metrics.jsonl``.

    Raises:
        DataError: If a file is missing or not what a run writes, naming the line.
    """
    of_runs = []
    for name, run in zip(run_names(runs), runs, strict=True):
        of_runs.append((name, str(run), _read(run / "metrics.jsonl")))
        if (run / PRETRAINING / "metrics.jsonl").exists():
            of_runs.append(
                (f"{name}, {PRETRAINING}", str(run / PRETRAINING), _read(run / PRETRAINING / "metrics.jsonl"))
            )
    plots = []
    for key, measurement in MEASUREMENTS.items():
        curves = [Curve(name, path, _thinned(points[key])) for name, path, points in of_runs if points[key]]
        if curves:
            plots.append(Plot(measurement, curves))
    return plots


def _read(path: Path) -> dict[str, list[tuple[float, float]]]:
    if not path.parent.is_dir():
        raise DataError(f"{path.parent}: no such run directory; --run takes what mtkit train wrote with -o")
    if not path.exists():
        raise DataError(f"{path.parent}: is not a run directory: it has no {path.name}, which mtkit train writes")
    check_regular(path)
    points: dict[str, list[tuple[float, float]]] = {key: [] for key in MEASUREMENTS}
    n_left_out = 0
    for number, line in enumerate(read_lines(path), start=1):
        try:
            record = parse_json(line)
            update = _number(record["update"])
            values = {key: _number(record[key]) for key in MEASUREMENTS if key in record}
        except (ValueError, KeyError, TypeError):
            raise DataError(f'{path}:{number}: expected a JSON object with an "update" and numbers') from None
        for key, value in values.items():
            if math.isfinite(update) and math.isfinite(value):
                points[key].append((update, value))
            else:
                n_left_out += 1
    if n_left_out:
        logger.warning("%s: left out %s that is not finite", path, counted(n_left_out, "value"))
    return points


def _number(value: object) -> float:
    """A value of a record, which is a number and neither text nor a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most ``_MAX_POINTS`` of the points, the last included."""
    step = -(-len(points) // _MAX_POINTS)
    return points[::-1][::step][::-1]
