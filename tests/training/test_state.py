from typing import Any

import pytest

from mtkit.evaluation.telling import Standing
from mtkit.settings.healing import HealingConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.loss_course import LossCourse
from mtkit.training.state import Rollbacks, TrainState


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
    state.course = LossCourse([2.5], 3, 0.1, 1e-17, [0.5, 0.5])
    state.rollbacks, state.fallbacks = Rollbacks(1, 1, 6, 2, {"epoch": 1, "window": 0, "update": 3}, 0.5), [2, 6]
    assert TrainState.from_dict(state.state_dict()) == state


def test_there_is_a_checkpoint_to_go_back_to_that_is_clear_of_trouble() -> None:
    """A hundred updates old at least; of two that are old enough the newer one is kept, and never more than three."""
    healing = HealingConfig()
    state, kept = TrainState(), []
    for update in range(10, 2_000, 30):
        state.update = update
        state.note_regular_save(healing)
        state.note_regular_save(healing)  # a checkpoint may be regular for two reasons
        kept.append([*state.fallbacks])
    for update, fallbacks in zip(range(10, 2_000, 30), kept, strict=True):
        assert fallbacks == sorted(fallbacks)
        assert len(fallbacks) <= 2
        assert update < 110 + 10 or fallbacks[0] <= update - 100
        assert fallbacks[0] >= update - 100 - 2 * 130 or update < 400
    rare = TrainState()
    for rare.update in (1_000, 2_000, 3_000):
        rare.note_regular_save(healing)
    assert rare.fallbacks == [2_000, 3_000]


def test_nothing_is_kept_to_go_back_to_while_there_is_trouble_or_where_none_is_healed() -> None:
    in_trouble = TrainState(update=5, bad_in_a_row=1)
    in_trouble.note_regular_save(HealingConfig())
    unhealed = TrainState(update=5)
    unhealed.note_regular_save(HealingConfig(rollbacks=0))
    assert in_trouble.fallbacks == unhealed.fallbacks == []


def test_going_back_undoes_all_but_the_time_and_that_it_went_back() -> None:
    state = TrainState(update=9, seconds=5.0, share=0.5, costs={"save": 1.0}, scores={"8": 1.0}, off_schedule=[7])
    state.rollbacks.n = 2
    state.go_back_to(TrainState(update=4, tgt_tokens=100, scores={"4": 2.0}, off_schedule=[3, 4, 5], seconds=1.0))
    assert state == TrainState(
        update=4,
        tgt_tokens=100,
        seconds=5.0,
        share=0.5,
        costs={"save": 1.0},
        scores={"4": 2.0},
        off_schedule=[3, 4],
        rollbacks=Rollbacks(n=2),
    )
