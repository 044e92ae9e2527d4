"""Which numbers a metric can have, and which ones somebody typed who had another scale in mind."""

import math
from typing import Literal

from mtkit.errors import ConfigError
from mtkit.evaluation.metrics.line_means import LINE_METRICS
from mtkit.settings.bounds import POINTS

Bound = Literal["min", "max"]

_TO_100 = ("bleu", "chrf", "chrf++", "spbleu", *LINE_METRICS)
"""Metrics that run from 0 to 100, the best."""

_IN_POINTS = (*_TO_100, "ter", "aer")
"""Metrics that others give as a share, from 0 to 1."""

_LOWER_IS_BETTER = ("ter", "aer")
_MAX_RATIO = 10
"""No output is so many times as long as its reference; in percent this would be a tenth of it."""

_SMALL_DROP = 0.1
"""Points of 100: other numbers of threads move a score as much. As a share it would be ten points."""

_LARGE_COMET_DROP = 0.1
"""Systems of one shared task lie closer together."""


def check_threshold(metric: str, threshold: float, bound: Bound | None) -> None:
    """Refuse a threshold that nothing could pass, or everything would.

    Raises:
        ConfigError: Saying what is possible.
    """
    what = f"the threshold for {metric}"
    check_number(threshold, what)
    if metric in (*_TO_100, "aer") and not 0 <= threshold <= 100:
        raise ConfigError(f"{what} must be from 0 to 100, not {threshold:g}")
    if metric in ("ter", "length") and threshold < 0:
        raise ConfigError(f"{what} must be 0 or more, not {threshold:g}")
    if metric == "length" and threshold > _MAX_RATIO:
        raise ConfigError(f"{what} is a ratio, near 1, not {threshold:g}: did you mean {threshold / 100:g}?")
    if metric in _LOWER_IS_BETTER and bound == "min":
        raise ConfigError(f"{metric} is better where it is lower: give it a maximum, max: {{{metric}: {threshold:g}}}")
    if metric in (*_TO_100, "comet") and bound == "max":
        raise ConfigError(f"{metric} is better where it is higher: give it a minimum, min: {{{metric}: {threshold:g}}}")


def check_drop(metric: str, max_drop: float) -> None:
    """Refuse a drop that is none, or that everything would stay within.

    Raises:
        ConfigError: Saying what is possible.
    """
    check_number(max_drop, f"the drop allowed of {metric}")
    if max_drop < 0:
        raise ConfigError(f"the drop allowed of {metric} must be 0 or more, not {max_drop:g}")
    if metric in _TO_100 and max_drop > 100:
        raise ConfigError(f"{metric} cannot drop by more than 100: {max_drop:g} would let everything pass")
    if metric == "length":
        raise ConfigError("a length ratio cannot drop: give it a minimum and a maximum")


def check_number(value: float, what: str) -> None:
    """Refuse what is not finite, or beyond what any metric can have.

    Raises:
        ConfigError: Saying what it should be.
    """
    if not math.isfinite(value):
        raise ConfigError(f"{what} must be a number, not {value}")
    if (reason := POINTS.why_not(value)) is not None:
        raise ConfigError(f"{what} {reason}, not {value:g}")


def doubtful_threshold(metric: str, threshold: float) -> str | None:
    """What is odd about a threshold that is possible, and what may have been meant; None where nothing is."""
    if metric in _IN_POINTS and 0 < threshold < 1:
        passes = "hardly anything passes" if metric in _LOWER_IS_BETTER else "nearly everything passes"
        return (
            f"the threshold {threshold:g} for {metric}: points run to 100, so that {passes}; did you mean "
            f"{100 * threshold:g}?"
        )
    if metric == "comet" and threshold > 1:
        return (
            f"the threshold {threshold:g} for comet: COMET runs from 0 to 1, so that hardly anything passes; did you "
            f"mean {threshold / 100:g}?"
        )
    return None


def doubtful_drop(metric: str, max_drop: float) -> str | None:
    """What is doubtful about an allowed drop, as ``doubtful_threshold`` says it of a threshold."""
    if metric in _IN_POINTS and 0 < max_drop < _SMALL_DROP:
        return (
            f"the drop allowed of {metric}, {max_drop:g}: points run to 100, so that hardly any loss passes; did you "
            f"mean {100 * max_drop:g}?"
        )
    if metric == "comet" and max_drop >= _LARGE_COMET_DROP:
        return (
            f"the drop allowed of comet, {max_drop:g}: COMET runs from 0 to 1, so that nearly everything passes; did "
            f"you mean {max_drop / 100:g}?"
        )
    return None
