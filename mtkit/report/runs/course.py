"""How runs went, side by side: losses and scores of the validation set at the same updates, or at the same times."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mtkit.report.curves import MEASUREMENTS, SO_FAR, Record
from mtkit.report.runs.run import ComparedRun

_MOST_ROWS = 10
_SHARES = 4  # of the time that all runs took, where they share no update


@dataclass(frozen=True)
class Point:
    """Where a run stood."""

    run: str
    update: float
    values: dict[str, float]
    """By the keys of ``MEASUREMENTS`` and ``SO_FAR``: the last ones measured up to there."""

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Stage:
    """Where all runs stood at one update, or after one time."""

    update: float | None
    """None where it is of a time."""

    seconds: float | None
    """None where it is of an update."""

    points: list[Point]

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)


def stages_of(runs: Sequence[ComparedRun]) -> list[Stage]:
    """Where runs stood at the updates after which all of them were validated, and at the end of each.

    Runs that share no such update are compared at the same working times, where their records have them.

    Args:
        runs: Those with records; of fewer than two nothing is compared.
    """
    runs = [run for run in runs if run.records]
    if len(runs) < 2:
        return []
    shared = sorted(set.intersection(*({r.update for r in run.records if _validated(r)} for run in runs)))
    if shared:
        chosen = _thinned(shared)
        return [Stage(update, None, [_at(run, update=update) for run in runs]) for update in chosen]
    ends = [max((r.values.get("seconds", 0.0) for r in run.records), default=0.0) for run in runs]
    if not all(ends):
        return [Stage(None, None, [_at(run, update=run.records[-1].update) for run in runs])]
    times = [min(ends) * share / _SHARES for share in range(1, _SHARES + 1)]
    return [Stage(None, seconds, [_at(run, seconds=seconds) for run in runs]) for seconds in times]


def _validated(record: Record) -> bool:
    return any(key.startswith("valid_") for key in record.values)


def _thinned(updates: Sequence[float]) -> list[float]:
    """At most ``_MOST_ROWS`` of them, the last included, evenly spread."""
    step = -(-len(updates) // _MOST_ROWS)
    return list(updates[::-1][::step][::-1])


def _at(run: ComparedRun, *, update: float | None = None, seconds: float | None = None) -> Point:
    """What was last measured of a run up to an update, or up to a time."""
    values: dict[str, float] = {}
    last = 0.0
    for record in run.records:
        if update is not None and record.update > update:
            continue
        if seconds is not None and record.values.get("seconds", float("inf")) > seconds:
            continue
        values |= record.values
        last = record.update
    return Point(run.name, last, {key: values[key] for key in (*MEASUREMENTS, *SO_FAR) if key in values})
