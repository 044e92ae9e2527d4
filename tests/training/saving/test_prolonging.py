"""A run of the schedule wsd that is made longer."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtkit.errors import Interrupted
from mtkit.settings.resolve import Settings
from mtkit.settings.training import TrainingConfig
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import Checkpoint, CheckpointStore, read_state
from mtkit.training.saving.prolonging import before_decay
from mtkit.training.state import TrainState
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after


def recipe(toy_task: ToyTask, max_updates: int) -> Settings:
    shape = {"training__schedule": "wsd", "training__decay_share": 0.5, "training__warmup_updates": 3}
    return toy_task.recipe(training__max_updates=max_updates, training__keep_last=1, training__save_every=5, **shape)


@pytest.fixture(scope="module")
def long(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 24 updates from the start: its rate falls after the 12th."""
    run_dir = tmp_path_factory.mktemp("long") / "run"
    train(recipe(toy_task, 24), run_dir)
    return run_dir


def test_before_the_decay_a_run_goes_on_as_if_it_had_been_longer(
    toy_task: ToyTask, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupted_after(7, patch)
        with pytest.raises(Interrupted):
            train(recipe(toy_task, 16), tmp_path / "run")
    train(recipe(toy_task, 24), tmp_path / "run")
    assert_same_run(long, tmp_path / "run", 24)


@pytest.mark.parametrize("stop", [2, 9])
def test_after_the_decay_it_goes_back_to_where_that_began(
    toy_task: ToyTask,
    long: Path,
    tmp_path: Path,
    stop: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_dir = tmp_path / "run"
    train(recipe(toy_task, 16), run_dir)
    assert {6, 8, 16} <= {*CheckpointStore(run_dir).updates()}  # the best before the decay, its beginning, the end
    with monkeypatch.context() as patch, caplog.at_level("INFO", logger="mtkit"):
        interrupted_after(stop, patch)
        with pytest.raises(Interrupted):
            train(recipe(toy_task, 24), run_dir)
    assert "falling since update 8: going on from there" in caplog.text
    train(recipe(toy_task, 24), run_dir)
    assert_same_run(long, run_dir, 24)
    ours, theirs = (load_file(path / "model" / "model.safetensors") for path in (long, run_dir))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_same_length_stays_where_it_is(toy_task: ToyTask, tmp_path: Path) -> None:
    train(recipe(toy_task, 16), tmp_path / "run")
    before = (tmp_path / "run" / "last").resolve()
    train(recipe(toy_task, 16), tmp_path / "run")
    assert (tmp_path / "run" / "last").resolve() == before


def test_without_the_checkpoint_of_the_beginning_it_says_so_and_goes_on(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_dir = tmp_path / "run"
    train(recipe(toy_task, 16), run_dir)
    CheckpointStore(run_dir).delete(8)
    with caplog.at_level("INFO", logger="mtkit"):
        train(recipe(toy_task, 36), run_dir)
    assert "going on from update 16, with weights of a learning rate that had fallen" in caplog.text
    assert read_state(run_dir / "last")["train"]["decay_from"] == 18


@pytest.mark.parametrize(("minutes", "goes_on_from"), [(10, 9), (12, 9), (14, 8)])
def test_by_time_it_goes_back_where_the_decay_begins_later_now_and_keeps_the_time_spent(
    tmp_path: Path, minutes: float, goes_on_from: int
) -> None:
    """Of 10 minutes the last quarter is the decay; after 600 seconds 9 updates are done, the decay from the 8th on."""
    store = CheckpointStore(tmp_path)
    for update, share, seconds in ((7, 0.7, 420.0), (8, 0.75, 450.0), (9, 1.0, 600.0)):
        decay_from = 8 if update >= 8 else 0
        state = TrainState(update, share=share, seconds=seconds, planned_seconds=600.0, decay_from=decay_from)
        weights = {"w": torch.full((1,), float(update))}
        store.save(update, Checkpoint(weights, weights, {"train": state.state_dict(), "data": {}}))
    config = TrainingConfig.model_validate(
        {"schedule": "wsd", "decay_share": 0.25, "max_updates": None, "max_minutes": minutes}
    )
    newest = store.load_newest()
    assert newest is not None
    found = before_decay(store, newest, config)
    train = found.state["train"]
    assert (train["update"], float(found.model["w"])) == (goes_on_from, goes_on_from)
    assert train["seconds"] == 600.0
    assert (train["decay_from"], store.updates()) == ((0, [7, 8]) if goes_on_from == 8 else (8, [7, 8, 9]))
