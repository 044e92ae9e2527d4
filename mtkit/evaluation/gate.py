"""Quality gates: the scores that a model must reach, for continuous integration."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from mtkit.errors import ConfigError, GateError
from mtkit.evaluation.metrics import Score


@dataclass(frozen=True)
class Gate:
    """A threshold for one metric: a minimum, or a maximum where lower is better."""

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ConfigError(f"the threshold for {self.metric} must be a number, not {self.threshold}")


@dataclass(frozen=True)
class GateResult:
    """What became of one gate."""

    metric: str
    name: str
    threshold: float
    value: float
    passed: bool

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """``BLEU 28.31 is below 30``, of a gate that was not passed."""
        if math.isnan(self.value):
            return f"{self.name} is not a number"
        # As many decimals as it takes to show a difference: "30.00 is below 30" would puzzle.
        decimals = next((n for n in range(2, 12) if round(self.value, n) != self.threshold), 12)
        direction = "below" if self.value < self.threshold else "above"
        return f"{self.name} {self.value:.{decimals}f} is {direction} {self.threshold:g}"


def check_gates(scores: Iterable[Score], gates: Sequence[Gate]) -> list[GateResult]:
    """Hold the scores of a test set against the gates. Values are not rounded; one that is not a number fails.

    Args:
        scores: Must hold a score for the metric of every gate.
        gates: What to reach; a value equal to the threshold passes.
    """
    by_metric = {score.metric: score for score in scores}
    results = []
    for gate in gates:
        score = by_metric[gate.metric]
        passed = score.value >= gate.threshold if score.higher_is_better else score.value <= gate.threshold
        results.append(GateResult(gate.metric, score.name, gate.threshold, score.value, passed))
    return results


def enforce(failures: Sequence[str]) -> None:
    """Do nothing if no gate failed.

    Args:
        failures: One line for each gate that did.

    Raises:
        GateError: With all the lines.
    """
    if len(failures) == 1:
        raise GateError(f"quality gate failed: {failures[0]}")
    if failures:
        raise GateError("\n  ".join([f"{len(failures)} quality gates failed:", *failures]))
