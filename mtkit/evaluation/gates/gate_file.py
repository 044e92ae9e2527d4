"""The file of quality gates: what every test set must reach, and what single ones must.

::

    min: {bleu: 30, chrf: 55}
    max: {ter: 60}
    max_drop: {bleu: 0.5}
    not_significantly_worse: [bleu]
    test_sets:
      news: {min: {bleu: 25}}
"""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from mtkit.errors import ConfigError, DataError, reason
from mtkit.evaluation.gates.gate import DropGate, Gate, Gates
from mtkit.evaluation.pitfalls.scales import Bound
from mtkit.settings.bounds import POINTS
from mtkit.settings.mistakes import one_by_one
from mtkit.settings.section import Section
from mtkit.settings.yaml_file import read_yaml

_EXPECTED = "gates, such as min: {bleu: 30}"


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):  # which pydantic would take for 1 or 0
        raise ValueError("must be a number")
    return value


Points = Annotated[float, BeforeValidator(_no_truth_value), Field(ge=POINTS.least, le=POINTS.most)]


class Rules(Section):
    """What a test set must reach. Metrics go by the names of ``--metrics``."""

    min: dict[str, Points] = Field(default_factory=dict)
    """The lowest score that passes, by metric."""

    max: dict[str, Points] = Field(default_factory=dict)
    """The highest score that passes, by metric."""

    max_drop: dict[str, Annotated[Points, Field(ge=0)]] = Field(default_factory=dict)
    """Points that may be lost against the stored baseline, by metric."""

    not_significantly_worse: list[str] = Field(default_factory=list)
    """Metrics by which a paired test must not find the output worse than the stored baseline's."""

    @field_validator("min", "max", "max_drop", mode="before")
    @classmethod
    def _by_metric(cls, given: object) -> object:
        """A heading with nothing below it, which YAML reads as null, asks for nothing."""
        if not isinstance(given, dict | None):
            raise ValueError("must be metrics with numbers, such as {bleu: 30}")
        return given or {}

    @field_validator("min", "max", "max_drop")
    @classmethod
    def _possible(cls, values: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        """Refuse what no output could pass, or every output would."""
        try:
            for metric, value in values.items():
                if info.field_name == "max_drop":
                    DropGate(metric, value)
                else:
                    Gate(metric, value, "min" if info.field_name == "min" else "max")
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return values

    @property
    def metrics(self) -> list[str]:
        """All metrics that are needed."""
        return [*self.min, *self.max, *self.max_drop, *self.not_significantly_worse]

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.min or self.max or self.max_drop or self.not_significantly_worse)


class GateFile(Rules):
    """The whole file."""

    test_sets: dict[str, Rules] = Field(default_factory=dict)
    """What single test sets must reach, by their names, over what all must."""

    @field_validator("test_sets", mode="before")
    @classmethod
    def _by_name(cls, given: object) -> object:
        if not isinstance(given, dict | None):
            raise ValueError("must be test sets with their gates, such as {news: {min: {bleu: 25}}}")
        return given or {}


def read_gate_file(path: Path) -> GateFile:
    """Read the gates from YAML or JSON.

    Raises:
        ConfigError: If the file is malformed or empty, or holds what is unknown or impossible, naming each.
        DataError: If it cannot be read.
    """
    try:
        tree, _ = read_yaml(path, f"; expected {_EXPECTED}")
    except OSError as error:
        raise DataError(f"{path}: {reason(error)}") from error
    if not isinstance(tree, dict | None):
        raise ConfigError(f"{path}: expected {_EXPECTED}")
    try:
        file = GateFile.model_validate(tree or {})
    except ValidationError as error:
        mistakes = [f"{path}: {mistake.text(GateFile)}" for mistake in one_by_one(error)]
        raise ConfigError("\n  ".join(mistakes)) from None
    if all(rules.empty for rules in (file, *file.test_sets.values())):
        raise ConfigError(f"{path}: holds no gate, so that everything would pass; add one, such as min: {{bleu: 30}}")
    return file


def gates_for(name: str, file: GateFile, typed: Gates) -> Gates:
    """The gates of one test set: the file's for all, the file's for this one over them, and what was typed over both.

    Raises:
        ConfigError: If a metric cannot be used so.
    """
    rules = [file, *([file.test_sets[name]] if name in file.test_sets else [])]
    thresholds: dict[tuple[str, Bound], Gate] = {}
    for rule in rules:
        thresholds |= {(metric, "min"): Gate(metric, value, "min") for metric, value in rule.min.items()}
        thresholds |= {(metric, "max"): Gate(metric, value, "max") for metric, value in rule.max.items()}
    for gate in typed.thresholds:
        bound: Bound = gate.bound or ("max" if gate.metric == "ter" else "min")
        thresholds[gate.metric, bound] = gate
    drops = {metric: DropGate(metric, drop) for rule in rules for metric, drop in rule.max_drop.items()}
    drops |= {gate.metric: gate for gate in typed.drops}
    significance = dict.fromkeys([*(m for rule in rules for m in rule.not_significantly_worse), *typed.significance])
    return Gates(list(thresholds.values()), list(drops.values()), list(significance))
