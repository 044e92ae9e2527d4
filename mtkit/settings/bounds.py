"""What numbers may be that somebody types: those that settings and options, or Python and options, have in common.

Nothing here is slow to import. The other settings have their bounds beside their types.
"""

import math
from dataclasses import dataclass

from mtkit.errors import ConfigError


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a number, both allowed."""

    least: float
    most: float

    def why_not(self, value: float) -> str | None:
        """What is wrong with a value, in words that follow it; None where nothing is."""
        if not math.isfinite(value):
            return "must be a finite number"
        if value < self.least:
            return f"must be at least {self.least:,.9g}"
        return f"must be at most {self.most:,.9g}" if value > self.most else None

    def check(self, name: str, value: float) -> None:
        """Refuse a value.

        Args:
            name: Of the setting or argument.
            value: What was given.

        Raises:
            ConfigError: If it lies outside, or is not a number at all.
        """
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{name} {value!r}: must be a number")
        if (reason := self.why_not(value)) is not None:
            raise ConfigError(f"{name} {value:g}: {reason}")


def check_whole(name: str, value: object, least: int = 1) -> None:
    """Refuse what is not a whole number, or too small a one.

    Args:
        name: Name of the setting or argument.
        value: What was given, in Python of any type.
        least: The smallest that is allowed.

    Raises:
        ConfigError: If so.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} {value!r}: must be a whole number")
    if value < least:
        raise ConfigError(f"{name} {value}: must be at least {least}")


LENGTH_PENALTY = Bounds(-10, 10)
"""Exponents: a power of the longest length stays a finite number in single precision."""

MINUTES = Bounds(1e-6, 1_000_000)
"""Of a training: up to two years."""

BENCH_SECONDS = Bounds(0, 86_400)

POINTS = Bounds(-10_000, 10_000)
"""Of a metric: an error rate may exceed 100, and COMET lie below 0."""
