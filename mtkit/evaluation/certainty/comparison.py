"""What a paired test says of two systems."""

from dataclasses import asdict, dataclass
from typing import Literal

from mtkit.evaluation.metrics.metrics import Interval
from mtkit.log import logger

Test = Literal["bs", "ar"]
"""Paired bootstrap, or paired approximate randomisation."""

TEST_NAMES = {"bs": "paired bootstrap", "ar": "paired approximate randomisation"}
DEFAULT_SAMPLES = {"bs": 1_000, "ar": 10_000}
SIGNIFICANT = 0.05

LEAST_SEGMENTS = 100
"""Fewest segments of a test set that can show a difference. Both tests take the segments for a fair sample of the text
that there is, which a handful is not: of one segment every sample is that segment, so that any difference is certain.
Koehn (2004) shows that the bootstrap's verdicts hold on test sets of 300 sentences."""


_FEW_SAMPLES = 100


def warn_of_few_samples(n_samples: int | None) -> None:
    """Say that few resamples tell little; None is the usual number."""
    if n_samples is not None and n_samples < _FEW_SAMPLES:
        logger.warning("--samples %d: intervals and p-values of so few say little; 1,000 are usual", n_samples)


@dataclass(frozen=True)
class Comparison:
    """A system against a baseline system, by one metric."""

    metric: str
    name: str
    """Published name of the metric."""

    baseline: str
    system: str
    baseline_value: float
    value: float
    p_value: float
    """How often chance alone would set them as far apart; 1 where their scores are equal."""

    test: Test
    n_samples: int
    n_segments: int
    """Segments of the test set."""

    interval: Interval | None = None
    """Of the difference; None of a test by randomisation, which gives none."""

    @property
    def difference(self) -> float:
        """Points above the baseline; below it where negative."""
        return self.value - self.baseline_value

    @property
    def told(self) -> bool:
        """Whether there are segments enough for the p-value to mean something."""
        return self.n_segments >= LEAST_SEGMENTS

    @property
    def significant(self) -> bool:
        """Whether chance would set them so far apart less often than once in 20 times."""
        return self.told and self.p_value < SIGNIFICANT

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        more: dict[str, object] = {"difference": self.difference, "told": self.told, "significant": self.significant}
        interval = self.interval.as_json() if self.interval else None
        return asdict(self) | more | {"interval": interval}


def too_few_segments(n_segments: int) -> str:
    """``2 segments are too few to tell whether systems differ (at least 100)``."""
    segments = "one segment is" if n_segments == 1 else f"{n_segments:,} segments are"
    return f"{segments} too few to tell whether systems differ (at least {LEAST_SEGMENTS})"
