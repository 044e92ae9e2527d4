"""Quality gates: what a model must reach, for continuous integration."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from mtkit.errors import ConfigError, GateError
from mtkit.evaluation.certainty.comparison import TEST_NAMES, Comparison, too_few_segments
from mtkit.evaluation.metrics.metrics import Score, decimals_of
from mtkit.evaluation.metrics.scorers import COUNTED_METRICS
from mtkit.evaluation.pitfalls.scales import Bound, check_drop, check_threshold, doubtful_drop, doubtful_threshold


@dataclass(frozen=True)
class Gate:
    """A threshold for one metric: a minimum, or a maximum where lower is better."""

    metric: str
    threshold: float
    bound: Bound | None = None
    """Kind of threshold, instead of the metric's polarity; the length ratio has none."""

    def __post_init__(self) -> None:
        check_threshold(self.metric, self.threshold, self.bound)

    @property
    def doubt(self) -> str | None:
        """What is odd about it; None where nothing is."""
        return doubtful_threshold(self.metric, self.threshold)


@dataclass(frozen=True)
class DropGate:
    """How much worse than a stored baseline a metric may be."""

    metric: str
    max_drop: float
    """Points, 0 or more; in the direction that is worse."""

    def __post_init__(self) -> None:
        check_drop(self.metric, self.max_drop)

    @property
    def doubt(self) -> str | None:
        """What is odd about it; None where nothing is."""
        return doubtful_drop(self.metric, self.max_drop)


@dataclass(frozen=True)
class Gates:
    """What one test set must reach."""

    thresholds: Sequence[Gate] = ()
    drops: Sequence[DropGate] = ()
    significance: Sequence[str] = ()
    """Metrics that must not be significantly worse than the stored baseline's."""

    def __post_init__(self) -> None:
        for metric in self.significance:
            if metric not in COUNTED_METRICS:
                known = ", ".join(COUNTED_METRICS)
                raise ConfigError(f"{metric} has no test of significance; there is one for {known}")
        low = {gate.metric: gate.threshold for gate in self.thresholds if gate.bound == "min"}
        for gate in self.thresholds:
            if gate.bound == "max" and gate.threshold < low.get(gate.metric, gate.threshold):
                raise ConfigError(
                    f"nothing could pass: {gate.metric} must be at least {low[gate.metric]:g} and at most "
                    f"{gate.threshold:g}"
                )

    @property
    def doubts(self) -> list[str]:
        """What is odd about them, a sentence each."""
        found = [*(gate.doubt for gate in self.thresholds), *(gate.doubt for gate in self.drops)]
        return [doubt for doubt in found if doubt is not None]

    @property
    def metrics(self) -> list[str]:
        """All metrics that are needed."""
        return [*(gate.metric for gate in self.thresholds), *self.compared]

    @property
    def compared(self) -> list[str]:
        """Metrics that are held against the stored baseline's."""
        return [*(gate.metric for gate in self.drops), *self.significance]

    @property
    def need_baseline(self) -> bool:
        """Whether anything is compared."""
        return bool(self.compared)


@dataclass(frozen=True)
class GateResult:
    """What became of one gate."""

    metric: str
    name: str
    threshold: float
    value: float
    passed: bool
    bound: Bound = "min"
    told: ClassVar[bool] = True

    @property
    def kind(self) -> str:
        """What tells it from the other gates of its metric."""
        return self.bound

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """``BLEU 28.31 is below 30``, or ``BLEU 30.12 is at least 30``."""
        if math.isnan(self.value):
            return f"{self.name} is not a number"
        n = decimals_of(self.metric)
        if self.passed:
            return (
                f"{self.name} {self.value:.{n}f} is at {'least' if self.bound == 'min' else 'most'} {self.threshold:g}"
            )
        direction = "below" if self.value < self.threshold else "above"
        return f"{self.name} {_telling(self.value, self.threshold, at_least=n)} is {direction} {self.threshold:g}"


@dataclass(frozen=True)
class DropResult:
    """What became of a gate against a stored baseline."""

    metric: str
    name: str
    max_drop: float
    baseline: float
    value: float
    drop: float
    """Points worse than the baseline; negative where better."""

    passed: bool
    remark: str | None = None
    """What else may explain a difference."""

    told: ClassVar[bool] = True

    @property
    def kind(self) -> str:
        """What tells it from the other gates of its metric."""
        return "drop"

    @property
    def difference(self) -> float:
        """Points above the baseline; below it where negative."""
        return self.value - self.baseline

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """``BLEU 28.31 is 1.20 worse than the baseline's 29.51 (allowed: 0.5)``."""
        if math.isnan(self.drop):
            return f"{self.name} is not a number"
        n = decimals_of(self.metric)
        points = _telling(abs(self.drop), 0, self.max_drop, at_least=n)
        compared = f"is {points} {'worse' if self.drop > 0 else 'better'} than" if self.drop else "equals"
        return (
            f"{self.name} {self.value:.{n}f} {compared} the baseline's {self.baseline:.{n}f} "
            f"(allowed: {self.max_drop:g}){_remarked(self)}"
        )


@dataclass(frozen=True)
class SignificanceResult:
    """Whether a system is significantly worse than a stored baseline."""

    comparison: Comparison
    passed: bool
    remark: str | None = None
    """What else may explain a difference."""

    @property
    def told(self) -> bool:
        """Whether the test set is large enough to tell."""
        return self.comparison.told or not self.difference

    @property
    def metric(self) -> str:
        """Mtkit's name of it."""
        return self.comparison.metric

    @property
    def name(self) -> str:
        """Published name of the metric."""
        return self.comparison.name

    @property
    def difference(self) -> float:
        """Points above the baseline; below it where negative."""
        return self.comparison.difference

    @property
    def kind(self) -> str:
        """What tells it from the other gates of its metric."""
        return "significance"

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return self.comparison.as_json() | {"passed": self.passed, "remark": self.remark}

    def __str__(self) -> str:
        """``BLEU 28.31 is significantly worse than the baseline's 29.51 (p = 0.0010, paired bootstrap, ...)``."""
        found = self.comparison
        if not found.difference:  # the p-value means nothing then
            return f"{found.name} {found.value:.2f} equals the baseline's {found.baseline_value:.2f}"
        if not found.told:
            return (
                f"{found.name} {found.value:.2f} against the baseline's {found.baseline_value:.2f}: "
                f"{too_few_segments(found.n_segments)}"
            )
        verdict = "not significantly" if self.passed else "significantly"
        return (
            f"{found.name} {found.value:.2f} is {verdict} worse than the baseline's {found.baseline_value:.2f} "
            f"(p = {found.p_value:.4f}, {TEST_NAMES[found.test]}, {found.n_samples:,} samples){_remarked(self)}"
        )


GateOutcome = GateResult | DropResult | SignificanceResult


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
        bound: Bound = gate.bound or ("max" if score.higher_is_better is False else "min")
        passed = score.value >= gate.threshold if bound == "min" else score.value <= gate.threshold
        results.append(GateResult(gate.metric, score.name, gate.threshold, score.value, passed, bound))
    return results


def check_drops(
    scores: Iterable[Score], baseline: Iterable[Score], gates: Sequence[DropGate], remark: str | None = None
) -> list[DropResult]:
    """Hold the scores of a test set against those of a stored baseline.

    Args:
        scores: Must hold a score for the metric of every gate.
        baseline: The same.
        gates: What may be lost; a loss equal to it passes.
        remark: What else may explain a difference.
    """
    now, then = ({score.metric: score for score in each} for each in (scores, baseline))
    results = []
    for gate in gates:
        new, old = now[gate.metric], then[gate.metric]
        drop = new.value - old.value if new.higher_is_better is False else old.value - new.value
        passed = drop <= gate.max_drop
        results.append(DropResult(gate.metric, new.name, gate.max_drop, old.value, new.value, drop, passed, remark))
    return results


def check_significance(comparisons: Iterable[Comparison], remark: str | None = None) -> list[SignificanceResult]:
    """A system fails where it is worse than the baseline and chance hardly explains it.

    Args:
        comparisons: Comparisons of the system with the baseline.
        remark: What else may explain a difference.
    """
    return [
        SignificanceResult(
            found,
            passed=not found.significant or (found.difference <= 0 if found.metric == "ter" else found.difference >= 0),
            remark=remark,
        )
        for found in comparisons
    ]


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


def _remarked(result: DropResult | SignificanceResult) -> str:
    return f"; {result.remark}" if result.remark and result.difference else ""


def _telling(value: float, *limits: float, at_least: int) -> str:
    """The value with enough decimals to show a difference: "30.00 is below 30" would puzzle."""
    more = (n for n in range(at_least, 12) if round(value, n) not in limits)
    decimals = at_least if value in limits else next(more, 12)
    return f"{value:.{decimals}f}"
