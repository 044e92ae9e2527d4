"""What runs differ in: settings, data, machine and versions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtkit.report.runs.run import ComparedRun, default_settings
from mtkit.settings.section import PLACE, marked
from mtkit.settings.source import SourceConfig

_NAMES = ("name", "data.prepared")
"""Settings that say what directories are called."""

_SOURCES = ("data.train", "data.valid", "data.test", "training.keep_test")
SEED = "training.seed"


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in all runs."""

    what: str
    """Dotted name of a setting, or what of the data or the machine it is."""

    values: list[Any]
    """Of each run; None where a run does not say."""

    default: Any = None
    """Of a setting; None where it has none."""

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Differences:
    """All that is not the same, each in the order of the first run."""

    settings: list[Difference]
    data: list[Difference]
    machine: list[Difference]


def differences_of(runs: Sequence[ComparedRun], *, without: Sequence[str] = ()) -> Differences:
    """What runs differ in.

    Args:
        runs: Two or more.
        without: Settings that are not looked at.

    Files that are called differently and hold the same are no difference: what they hold is told by their hashes.
    """
    defaults = default_settings()
    settings = [
        Difference(each.what, each.values, defaults.get(each.what))
        for each in _different([_comparable(run.settings) for run in runs])
        if each.what not in (*_NAMES, *without)
    ]
    data, machine = (_different(values) for values in ([run.data for run in runs], [run.machine for run in runs]))
    return Differences(settings, data, machine)


def differ_in_seed_alone(runs: Sequence[ComparedRun]) -> bool:
    """Whether runs are of one recipe and one corpus, each from another seed."""
    found = differences_of(runs)
    hashes = [each for each in found.data if each.what.endswith("sha256")]
    seeds = [run.settings.get(SEED) for run in runs]
    return [each.what for each in found.settings] == [SEED] and not hashes and len(set(seeds)) == len(seeds)


def _comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the names of files."""
    places = marked(SourceConfig, PLACE)
    plain = dict(settings)
    for key in _SOURCES:
        sources = plain.get(key)
        if isinstance(sources, list):
            plain[key] = [_short({name: each[name] for name in each if name not in places}) for each in sources]
    return plain


def _short(source: Mapping[str, Any]) -> dict[str, Any]:
    """A source without what it leaves at its default, so that a difference can be seen."""
    fields = SourceConfig.model_fields
    return {
        name: value for name, value in source.items() if value != fields[name].get_default(call_default_factory=True)
    }


def _different(values: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Keys whose values are not the same in all that say anything."""
    found = []
    for key in dict.fromkeys(key for each in values for key in each):
        said = [each.get(key) for each in values if each]
        if any(value != said[0] for value in said[1:]):
            found.append(Difference(key, [each.get(key) for each in values]))
    return found
