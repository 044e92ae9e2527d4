"""Whether a loss has jumped up, against its definition and on losses as they come."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mtkit.settings.healing import HealingConfig
from mtkit.training.loss_course import LossCourse

CONFIG = HealingConfig()
Floats = NDArray[np.float64]


def jumps(losses: list[float], config: HealingConfig = CONFIG) -> list[int]:
    """The updates, from 0 on, at which the loss is found to have jumped up."""
    course = LossCourse()
    return [update for update, loss in enumerate(losses) if course.note(loss, config)]


def test_mean_and_variance_are_those_of_the_updates_before_the_last_few() -> None:
    losses = np.random.default_rng(0).normal(3.0, 0.5, 400).tolist()
    course, config = LossCourse(), HealingConfig(window=1_000, recent=10)
    for loss in losses:
        course.note(loss, config)
    assert course.recent == losses[-10:]
    before = losses[:-10]  # fewer than half of the window: all count the same
    assert course.n == len(before)
    assert course.mean == pytest.approx(np.mean(before), rel=1e-12)
    assert course.variance == pytest.approx(np.var(before), rel=1e-9)


def test_in_the_long_run_mean_and_variance_are_exponential_ones() -> None:
    losses = np.random.default_rng(1).normal(3.0, 0.5, 900)
    course, config = LossCourse(), HealingConfig(window=20, recent=1, sigmas=None)
    for loss in losses.tolist():
        course.note(loss, config)
    weights = (1 - 2 / 21) ** np.arange(899)[::-1]
    mean = np.average(losses[:-1], weights=weights)
    assert course.mean == pytest.approx(mean, rel=1e-9)
    assert course.variance == pytest.approx(np.average((losses[:-1] - mean) ** 2, weights=weights), rel=1e-9)


@pytest.mark.parametrize(
    "course",
    [
        pytest.param(lambda n, _: np.full(n, 2.0), id="even"),
        pytest.param(lambda n, draw: 2 + draw.normal(0, 0.3, n), id="normal"),
        pytest.param(lambda n, draw: 1 + draw.exponential(1.0, n), id="skewed"),
        pytest.param(lambda n, draw: 2 + draw.standard_t(2, n).clip(-1, 40), id="with long tails"),
        pytest.param(lambda n, draw: 2 + 7 * np.exp(-np.arange(n) / 500) + draw.normal(0, 0.1, n), id="falling"),
        pytest.param(lambda n, draw: 2 + np.arange(n) / 4000 + draw.normal(0, 0.05, n), id="rising slowly"),
        pytest.param(lambda n, _: 2 + 0.05 * (np.arange(n) > n // 2), id="up by next to nothing"),
        pytest.param(lambda n, _: 2 + 30.0 * (np.arange(n) % 100 == 99), id="odd batches"),
        pytest.param(lambda n, draw: 2 + draw.normal(0, 0.1, n) + 50.0 * (np.arange(n) == n // 2), id="one odd batch"),
    ],
)
def test_a_healthy_run_is_left_alone(course: Callable[[int, np.random.Generator], Floats]) -> None:
    assert jumps(course(20_000, np.random.default_rng(2)).tolist()) == []


@pytest.mark.parametrize("height", [1.0, 4.0, 50.0])
def test_a_jump_is_seen_within_as_many_updates_as_are_compared(height: float) -> None:
    losses = 2 + np.random.default_rng(3).normal(0, 0.1, 1_000)
    losses[700:] += height
    first, *_ = jumps(losses.tolist())
    assert 700 + 5 <= first < 710


def test_a_slow_rise_to_far_too_much_is_seen() -> None:
    losses = 2 + np.random.default_rng(4).normal(0, 0.1, 1_000)
    losses[700:] += np.linspace(0, 6, 300)
    first, *_ = jumps(losses.tolist())
    assert losses[first] < 4


def test_there_is_no_jump_before_enough_updates_nor_where_none_is_looked_for() -> None:
    losses = [2.0] * 100 + [20.0] * 9
    assert jumps(losses) == []
    assert jumps([2.0] * 110 + [20.0] * 10) != []
    assert jumps([2.0] * 110 + [20.0] * 10, HealingConfig(sigmas=None)) == []


def test_another_mix_of_corpora_begins_a_new_course() -> None:
    course = LossCourse()
    course.note_shares([0.5, 0.5])
    assert not any(course.note(2.0, CONFIG) for _ in range(300))
    course.note_shares([0.1, 0.9])
    assert not any(course.note(9.0, CONFIG) for _ in range(300))
    assert math.isclose(course.mean, 9.0)
