"""Whether two groups of runs differ by more than their runs do among themselves: Welch's t-test (Welch, 1947).

A test over the lines of a test set asks whether two models differ on text like this; it says nothing of what another
random seed would have given. That is what groups of runs from several seeds tell.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mtkit.evaluation.certainty.comparison import SIGNIFICANT

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)
_MOST_T = 1e9
_HALVINGS = 64


@dataclass(frozen=True)
class GroupDifference:
    """A group of values against a baseline group."""

    difference: float
    """Mean of the group minus the mean of the baseline."""

    t: float
    degrees_of_freedom: float
    """Of Welch and Satterthwaite; they need not be whole."""

    p_value: float
    """How often chance alone would set the means as far apart; 1 where they are equal."""

    low: float
    """Lower end of the 95 % interval of the difference."""

    high: float

    @property
    def significant(self) -> bool:
        """Whether chance would set them so far apart less often than once in 20 times."""
        return self.p_value < SIGNIFICANT

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self) | {"significant": self.significant}


def welch(baseline: Sequence[float], group: Sequence[float]) -> GroupDifference | None:
    """Welch's t-test of two groups, whose variances may differ.

    Args:
        baseline: One value per run.
        group: One value per run; as many or not.

    Returns:
        The difference; None where a group has fewer than two values, so that its spread is not known, or where no
        value differs within either group, so that any difference would be certain.
    """
    if min(len(baseline), len(group)) < 2:
        return None
    errors = [statistics.variance(values) / len(values) for values in (baseline, group)]
    if sum(errors) == 0:
        return None
    difference = statistics.fmean(group) - statistics.fmean(baseline)
    error = math.sqrt(sum(errors))
    terms = [each**2 / (len(values) - 1) for each, values in zip(errors, (baseline, group), strict=True)]
    freedom = sum(errors) ** 2 / sum(terms)
    half_width = t_quantile(0.05, freedom) * error
    t = difference / error
    return GroupDifference(
        difference, t, freedom, t_tails(t, freedom), difference - half_width, difference + half_width
    )


def t_tails(t: float, degrees_of_freedom: float) -> float:
    """P(|T| > t) of Student's t-distribution.

    With t = √ν tan θ the density becomes cos^(ν-1) θ (Abramowitz and Stegun, 1964, 26.7.3 and 26.7.4), which is smooth
    and is integrated numerically from θ to π/2.
    """
    nu = degrees_of_freedom
    start = math.atan(abs(t) / math.sqrt(nu))
    half = (math.pi / 2 - start) / 2
    angles = start + half * (_NODES + 1)
    integral = half * float(_WEIGHTS @ np.cos(angles) ** (nu - 1))
    log_constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - math.log(math.pi) / 2
    return min(1.0, 2 * math.exp(log_constant) * integral)


def t_quantile(tails: float, degrees_of_freedom: float) -> float:
    """The t that |T| exceeds with probability ``tails``."""
    return _falling_to(lambda t: t_tails(t, degrees_of_freedom), tails)


def _falling_to(function: Callable[[float], float], value: float) -> float:
    """Where a falling function reaches a value, by bisection."""
    low, high = 0.0, _MOST_T
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > value else (low, middle)
    return high
