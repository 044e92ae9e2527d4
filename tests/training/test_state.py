from typing import Any

import pytest

from mtkit.evaluation.telling import Standing
from mtkit.settings.training import TrainingConfig
from mtkit.training.state import TrainState


def test_a_better_score_becomes_the_best_and_of_equals_the_later_but_only_a_better_one_resets_the_patience() -> None:
    state = TrainState()
    noted = []
    for update, score in ((10, 1.0), (20, 0.5), (30, 1.0), (40, 2.0), (50, float("nan")), (60, 2.0)):
        state.update = update
        best = state.note_validation(Standing("bleu", score))
        noted.append((best, state.best_update, state.validations_without_best))
    assert noted == [(True, 10, 0), (False, 10, 1), (True, 30, 2), (True, 40, 0), (False, 40, 1), (True, 60, 2)]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"update": 99}, None),
        ({"update": 100}, "max_updates 100 reached"),
        ({"update": 5, "epoch": 2.0}, "max_epochs 2 reached"),
        ({"update": 5, "epoch": 1.99}, None),
        ({"update": 5, "validations_without_best": 3}, "no better loss in 3 validations"),
        ({"update": 5, "validations_without_best": 3, "judged_by": "chrf"}, "no better chrf in 3 validations"),
        ({"update": 5, "validations_without_best": 2}, None),
        ({"update": 5, "share": 0.99}, None),
        ({"update": 5, "share": 1.0}, "2.5 minutes are over"),
    ],
)
def test_a_run_is_over_when_one_of_its_limits_is_reached(values: dict[str, Any], reason: str | None) -> None:
    config = TrainingConfig.model_validate(
        {
            "max_updates": 100,
            "warmup_updates": 1,
            "max_epochs": 2,
            "max_minutes": 2.5,
            "schedule": "linear",
            "early_stopping": {"metric": "loss", "patience": 3},
        }
    )
    assert TrainState.from_dict(values).reason_to_stop(config) == reason


def test_one_minute_is_over_in_the_singular() -> None:
    config = TrainingConfig(max_minutes=1, schedule="linear")
    assert TrainState(share=1.0).reason_to_stop(config) == "1 minute is over"


def test_state_survives_its_dictionary() -> None:
    state = TrainState(update=7, share=0.25, costs={"save": 0.5}, best_score=-1.5, scores={"5": -1.5})
    assert TrainState.from_dict(state.state_dict()) == state
