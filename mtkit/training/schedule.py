"""Learning rates, as functions of the update counted from 1."""

import math

from mtkit.config import TrainingConfig


def learning_rate(update: int, config: TrainingConfig) -> float:
    """Linear warm-up to the peak, then the decay that the schedule names.

    inverse_sqrt: peak * sqrt(warmup / update) (Vaswani et al. 2017, equation 3, rescaled to its peak).
    linear: in a straight line to zero at ``max_updates``.
    cosine: half a cosine to zero at ``max_updates`` (Loshchilov and Hutter 2017, equation 5, without restarts).
    constant: stays at the peak.
    """
    peak, warmup = config.learning_rate, config.warmup_updates
    if update <= warmup:
        return peak * update / warmup
    if config.schedule == "inverse_sqrt":
        return peak * math.sqrt(max(warmup, 1) / update)
    if config.schedule == "constant":
        return peak
    progress = min(1.0, (update - warmup) / (config.max_updates - warmup))
    if config.schedule == "linear":
        return peak * (1 - progress)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
