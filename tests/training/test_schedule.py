import pytest

from mtkit.config import TrainingConfig
from mtkit.training.schedule import learning_rate


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # warm-up over 4 updates to 0.8, then to update 12: worked out by hand
        ("inverse_sqrt", {1: 0.2, 2: 0.4, 4: 0.8, 9: 0.8 * 2 / 3, 16: 0.4}),
        ("linear", {1: 0.2, 4: 0.8, 8: 0.4, 10: 0.2, 12: 0.0, 13: 0.0}),
        ("cosine", {1: 0.2, 4: 0.8, 6: 0.4 * (1 + 0.5**0.5), 8: 0.4, 12: 0.0}),
        ("constant", {1: 0.2, 4: 0.8, 5: 0.8, 1000: 0.8}),
    ],
)
def test_learning_rate_follows_the_table(schedule: str, expected: dict[int, float]) -> None:
    config = TrainingConfig.model_validate(
        {"schedule": schedule, "learning_rate": 0.8, "warmup_updates": 4, "max_updates": 12}
    )
    assert {update: learning_rate(update, config) for update in expected} == pytest.approx(expected, abs=1e-12)


def test_without_warm_up_the_first_update_has_the_peak_rate() -> None:
    config = TrainingConfig(schedule="inverse_sqrt", learning_rate=0.5, warmup_updates=0, max_updates=10)
    assert learning_rate(1, config) == 0.5
    assert learning_rate(4, config) == 0.25
