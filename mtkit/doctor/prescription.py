"""The settings that cure what was found, all of them together and ready to be pasted."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mtkit.doctor.findings import COVERAGE, STEPS, Finding, Severity, ordered
from mtkit.settings.cleaning import CleaningConfig, StepConfig

_ORDER = list(StepConfig.model_fields)  # what mends text comes before what drops pairs


@dataclass(frozen=True)
class Prescription:
    """What to set."""

    cleaning: Mapping[str, Any]
    """The section ``data.cleaning``, as far as it differs from its defaults; empty where it cures nothing."""

    tokenizer: Mapping[str, Any]
    """Settings of the section ``tokenizer``."""

    def block(self) -> list[str]:
        """Lines for a recipe: ``cleaning`` as it stands below ``data:``, ``tokenizer`` as it stands by itself."""
        lines = [f"  {line}" for line in _yaml({"cleaning": dict(self.cleaning)})] if self.cleaning else []
        return lines + (_yaml({"tokenizer": dict(self.tokenizer)}) if self.tokenizer else [])

    def options(self) -> str:
        """The prescription as options of the command line."""
        settings = {f"data.cleaning.{key}": value for key, value in self.cleaning.items()}
        settings |= {f"tokenizer.{key}": value for key, value in self.tokenizer.items()}
        return " ".join(f"--set {shlex.quote(f'{key}={_flow(value)}')}" for key, value in settings.items())

    def as_json(self) -> dict[str, Any]:
        """Dotted settings with their values."""
        return {f"data.cleaning.{key}": value for key, value in self.cleaning.items()} | {
            f"tokenizer.{key}": value for key, value in self.tokenizer.items()
        }


def prescribe(findings: Iterable[Finding], before: CleaningConfig | None = None) -> Prescription | None:
    """Take all cures together, each step once; None where there is nothing to set.

    Args:
        findings: Those for information alone and those that are cured by hand are left out.
        before: The recipe's cleaning, which stays.
    """
    steps: dict[str, dict[str, Any]] = {}
    tokenizer: dict[str, Any] = {}
    for finding in ordered([found for found in findings if found.severity is not Severity.INFO]):
        if finding.cure.startswith(STEPS):
            for step in yaml.safe_load(finding.cure.removeprefix(STEPS)):
                name, parameters = (step, {}) if isinstance(step, str) else next(iter(step.items()))
                steps[name] = steps.get(name, {}) | parameters
        elif finding.cure == COVERAGE:
            tokenizer["character_coverage"] = 1.0
    own = [] if before is None else [_named(step.model_dump(mode="json")) for step in before.steps]
    merged = [(name, parameters | steps.pop(name, {})) for name, parameters in own]
    changed = bool(steps) or merged != own
    merged += sorted(steps.items(), key=lambda item: _ORDER.index(item[0]))
    if not (changed or tokenizer):
        return None
    others = {} if before is None else before.model_dump(mode="json", exclude_defaults=True, exclude={"steps"})
    cleaning = others | {"steps": [{name: values} if values else name for name, values in merged]} if changed else {}
    return Prescription(cleaning, tokenizer)


def _named(step: str | Mapping[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return (step, {}) if isinstance(step, str) else next(iter(step.items()))


def _yaml(tree: Mapping[str, Any]) -> list[str]:
    text: str = yaml.safe_dump(tree, sort_keys=False, width=100)
    return text.splitlines()


def _flow(value: object) -> str:
    """A value on one line, as ``--set`` takes it."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1_000_000)
    return text.splitlines()[0]
