"""What tests of whole runs share."""

import os
import signal
from pathlib import Path

import pytest
import torch

from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from tests.conftest import ToyTask

STATE_THAT_TELLS_TIME = {"seconds"}


def assert_same_run(one: Path, other: Path, update: int) -> None:
    """The same weights, optimiser, data position and score, bit for bit."""
    name = f"checkpoints/update-{update:08d}"
    a, b = load_checkpoint(one / name), load_checkpoint(other / name)
    for mine, theirs in ((a.model, b.model), (a.optimizer, b.optimizer)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert a.state["data"] == b.state["data"]
    for key in a.state["train"].keys() - STATE_THAT_TELLS_TIME:
        assert a.state["train"][key] == b.state["train"][key], key


@pytest.fixture(scope="module")
def straight(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 updates without interruption, each of two micro-batches; an epoch has 10 or so."""
    run_dir = tmp_path_factory.mktemp("straight") / "run"
    train(toy_task.recipe(training__accumulate=2), run_dir)
    return run_dir


def interrupted_after(update: int, patch: pytest.MonkeyPatch) -> None:
    """Let a signal come after so many updates of this process."""
    from mtkit.training.report import Reporter

    advance, done = Reporter.advance, 0

    def advance_and_interrupt(reporter: Reporter) -> None:
        nonlocal done
        advance(reporter)
        done += 1
        if done == update:
            os.kill(os.getpid(), signal.SIGTERM)

    patch.setattr(Reporter, "advance", advance_and_interrupt)
