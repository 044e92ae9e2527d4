"""Runs that meet poison: pairs whose loss is not finite, or a time in which the learning rate is far too high."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.data.corpus.prepared import open_prepared
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.resolve import Settings
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.loss import Loss
from mtkit.training.planning.planner import Planner
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from tests.conftest import ToyTask

pytestmark = pytest.mark.processor

UPDATES = 70  # an epoch has some 60
HEALING = {"recent": 1, "window": 40}  # a fallback is 10 updates older than the trouble


def settings(toy_task: ToyTask, **overrides: object) -> Settings:
    """Small updates, so that an epoch has many, and a loss that is even."""
    values = {
        "training__batch_tokens": 50,
        "training__max_updates": UPDATES,
        "training__max_bad_updates": 1,
        "training__save_every": 5,
        "training__validate_every": 30,
        "training__keep_last": 1,
        "training__report_every": 10,
        "training__warmup_updates": 10,
        "training__learning_rate": 2e-3,
        "training__healing": HEALING,
    }
    return toy_task.recipe(**values | overrides)


def pairs_of(recipe: Settings, update: int) -> Tensor:
    """The longest source of an update of the first epoch, by the plan of an undisturbed run."""
    config = recipe.config()
    assert config.prepared_directory.exists()
    plan = Planner(config, open_prepared(config.prepared_directory)).plan(config.training.batch_tokens, 1)
    batches = next(batches for number, batches in enumerate(plan, start=1) if number == update)
    row = int(batches[0].src_lengths.argmax())
    return batches[0].src[row, : batches[0].src_lengths[row]]


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Callable[[Tensor], None]:
    """Makes the loss of a source infinite wherever it is trained on."""
    poisonous: list[Tensor] = []
    original = CrossEntropy.__call__

    def poisoned(self: CrossEntropy, model: EncoderDecoder, batch: Batch) -> Loss:
        loss = original(self, model, batch)
        if model.training and any(holds(batch, src) for src in poisonous):
            return Loss(loss.total * math.inf, loss.nll * math.inf, loss.n_tokens, loss.parts)
        return loss

    monkeypatch.setattr(CrossEntropy, "__call__", poisoned)
    return poisonous.append


def holds(batch: Batch, src: Tensor) -> bool:
    width = len(src)
    return batch.src.shape[1] >= width and bool(
        ((batch.src[:, :width] == src).all(1) & (batch.src_lengths == width)).any()
    )


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def clean(toy_task: ToyTask, tmp_path: Path) -> Path:
    """A run that meets no poison."""
    train(settings(toy_task), tmp_path / "clean")
    return tmp_path / "clean"


def test_a_run_goes_back_past_poison_and_names_its_lines(
    toy_task: ToyTask,
    clean: Path,
    tmp_path: Path,
    poison: Callable[[Tensor], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    recipe = settings(toy_task)
    prepared = open_prepared(recipe.config().prepared_directory)
    poison(pairs_of(recipe, 30))
    train(recipe, tmp_path / "run")

    assert "not finite in 1 updates in a row up to update 30: going back to update 15" in caplog.text
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert (state["update"], state["rollbacks"]["n"], state["bad_updates"]) == (UPDATES, 1, 0)
    skipped = lines_of(tmp_path / "run" / "skipped.jsonl")
    assert [line["update"] for line in skipped] == list(range(16, 31))
    assert all(("src" in line) == (line["update"] == 30) for line in skipped)
    store = prepared.store("train")
    rows = [number - 1 for number in skipped[-1]["pairs"]]
    assert skipped[-1]["src"] == [store.src_text(row, row + 1)[0] for row in rows]
    assert f"toy, pair {skipped[-1]['pairs'][0]}: {skipped[-1]['src'][0]}" in caplog.text or "pair" in caplog.text

    records = lines_of(tmp_path / "run" / "metrics.jsonl")
    assert [r["update"] for r in records if "loss_per_token" in r] == list(range(10, UPDATES + 1, 10))
    assert [(r["update"], r["rollback"], r["rollback_from"]) for r in records if "rollback" in r] == [(15, 1, 30)]
    losses = [
        [r["valid_loss_per_token"] for r in lines_of(path / "metrics.jsonl") if "valid_loss_per_token" in r]
        for path in (clean, tmp_path / "run")
    ]
    assert abs(losses[0][-1] - losses[1][-1]) < 0.1
    before, after = (load_checkpoint(path / "last").state["train"] for path in (clean, tmp_path / "run"))
    assert abs(before["pairs"] - after["pairs"]) < 40  # as many updates, of other pairs
