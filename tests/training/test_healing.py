"""Runs that meet poison: pairs whose loss is not finite, or a time in which the learning rate is far too high."""

import json
import math
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import open_prepared
from mtkit.errors import Interrupted, TrainingError
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.resolve import Settings
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.loss import Loss
from mtkit.training.planning import budget
from mtkit.training.planning.planner import Planner
from mtkit.training.report import Reporter
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import CheckpointStore, load_checkpoint
from mtkit.training.schedule import learning_rate
from mtkit.training.skipped import Skipped
from mtkit.training.state import TrainState
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run

pytestmark = pytest.mark.processor

UPDATES = 45  # an epoch has some 57


def recipe_of(toy_task: ToyTask, **overrides: object) -> Settings:
    """Small updates, so that an epoch has many; what is gone back to is 10 updates older than the trouble."""
    values = {
        "training__batch_tokens": 50,
        "training__max_updates": UPDATES,
        "training__max_bad_updates": 1,
        "training__save_every": 5,
        "training__validate_every": 10,
        "training__validate_text": False,
        "training__keep_last": 1,
        "training__report_every": 5,
        "training__warmup_updates": 10,
        "training__learning_rate": 2e-3,
        "training__healing": {"recent": 1, "window": 40, "sigmas": None},
        "data__test": [],
        "data__prepared": str(toy_task.directory / "prepared-without-test"),
    }
    return toy_task.recipe(**values | overrides)


def source_in(recipe: Settings, update: int) -> Tensor:
    """The longest source of an update of the first epoch."""
    config = recipe.config()
    prepare(config.data, config.tokenizer, config.prepared_directory)
    accumulate = config.training.accumulate
    assert isinstance(accumulate, int)
    planner = Planner(config, open_prepared(config.prepared_directory))
    plan = planner.plan(config.training.batch_tokens, accumulate)
    batches = next(batches for number, batches in enumerate(plan, start=1) if number == update)
    row = int(batches[0].src_lengths.argmax())
    return batches[0].src[row, : batches[0].src_lengths[row]]


def holds(batch: Batch, src: Tensor) -> bool:
    width = len(src)
    same = (batch.src[:, :width] == src).all(1) if batch.src.shape[1] >= width else batch.src_lengths < 0
    return bool((same & (batch.src_lengths == width)).any())


@contextmanager
def poisoned(*sources: Tensor, n_times: float = math.inf) -> Iterator[None]:
    """The loss of these sources is infinite, the first ``n_times`` that they are trained on."""
    original, n_met = CrossEntropy.__call__, 0

    def infinite(self: CrossEntropy, model: EncoderDecoder, batch: Batch) -> Loss:
        nonlocal n_met
        loss = original(self, model, batch)
        if model.training and n_met < n_times and any(holds(batch, src) for src in sources):
            n_met += 1
            return Loss(loss.total * math.inf, loss.nll * math.inf, loss.n_tokens, loss.parts)
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CrossEntropy, "__call__", infinite)
        yield


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def measured(run_dir: Path) -> list[dict[str, Any]]:
    """What ``metrics.jsonl`` holds, but for speeds."""
    told = ("update", "loss_per_token", "grad_norm", "valid_loss_per_token", "rollback", "rollback_from", "reason")
    return [{name: r[name] for name in told if name in r} for r in lines_of(run_dir / "metrics.jsonl")]


def valid_loss(run_dir: Path) -> float:
    """Of the last validation."""
    return float([r["valid_loss_per_token"] for r in measured(run_dir) if "valid_loss_per_token" in r][-1])


@pytest.fixture(scope="module")
def clean(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that meets no poison."""
    run_dir = tmp_path_factory.mktemp("clean") / "run"
    train(recipe_of(toy_task), run_dir)
    return run_dir


def test_a_run_goes_back_past_poison_and_names_its_lines(
    toy_task: ToyTask, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recipe, run_dir = recipe_of(toy_task), tmp_path / "run"
    went_back = Reporter.went_back

    def look(self: Reporter, state: TrainState, reason: str) -> None:
        """What lies there and what is known right after going back is all of that update or earlier ones."""
        store = CheckpointStore(run_dir)
        assert state.update == max(store.updates()) == max(state.fallbacks) == 15
        assert (run_dir / "last").resolve() == store.path(15).resolve()
        assert state.best_update == max(map(int, state.scores)) == 10
        assert (run_dir / "best").resolve() == store.path(10).resolve(), "it was the best before it was beaten at 20"
        went_back(self, state, reason)

    monkeypatch.setattr(Reporter, "went_back", look)
    with poisoned(source_in(recipe, 30)):
        train(recipe, run_dir)

    assert "not finite in 1 update in a row up to update 30: going back to update 15" in caplog.text
    state = load_checkpoint(run_dir / "last").state["train"]
    assert (state["update"], state["rollbacks"]["n"], state["bad_updates"]) == (UPDATES, 1, 0)
    assert "rollback" not in (clean / "metrics.jsonl").read_text()
    assert abs(valid_loss(clean) - valid_loss(run_dir)) < 0.1

    skipped = lines_of(run_dir / "skipped.jsonl")
    assert [line["update"] for line in skipped] == list(range(16, 31))
    assert [line["update"] for line in skipped if "src" in line] == [30]
    store = open_prepared(recipe.config().prepared_directory).store("train")
    for number, src, tgt in zip(*(skipped[-1][name] for name in ("pairs", "src", "tgt")), strict=True):
        assert ([src], [tgt]) == (store.src_text(number - 1, number), store.tgt_text(number - 1, number))
    assert f"train, pair {skipped[-1]['pairs'][0]}: {skipped[-1]['src'][0]}" in caplog.text

    records = measured(run_dir)
    assert [r["update"] for r in records if "loss_per_token" in r] == list(range(5, UPDATES + 1, 5))
    assert [r["update"] for r in records if "valid_loss_per_token" in r] == [10, 20, 30, 40, 45]
    assert [(r["update"], r["rollback"], r["rollback_from"]) for r in records if "rollback" in r] == [(15, 1, 30)]


class Crash(Exception):
    """What ends a process where nobody expects it."""


def test_a_run_that_is_stopped_around_its_going_back_ends_bit_identical(toy_task: ToyTask, tmp_path: Path) -> None:
    """Two poisons in an epoch, which come again in the next one."""
    recipe = recipe_of(
        toy_task,
        training__accumulate=2,
        training__max_updates=60,
        training__report_every=1,  # what was measured since the last report before a checkpoint is not kept in it
        training__early_stopping={"metric": "loss", "patience": 100},
        training__healing={"recent": 1, "window": 40, "rollbacks": 10, "rate_factor": 0.9},
    )
    with poisoned(source_in(recipe, 30), source_in(recipe, 44)):
        train(recipe, tmp_path / "straight")
        state = load_checkpoint(tmp_path / "straight" / "last").state
        assert state["train"]["rollbacks"]["n"] >= 3
        assert state["data"]["epoch"] == 1

        advance, note, delete = Reporter.advance, Skipped.note, CheckpointStore.delete
        n_advanced = 0

        def advance_and_stop(self: Reporter) -> None:
            nonlocal n_advanced
            advance(self)
            n_advanced += 1
            if n_advanced in (29, 32, 64):  # one before the first going back, and after it, and in the next epoch
                os.kill(os.getpid(), signal.SIGTERM)

        def note_and_crash(self: Skipped, *arguments: Any, **options: Any) -> None:
            note(self, *arguments, **options)
            raise Crash

        def delete_and_crash(self: CheckpointStore, update: int) -> None:
            delete(self, update)
            if update > 15:
                raise Crash

        def resumed(*patches: tuple[type, str, Any], by: type[Exception]) -> None:
            with pytest.MonkeyPatch.context() as patch:
                for owner, name, stand_in in patches:
                    patch.setattr(owner, name, stand_in)
                with pytest.raises(by):
                    train(recipe, tmp_path / "run")

        resumed((Reporter, "advance", advance_and_stop), by=Interrupted)
        resumed((CheckpointStore, "delete", delete_and_crash), by=Crash)
        resumed((Skipped, "note", note_and_crash), by=Crash)
        n_advanced = 30
        resumed((Reporter, "advance", advance_and_stop), by=Interrupted)
        resumed((Skipped, "note", note_and_crash), by=Crash)
        train(recipe, tmp_path / "run")
    assert_same_run(tmp_path / "straight", tmp_path / "run", 60)
    assert measured(tmp_path / "run") == measured(tmp_path / "straight")
    ours, theirs = ((tmp_path / name / "skipped.jsonl").read_text() for name in ("run", "straight"))
    assert ours == theirs


def test_poison_that_stays_ends_the_run_with_what_was_tried(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = CrossEntropy.__call__

    def infinite(self: CrossEntropy, model: EncoderDecoder, batch: Batch) -> Loss:
        loss = original(self, model, batch)
        return Loss(loss.total * math.inf, loss.nll, loss.n_tokens, loss.parts) if model.training else loss

    monkeypatch.setattr(CrossEntropy, "__call__", infinite)
    recipe = recipe_of(toy_task, training__healing={"rollbacks": 2}, training__max_bad_updates=3)
    with pytest.raises(
        TrainingError, match=r"3 updates in a row up to update 3, also after going back 2 times"
    ) as error:
        train(recipe, tmp_path / "run")
    assert "\n" not in str(error.value)
    skipped = lines_of(tmp_path / "run" / "skipped.jsonl")
    assert [(line["rollback"], line["update"]) for line in skipped] == [(n, u) for n in (1, 2) for u in (1, 2, 3)]
    pairs = [pair for line in skipped for pair in line["pairs"]]
    assert len(pairs) == len({*pairs}), "the pairs that had been left out came again"


def test_a_run_whose_loss_jumps_up_goes_back(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learning rate a hundred times too high, for a few updates; left to itself the run ends at 3 nats per token."""
    original, n_far_too_high = learning_rate, 0

    def far_too_high_for_a_while(update: int, config: TrainingConfig) -> float:
        nonlocal n_far_too_high
        rate = original(update, config)
        if update > 70 and n_far_too_high < 5:
            n_far_too_high += 1
            return 100 * rate
        return rate

    monkeypatch.setattr(budget, "learning_rate", far_too_high_for_a_while)
    recipe = recipe_of(
        toy_task,
        training__batch_tokens=100,
        training__max_updates=120,
        training__learning_rate=5e-3,
        training__validate_every=60,
        training__healing={"recent": 2, "window": 40, "sigmas": 4, "rate_factor": 0.5},
    )
    train(recipe, tmp_path / "run")
    rollbacks = load_checkpoint(tmp_path / "run" / "last").state["train"]["rollbacks"]
    assert rollbacks["n"] >= 1
    assert rollbacks["rate_scale"] == 0.5 ** rollbacks["n"]
    first = next(r for r in measured(tmp_path / "run") if "rollback" in r)
    assert 71 < first["rollback_from"] < 80
    assert first["update"] <= 71 - 20
    assert "the loss has jumped to" in first["reason"]
    assert valid_loss(tmp_path / "run") < 2.2


def test_a_run_on_two_cores_goes_back_to_its_random_weights(toy_task: ToyTask, tmp_path: Path) -> None:
    values: dict[str, object] = {"training__batch_tokens": 1_000, "training__max_updates": 6}
    values |= {"training__threads": 2, "training__save_every": 3}
    recipe = recipe_of(toy_task, **values)
    with poisoned(source_in(recipe, 2), n_times=1):
        train(recipe, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "fitted.json").read_text())["workers"] == 2
    first, second = lines_of(tmp_path / "run" / "skipped.jsonl")
    assert (first["update"], second["update"]) == (1, 2)
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert (state["update"], state["rollbacks"]["to_update"]) == (6, 0)
