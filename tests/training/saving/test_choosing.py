"""Which weights become the model of a run."""

from pathlib import Path

import pytest
import torch

from mtkit.errors import CheckpointError
from mtkit.settings.training import TrainingConfig
from mtkit.training.ema import FILE
from mtkit.training.saving.checkpoint import Checkpoint, CheckpointStore
from mtkit.training.saving.choosing import Choice, best_of, candidates, or_newest
from mtkit.training.state import TrainState


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    """Checkpoints of the updates 1 to 3, whose weights are 1, 2, 3, and their averages a tenth of that."""
    store = CheckpointStore(tmp_path)
    for update in (1, 2, 3):
        weights = {"w": torch.full((2,), float(update)), "frozen": torch.full((1,), 7.0)}
        extra = {FILE: {"w": torch.full((2,), update / 10)}}
        store.save(update, Checkpoint(weights, {"w/x": weights["w"]}, {"train": {"update": update}, "data": {}}, extra))
    return store


def state(**values: object) -> TrainState:
    known: dict[str, object] = {
        "update": 3,
        "best_update": 2,
        "validated_update": 3,
        "scores": {"1": 1.0, "2": 3.0, "3": 2.0},
    }
    return TrainState.from_dict(known | values)


def config(**values: object) -> TrainingConfig:
    return TrainingConfig.model_validate(values)


@pytest.mark.parametrize(
    ("training", "values", "expected"),
    [
        ({}, {}, [([2], False)]),
        ({"ema": {"decay": 0.9}}, {}, [([2], False)]),
        ({"ema": {"decay": 0.9}}, {"better_by_ema": [2]}, [([2], True)]),
        ({"ema": {"decay": 0.9}}, {"better_by_ema": [1, 3]}, [([2], False)]),
        ({"average": {"n": 2}}, {}, [([2, 3], False)]),
        ({"average": {"n": 2}, "ema": {"decay": 0.9}}, {"better_by_ema": [2]}, [([2], True), ([2, 3], False)]),
        ({"ema": {"decay": 0.9}}, {"better_by_ema": [2], "share": 1.0, "validated_update": 2}, [([3], False)]),
    ],
)
def test_the_settings_and_the_validations_say_which(
    store: CheckpointStore,
    training: dict[str, object],
    values: dict[str, object],
    expected: list[tuple[list[int], bool]],
) -> None:
    found = candidates(store, state(**values), config(**training))
    assert [(choice.updates, choice.ema) for choice in found] == expected


def test_of_an_average_the_weights_that_were_not_trained_are_those_of_the_checkpoint(store: CheckpointStore) -> None:
    for ema, w in ((False, 2.5), (True, 0.25)):
        tensors = Choice("", [2, 3], ema).tensors(store)
        assert tensors.keys() == {"w", "frozen"}
        torch.testing.assert_close(tensors["w"], torch.full((2,), w))
        assert tensors["frozen"] == 7.0


def test_the_lowest_loss_decides_and_of_equals_the_first() -> None:
    choices = [Choice("a", [1]), Choice("b", [2]), Choice("c", [3])]
    losses = {"a": 2.0, "b": 1.0, "c": 1.0}
    assert best_of(choices, lambda choice: losses[choice.which]).which == "b"


def test_what_is_damaged_is_left_out_and_the_newest_taken_where_nothing_is_left(store: CheckpointStore) -> None:
    (store.path(2) / FILE).write_bytes(b"")
    assert or_newest(Choice("", [2, 3]), store).updates == [3]
    assert or_newest(Choice("", [2], ema=True), store) == Choice("", [3])
    for update in (1, 3):
        (store.path(update) / "state.json").unlink()
    with pytest.raises(CheckpointError, match="no checkpoint is whole"):
        or_newest(Choice("", [2]), store)
