import pytest

from mtkit.errors import ConfigError, GateError
from mtkit.evaluation.certainty.comparison import Comparison
from mtkit.evaluation.gates.gate import DropGate, Gate, Gates, check_drops, check_gates, check_significance, enforce
from mtkit.evaluation.metrics.metrics import Score
from mtkit.evaluation.pitfalls.scales import Bound

NAN = float("nan")


def make_score(metric: str, value: float) -> Score:
    return Score(metric, {"bleu": "BLEU", "chrf": "chrF2", "ter": "TER", "comet": "COMET"}[metric], value, "nrefs:1")


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
        ("comet", 0.8449, 0.85, "COMET 0.8449 is below 0.85"),
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


def test_bound_goes_before_polarity() -> None:
    length = [Score("length", "length ratio", 1.2, "nrefs:1")]
    low, high = check_gates(length, [Gate("length", 0.9, "min"), Gate("length", 1.1, "max")])
    assert (low.passed, high.passed) == (True, False)
    assert str(high) == "length ratio 1.2000 is above 1.1"


@pytest.mark.parametrize(
    ("metric", "old", "new", "max_drop", "passed"),
    [
        ("bleu", 30, 29.5, 0.5, True),
        ("bleu", 30, 29.4, 0.5, False),
        ("bleu", 30, 40, 0, True),
        ("bleu", 30, 30, 0, True),
        ("ter", 50, 50.4, 0.5, True),
        ("ter", 50, 50.6, 0.5, False),
        ("ter", 50, 40, 0, True),
        ("bleu", 30, NAN, 0.5, False),
    ],
)
def test_drop_is_in_the_direction_that_is_worse(
    metric: str, old: float, new: float, max_drop: float, passed: bool
) -> None:
    (result,) = check_drops([make_score(metric, new)], [make_score(metric, old)], [DropGate(metric, max_drop)])
    assert result.passed == passed


@pytest.mark.parametrize(
    ("new", "old", "max_drop", "message"),
    [
        (28.31, 29.51, 0.5, "BLEU 28.31 is 1.20 worse than the baseline's 29.51 (allowed: 0.5)"),
        (29.5, 29.51, 0, "BLEU 29.50 is 0.01 worse than the baseline's 29.51 (allowed: 0)"),
        (29.0, 29.5, 0.5, "BLEU 29.00 is 0.50 worse than the baseline's 29.50 (allowed: 0.5)"),
        (29.51, 29.51, 0.5, "BLEU 29.51 equals the baseline's 29.51 (allowed: 0.5)"),
        (30.0, 29.51, 0, "BLEU 30.00 is 0.49 better than the baseline's 29.51 (allowed: 0)"),
        (29.5097, 29.51, 0.5, "BLEU 29.51 is 0.0003 worse than the baseline's 29.51 (allowed: 0.5)"),
        (29.5103, 29.51, 0.5, "BLEU 29.51 is 0.0003 better than the baseline's 29.51 (allowed: 0.5)"),
        (NAN, 29.51, 0.5, "BLEU is not a number"),
    ],
)
def test_drop_says_from_where_and_how_far(new: float, old: float, max_drop: float, message: str) -> None:
    (result,) = check_drops([make_score("bleu", new)], [make_score("bleu", old)], [DropGate("bleu", max_drop)])
    assert str(result) == message


def test_drop_of_comet_is_shown_with_four_decimals() -> None:
    (result,) = check_drops([make_score("comet", 0.8449)], [make_score("comet", 0.8461)], [DropGate("comet", 0.001)])
    assert str(result) == "COMET 0.8449 is 0.0012 worse than the baseline's 0.8461 (allowed: 0.001)"


@pytest.mark.parametrize(
    ("metric", "old", "new", "p_value", "passed"),
    [
        ("bleu", 30, 28, 0.01, False),
        ("bleu", 30, 28, 0.06, True),
        ("bleu", 28, 30, 0.01, True),
        ("bleu", 30, 30, 0.001, True),
        ("ter", 50, 55, 0.01, False),
        ("ter", 55, 50, 0.01, True),
    ],
)
def test_significantly_worse_fails_and_significantly_better_does_not(
    metric: str, old: float, new: float, p_value: float, passed: bool
) -> None:
    (result,) = check_significance([Comparison(metric, metric, "old", "new", old, new, p_value, "bs", 1_000, 2_000)])
    assert result.passed == passed
    tested = f"(p = {p_value:.4f}, paired bootstrap, 1,000 samples)"
    assert str(result).endswith("equals the baseline's 30.00" if old == new else tested)


@pytest.mark.parametrize(("metric", "drop"), [("bleu", -1.0), ("bleu", NAN), ("length", 1.0)])
def test_drop_must_make_sense(metric: str, drop: float) -> None:
    with pytest.raises(ConfigError):
        DropGate(metric, drop)


@pytest.mark.parametrize(("metric", "bound"), [("ter", "max"), ("bleu", "min"), ("length", "min"), ("length", "max")])
def test_bound_that_fits_the_polarity_is_taken(metric: str, bound: Bound) -> None:
    assert Gate(metric, 1, bound).bound == bound


@pytest.mark.parametrize(
    ("metric", "threshold"), [("bleu", 0), ("bleu", 100), ("ter", 0), ("ter", 130), ("comet", -0.2)]
)
def test_threshold_within_reach_is_taken(metric: str, threshold: float) -> None:
    assert Gate(metric, threshold).threshold == threshold


@pytest.mark.parametrize(
    ("metric", "threshold"), [("chrf++", 100.1), ("exact", -1), ("spbleu", 3000), ("length", -0.1)]
)
def test_threshold_out_of_reach_is_refused(metric: str, threshold: float) -> None:
    with pytest.raises(ConfigError, match="the threshold for"):
        Gate(metric, threshold)


def test_remark_stands_only_beside_a_difference() -> None:
    old, same, new = (make_score("bleu", value) for value in (30, 30, 29))
    (equal,) = check_drops([same], [old], [DropGate("bleu", 1)], "on a GPU")
    (dropped,) = check_drops([new], [old], [DropGate("bleu", 1)], "on a GPU")
    assert str(equal) == "BLEU 30.00 equals the baseline's 30.00 (allowed: 1)"
    assert str(dropped) == "BLEU 29.00 is 1.00 worse than the baseline's 30.00 (allowed: 1); on a GPU"
    found = Comparison("bleu", "BLEU", "old", "new", 30, 29, 0.5, "bs", 10, 2_000)
    (tested,) = check_significance([found], "on a GPU")
    assert str(tested).endswith("(p = 0.5000, paired bootstrap, 10 samples); on a GPU")
    assert [result.as_json()["remark"] for result in (dropped, tested)] == ["on a GPU", "on a GPU"]


@pytest.mark.parametrize(
    ("gate", "meant"),
    [
        (Gate("bleu", 0.3), "30"),
        (Gate("chrf", 0.555, "min"), "55.5"),
        (Gate("chrf++", 0.5), "50"),
        (Gate("exact", 0.95), "95"),
        (Gate("spbleu", 0.3), "30"),
        (Gate("ter", 0.6, "max"), "60"),
        (Gate("aer", 0.25, "max"), "25"),
        (Gate("comet", 84, "min"), "0.84"),
        (DropGate("bleu", 0.005), "0.5"),
        (DropGate("ter", 0.01), "1"),
        (DropGate("comet", 0.5), "0.005"),
        (Gate("bleu", 30), None),
        (Gate("bleu", 1), None),
        (Gate("bleu", 0), None),
        (Gate("ter", 120, "max"), None),
        (Gate("comet", 0.84), None),
        (Gate("length", 0.9, "min"), None),
        (DropGate("bleu", 0.5), None),
        (DropGate("bleu", 0), None),
        (DropGate("comet", 0.005), None),
    ],
)
def test_a_number_of_another_scale_is_asked_about(gate: Gate | DropGate, meant: str | None) -> None:
    if meant is None:
        assert gate.doubt is None
    else:
        assert str(gate.doubt).endswith(f"did you mean {meant}?")


def test_what_nothing_could_pass_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the threshold for length is a ratio, near 1, not 90: did you mean 0\.9\?"):
        Gate("length", 90, "min")
    with pytest.raises(ConfigError, match=r"aer must be from 0 to 100, not 101"):
        Gate("aer", 101, "max")
    with pytest.raises(ConfigError, match=r"nothing could pass: length must be at least 1\.1 and at most 0\.9"):
        Gates([Gate("length", 1.1, "min"), Gate("length", 0.9, "max")])


def test_a_test_set_too_small_to_tell_says_so_and_passes() -> None:
    (result,) = check_significance([Comparison("bleu", "BLEU", "old", "new", 30, 3, 0.001, "bs", 1_000, 2)])
    assert (result.passed, result.told) == (True, False)
    assert str(result) == (
        "BLEU 3.00 against the baseline's 30.00: 2 segments are too few to tell whether systems differ (at least 100)"
    )
