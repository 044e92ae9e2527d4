import math

import pytest

from mtkit.errors import ConfigError
from mtkit.evaluation.pitfalls.scales import Bound, check_drop, check_threshold, doubtful_drop, doubtful_threshold


@pytest.mark.parametrize(
    ("metric", "threshold", "bound", "message"),
    [
        ("bleu", 101, "min", "must be from 0 to 100, not 101"),
        ("chrf", -1, None, "must be from 0 to 100, not -1"),
        ("aer", 101, "max", "must be from 0 to 100"),
        ("ter", -0.5, "max", "must be 0 or more, not -0.5"),
        ("length", 98, "min", r"is a ratio, near 1, not 98: did you mean 0\.98\?"),
        ("ter", 50, "min", r"ter is better where it is lower: give it a maximum, max: \{ter: 50\}"),
        ("comet", 0.8, "max", r"comet is better where it is higher: give it a minimum, min: \{comet: 0\.8\}"),
        ("bleu", math.nan, "min", "must be a number, not nan"),
        ("comet", 1e9, "min", "must be at most 10,000, not 1e"),
    ],
)
def test_a_threshold_that_tells_nothing_is_refused(
    metric: str, threshold: float, bound: Bound | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_threshold(metric, threshold, bound)


@pytest.mark.parametrize(
    ("metric", "threshold", "bound"),
    [("bleu", 0, "min"), ("chrf++", 100, "min"), ("ter", 120, "max"), ("length", 1.1, "max"), ("comet", -0.3, "min")],
)
def test_a_threshold_that_tells_something_is_taken(metric: str, threshold: float, bound: Bound) -> None:
    check_threshold(metric, threshold, bound)


@pytest.mark.parametrize(
    ("metric", "drop", "message"),
    [
        ("bleu", -1, "must be 0 or more, not -1"),
        ("bleu", 101, "bleu cannot drop by more than 100"),
        ("length", 0.1, "a length ratio cannot drop"),
        ("comet", math.inf, "must be a number"),
    ],
)
def test_a_drop_that_tells_nothing_is_refused(metric: str, drop: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_drop(metric, drop)


@pytest.mark.parametrize(
    ("metric", "threshold", "meant"),
    [("bleu", 0.3, "30"), ("ter", 0.5, "50"), ("comet", 85, "0.85"), ("bleu", 30, None), ("comet", 0.85, None)],
)
def test_a_threshold_on_another_scale_is_doubted(metric: str, threshold: float, meant: str | None) -> None:
    found = doubtful_threshold(metric, threshold)
    assert found is None if meant is None else found is not None and found.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("metric", "drop", "meant"),
    [("bleu", 0.005, "0.5"), ("comet", 0.5, "0.005"), ("bleu", 0.5, None), ("comet", 0.005, None), ("bleu", 0, None)],
)
def test_a_drop_on_another_scale_is_doubted(metric: str, drop: float, meant: str | None) -> None:
    found = doubtful_drop(metric, drop)
    assert found is None if meant is None else found is not None and found.endswith(f"did you mean {meant}?")
