"""Learning rates: warm-up, then a decay, by the update counted from 1 or by the share of a run by time."""

import math
from typing import assert_never

from mtkit.settings.training import TrainingConfig, decay_begins
from mtkit.training.state import TrainState

WARMUP_SHARE = 0.1  # of a run by time, where warmup_updates are not done sooner


def learning_rate(update: int, config: TrainingConfig) -> float:
    """Linear warm-up to the peak, then the decay that the schedule names.

    inverse_sqrt: peak * sqrt(warmup / update) (Vaswani et al. 2017, equation 3, rescaled to its peak).
    linear: in a straight line to zero at ``max_updates``.
    cosine: half a cosine to zero at ``max_updates`` (Loshchilov and Hutter 2017, equation 5, without restarts).
    wsd: stays at the peak, then down to zero as 1 - sqrt in the last ``decay_share`` (Hägele et al. 2024).
    constant: stays at the peak.
    """
    peak, warmup = config.learning_rate, config.warmup_updates
    if update <= warmup:
        return peak * update / warmup
    if config.schedule == "inverse_sqrt":
        return peak * math.sqrt(max(warmup, 1) / update)
    if config.schedule == "constant":
        return peak
    assert config.max_updates is not None  # TrainingConfig checks it
    begin = decay_begins(config.max_updates, config.decay_share) if config.schedule == "wsd" else warmup
    return peak * _decay(min(1.0, max(0.0, (update - begin) / (config.max_updates - begin))), config)


def learning_rate_at(share: float, update: int, config: TrainingConfig) -> float:
    """Linear warm-up to the peak, then down to zero at the end of the time: linear, cosine or wsd. The optimiser
    Schedule-Free stays at the peak.

    Warm-up takes ``warmup_updates``, but at most the first tenth of the time; the decay takes the other nine tenths, or
    the last ``decay_share`` of wsd.

    Args:
        share: Of the run's plan, 0 to 1, that will be done at the end of the update.
        update: Counted from 1.
        config: Gives peak, warm-up and decay.
    """
    if share <= WARMUP_SHARE:
        return config.learning_rate * min(1.0, max(update / max(1, config.warmup_updates), share / WARMUP_SHARE))
    if config.optimizer == "schedule_free":
        return config.learning_rate
    begin = 1 - config.decay_share if config.schedule == "wsd" else WARMUP_SHARE
    return config.learning_rate * _decay(min(1.0, max(0.0, (share - begin) / (1 - begin))), config)


def decay_has_begun(state: TrainState, config: TrainingConfig) -> bool:
    """Whether the updates after the present one are those of a decay that ends the run after a stable part (wsd)."""
    if config.schedule != "wsd":
        return False
    if config.max_minutes is not None:
        return state.share >= 1 - config.decay_share
    assert config.max_updates is not None  # TrainingConfig checks it
    return state.update >= decay_begins(config.max_updates, config.decay_share)


def _decay(progress: float, config: TrainingConfig) -> float:
    """From 1 to 0 as ``progress`` goes from 0 to 1."""
    match config.schedule:
        case "linear":
            return 1 - progress
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case "wsd":
            return 1 - math.sqrt(progress)
        case "inverse_sqrt" | "constant":
            raise ValueError(f"the schedule {config.schedule} does not reach zero")
        case _:
            assert_never(config.schedule)
