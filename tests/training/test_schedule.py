import pytest

from mtkit.settings.training import TrainingConfig
from mtkit.training.schedule import learning_rate, learning_rate_at


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # warm-up over 4 updates to 0.8, then to update 12: worked out by hand
        ("inverse_sqrt", {1: 0.2, 2: 0.4, 4: 0.8, 9: 0.8 * 2 / 3, 16: 0.4}),
        ("linear", {1: 0.2, 4: 0.8, 8: 0.4, 10: 0.2, 12: 0.0, 13: 0.0}),
        ("cosine", {1: 0.2, 4: 0.8, 6: 0.4 * (1 + 0.5**0.5), 8: 0.4, 12: 0.0}),
        ("wsd", {1: 0.2, 4: 0.8, 8: 0.8, 9: 0.4, 10: 0.8 * (1 - 0.5**0.5), 12: 0.0, 13: 0.0}),
        ("constant", {1: 0.2, 4: 0.8, 5: 0.8, 1000: 0.8}),
    ],
)
def test_learning_rate_follows_the_table(schedule: str, expected: dict[int, float]) -> None:
    config = TrainingConfig.model_validate(
        {"schedule": schedule, "learning_rate": 0.8, "warmup_updates": 4, "max_updates": 12}
        | ({"decay_share": 0.35} if schedule == "wsd" else {})  # of 12 updates 4, rounded
    )
    assert {update: learning_rate(update, config) for update in expected} == pytest.approx(expected, abs=1e-12)


def test_without_warm_up_the_first_update_has_the_peak_rate() -> None:
    config = TrainingConfig(schedule="inverse_sqrt", learning_rate=0.5, warmup_updates=0, max_updates=10)
    assert learning_rate(1, config) == 0.5
    assert learning_rate(4, config) == 0.25


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # share of the time: rate; a tenth of it is warm-up, nine tenths are decay
        ("linear", {0.025: 0.2, 0.1: 0.8, 0.325: 0.6, 0.55: 0.4, 1.0: 0.0, 1.5: 0.0}),
        ("wsd", {0.05: 0.4, 0.1: 0.8, 0.8: 0.8, 0.85: 0.4, 0.9: 0.8 * (1 - 0.5**0.5), 1.0: 0.0, 1.5: 0.0}),
        ("cosine", {0.05: 0.4, 0.1: 0.8, 0.325: 0.4 * (1 + 0.5**0.5), 0.55: 0.4, 1.0: 0.0}),
    ],
)
def test_the_rate_of_a_run_by_time_follows_the_table(schedule: str, expected: dict[float, float]) -> None:
    config = TrainingConfig.model_validate(
        {"schedule": schedule, "learning_rate": 0.8, "warmup_updates": 4_000, "max_minutes": 1}
    )
    assert {share: learning_rate_at(share, 1, config) for share in expected} == pytest.approx(expected, abs=1e-12)


def test_the_warm_up_of_a_run_by_time_ends_with_its_updates_or_with_a_tenth_of_the_time() -> None:
    config = TrainingConfig(schedule="linear", learning_rate=0.8, warmup_updates=8, max_minutes=1)
    assert [learning_rate_at(0.05, update, config) for update in (1, 4, 6, 8, 100)] == pytest.approx(
        [0.4, 0.4, 0.6, 0.8, 0.8]
    )
    without = config.model_copy(update={"warmup_updates": 0})
    assert learning_rate_at(0.0, 1, without) == 0.8


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schedule": "linear", "decay_share": 0.3}, "decay_share: does nothing with schedule: linear"),
        (
            {"schedule": "wsd", "max_updates": 100, "warmup_updates": 80},
            r"warmup_updates: \(80\) must be below 80, where the decay begins; lower it, or decay_share",
        ),
        ({"schedule": "wsd", "max_updates": None}, "max_updates: null needs max_minutes, or the run never ends"),
        ({"schedule": "wsd", "decay_share": 1.0}, "less than or equal to 0.9"),
    ],
)
def test_a_decay_that_cannot_be_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig.model_validate(values)
