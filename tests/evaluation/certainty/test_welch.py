import math
import random
import statistics

import pytest

from mtkit.evaluation.certainty.welch import t_quantile, t_tails, welch

# Abramowitz and Stegun (1964), table 26.10: |t| exceeded with probability 0.05 and 0.01
TABLE = [(1, 12.706, 63.657), (2, 4.303, 9.925), (5, 2.571, 4.032), (10, 2.228, 3.169), (30, 2.042, 2.750)]


@pytest.mark.parametrize(("freedom", "at_5", "at_1"), TABLE)
def test_quantiles_are_those_of_the_printed_table(freedom: int, at_5: float, at_1: float) -> None:
    assert t_quantile(0.05, freedom) == pytest.approx(at_5, abs=5e-4)
    assert t_quantile(0.01, freedom) == pytest.approx(at_1, abs=5e-4)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 4.0, 40.0])
def test_tails_of_one_and_two_degrees_have_a_closed_form(t: float) -> None:
    assert t_tails(t, 1) == pytest.approx(1 - 2 * math.atan(t) / math.pi, rel=1e-9)
    assert t_tails(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-9)


def test_many_degrees_are_the_normal_distribution() -> None:
    assert t_tails(1.96, 1e6) == pytest.approx(2 * (1 - statistics.NormalDist().cdf(1.96)), rel=1e-4)


def test_a_worked_example() -> None:
    # means 30 and 33, variances 1 and 4, three runs each: t = 3 / sqrt(5/3), freedom (5/3)² / ((1/3)²/2 + (4/3)²/2)
    found = welch([29.0, 30.0, 31.0], [31.0, 33.0, 35.0])
    assert found is not None
    assert found.difference == pytest.approx(3)
    assert found.t == pytest.approx(3 / math.sqrt(5 / 3))
    assert found.degrees_of_freedom == pytest.approx((25 / 9) / (17 / 18))
    assert (found.low + found.high) / 2 == pytest.approx(3)
    assert not found.significant
    assert found.low < 0 < found.high


def test_the_interval_holds_zero_exactly_where_p_says_so() -> None:
    draw = random.Random(3)
    for _ in range(50):
        groups = [[draw.gauss(mean, 1) for _ in range(n)] for mean, n in ((0, 3), (1.5, 4))]
        found = welch(*groups)
        assert found is not None
        assert (found.low <= 0 <= found.high) != found.significant


def test_chance_is_called_a_difference_as_often_as_it_should() -> None:
    draw = random.Random(1)
    groups = [([draw.gauss(0, 1) for _ in range(3)], [draw.gauss(0, 3) for _ in range(5)]) for _ in range(500)]
    found = [welch(*each) for each in groups]
    share = sum(each is not None and each.significant for each in found) / len(found)
    assert share == pytest.approx(0.05, abs=0.04)  # four standard errors of 500 draws


@pytest.mark.parametrize("groups", [([30.0], [31.0, 32.0]), ([30.0, 30.0], [31.0, 31.0]), ([], [1.0, 2.0])])
def test_without_a_spread_nothing_is_told(groups: tuple[list[float], list[float]]) -> None:
    assert welch(*groups) is None
