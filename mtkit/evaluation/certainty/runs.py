"""Several runs of one system, such as trainings from different seeds, taken together."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mtkit.evaluation.metrics.metrics import Score


@dataclass(frozen=True)
class RunSummary:
    """What one metric says of several runs."""

    metric: str
    name: str
    n_runs: int
    mean: float
    standard_deviation: float
    """Standard deviation of the sample (n - 1); 0 for one run."""

    minimum: float
    maximum: float
    signature: str

    @property
    def spread(self) -> float:
        """Difference of the highest and the lowest run."""
        return self.maximum - self.minimum

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self) | {"spread": self.spread}


def summarise_runs(scores_of_runs: Sequence[Sequence[Score]]) -> list[RunSummary]:
    """Mean, standard deviation and spread of each metric.

    Args:
        scores_of_runs: The scores of each run, by the same metrics in the same order.
    """
    summaries = []
    for scores in zip(*scores_of_runs, strict=True):
        values = [score.value for score in scores]
        deviation = statistics.stdev(values) if len(values) > 1 else 0.0
        first = scores[0]
        summaries.append(
            RunSummary(
                first.metric,
                first.name,
                len(values),
                statistics.fmean(values),
                deviation,
                min(values),
                max(values),
                first.signature,
            )
        )
    return summaries
