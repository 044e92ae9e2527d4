"""What a paired test says of two systems."""

from dataclasses import asdict, dataclass
from typing import Literal

Test = Literal["bs", "ar"]
"""Paired bootstrap, or paired approximate randomisation."""

TEST_NAMES = {"bs": "paired bootstrap", "ar": "paired approximate randomisation"}
DEFAULT_SAMPLES = {"bs": 1_000, "ar": 10_000}
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Comparison:
    """A system against a baseline system, by one metric."""

    metric: str
    name: str
    """As the metric is published."""

    baseline: str
    system: str
    baseline_value: float
    value: float
    p_value: float
    """How often chance alone would set them as far apart; 1 where their scores are equal."""

    test: Test
    n_samples: int

    @property
    def difference(self) -> float:
        """Points above the baseline; below it where negative."""
        return self.value - self.baseline_value

    @property
    def significant(self) -> bool:
        """Whether chance would set them so far apart less often than once in 20 times."""
        return self.p_value < SIGNIFICANT

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self) | {"difference": self.difference, "significant": self.significant}
