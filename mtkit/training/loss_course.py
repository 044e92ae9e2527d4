"""How the loss has gone so far, in a few numbers, and whether it has just jumped up.

The loss of an update is compared with what came before it as in Marian (``throw-on-divergence``): a mean over the last
few updates with a mean over many. The last few are kept apart, so that they do not widen what they are measured by.
"""

import math
from dataclasses import dataclass, field
from statistics import fmean, median_low

from mtkit.settings.healing import HealingConfig

LEAST_JUMP = 0.1
"""Nats per token: a smaller rise harms no run, however even its loss has been."""


@dataclass
class LossCourse:
    """The losses of the updates so far; plain numbers, saved and restored with the run."""

    recent: list[float] = field(default_factory=list)
    """Of the last updates, in nats per token, the newest last."""

    n: int = 0
    """Updates before these."""

    mean: float = 0.0
    """Of their losses: of all at first, then a running one."""

    variance: float = 0.0

    shares: list[float] = field(default_factory=list)
    """The mix of the corpora that these losses are of; empty where there is none."""

    def note(self, loss: float, config: HealingConfig) -> bool:
        """Take in the loss of an update; returns whether it has jumped up.

        The mean of the last few and most of them must both stand out: a single odd batch is no jump.
        """
        self.recent.append(loss)
        while len(self.recent) > config.recent:
            self._settle(self.recent.pop(0), config.window)
        if config.sigmas is None or len(self.recent) < config.recent or self.n < config.window // 10:
            return False
        bound = self.mean + max(config.sigmas * math.sqrt(self.variance), LEAST_JUMP)
        return min(fmean(self.recent), median_low(self.recent)) > bound

    def note_shares(self, shares: list[float]) -> None:
        """Begin anew where the mix of the corpora has changed: another mix has another loss."""
        if shares != self.shares:
            self.recent, self.n, self.mean, self.variance, self.shares = [], 0, 0.0, 0.0, shares

    def _settle(self, loss: float, window: int) -> None:
        """Take a loss into mean and variance, with a weight that falls to that of an exponential mean (window)."""
        self.n += 1
        weight = max(1 / self.n, 2 / (window + 1))
        away = loss - self.mean
        self.mean += weight * away
        self.variance = (1 - weight) * (self.variance + weight * away * away)
