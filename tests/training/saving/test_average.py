from pathlib import Path

import pytest
import torch

from mtkit.errors import CheckpointError
from mtkit.training.saving.average import average_checkpoints, choose_checkpoints
from mtkit.training.saving.checkpoint import Checkpoint, CheckpointStore
from mtkit.training.state import TrainState


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    store = CheckpointStore(tmp_path)
    for update, value in ((2, 1.0), (4, 2.0), (6, 6.0)):
        store.save(update, Checkpoint({"w": torch.full((2,), value)}, {}, {}))
    return store


def test_the_average_is_the_mean_of_each_weight(store: CheckpointStore) -> None:
    averaged = average_checkpoints([store.path(update) for update in (2, 4, 6)])
    assert torch.equal(averaged["w"], torch.tensor([3.0, 3.0]))


def test_the_average_of_one_is_itself(store: CheckpointStore) -> None:
    assert torch.equal(average_checkpoints([store.path(6)])["w"], torch.tensor([6.0, 6.0]))


def test_checkpoints_of_two_models_are_not_averaged(store: CheckpointStore) -> None:
    store.save(8, Checkpoint({"w": torch.zeros(3)}, {}, {}))
    with pytest.raises(CheckpointError, match="another model"):
        average_checkpoints([store.path(6), store.path(8)])


def test_a_damaged_checkpoint_is_not_averaged(store: CheckpointStore) -> None:
    (store.path(4) / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"update-00000004/model.safetensors: damaged"):
        average_checkpoints([store.path(2), store.path(4)])


def test_last_and_best_choose_by_update_and_by_score(store: CheckpointStore) -> None:
    state = TrainState(update=6, scores={"2": 30.0, "4": 10.0, "6": 20.0, "99": 50.0})
    assert choose_checkpoints(store, state, 2, "last") == [4, 6]
    assert choose_checkpoints(store, state, 2, "best") == [2, 6]
    assert choose_checkpoints(store, state, 9, "best") == [2, 4, 6]


def test_a_checkpoint_that_only_a_signal_asked_for_is_not_chosen(store: CheckpointStore) -> None:
    state = TrainState(update=6, scores={"2": 30.0, "4": 10.0, "6": 20.0}, off_schedule=[6])
    assert choose_checkpoints(store, state, 2, "last") == [2, 4]
    assert choose_checkpoints(store, state, 2, "best") == [2, 4]
