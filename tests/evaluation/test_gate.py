import pytest

from mtkit.errors import ConfigError, GateError
from mtkit.evaluation.gate import Gate, check_gates, enforce
from mtkit.evaluation.metrics import Score

NAN = float("nan")


def make_score(metric: str, value: float) -> Score:
    return Score(metric, {"bleu": "BLEU", "chrf": "chrF2", "ter": "TER"}[metric], value, "nrefs:1")


@pytest.mark.parametrize(
    ("metric", "value", "threshold", "passed"),
    [
        ("bleu", 30.1, 30, True),
        ("bleu", 30.0, 30, True),
        ("bleu", 29.999, 30, False),
        ("chrf", 55.0, 60, False),
        ("ter", 50.0, 60, True),
        ("ter", 60.0, 60, True),
        ("ter", 60.001, 60, False),
        ("bleu", NAN, 30, False),
        ("ter", NAN, 60, False),
    ],
)
def test_gate_is_a_minimum_and_for_ter_a_maximum(metric: str, value: float, threshold: float, passed: bool) -> None:
    (result,) = check_gates([make_score(metric, value)], [Gate(metric, threshold)])
    assert result.passed == passed


def test_only_the_gated_metrics_are_checked() -> None:
    scores = [make_score("bleu", 10), make_score("chrf", 50), make_score("ter", 70)]
    results = check_gates(scores, [Gate("ter", 60), Gate("chrf", 40)])
    assert [(r.metric, r.passed) for r in results] == [("ter", False), ("chrf", True)]


@pytest.mark.parametrize(
    ("metric", "value", "threshold", "message"),
    [
        ("bleu", 28.314, 30, "BLEU 28.31 is below 30"),
        ("bleu", 29.9996, 30, "BLEU 29.9996 is below 30"),
        ("chrf", 52.1, 52.5, "chrF2 52.10 is below 52.5"),
        ("ter", 61.2, 60, "TER 61.20 is above 60"),
        ("bleu", NAN, 30, "BLEU is not a number"),
    ],
)
def test_failed_gate_says_by_how_much(metric: str, value: float, threshold: float, message: str) -> None:
    (result,) = check_gates([make_score(metric, value)], [Gate(metric, threshold)])
    assert str(result) == message


@pytest.mark.parametrize("threshold", [NAN, float("inf")])
def test_threshold_must_be_a_number(threshold: float) -> None:
    with pytest.raises(ConfigError, match="the threshold for bleu must be a number"):
        Gate("bleu", threshold)


def test_failures_raise_one_error_with_a_line_each() -> None:
    enforce([])
    with pytest.raises(GateError, match=r"^quality gate failed: a: BLEU 1 is below 2$"):
        enforce(["a: BLEU 1 is below 2"])
    with pytest.raises(GateError, match=r"^2 quality gates failed:\n  first\n  second$"):
        enforce(["first", "second"])
    assert GateError.exit_code == 3
