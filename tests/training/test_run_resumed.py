"""Runs that a signal, a kill or damage stopped, and that are resumed."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtkit.errors import Interrupted
from mtkit.training.run import train
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after

pytestmark = pytest.mark.processor


@pytest.mark.parametrize("stops", [(3,), (1, 5, 6, 7, 11)])
def test_an_interrupted_run_ends_bit_identical(
    toy_task: ToyTask, straight: Path, tmp_path: Path, stops: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.report import Reporter

    advance, done = Reporter.advance, 0

    def advance_and_interrupt(reporter: Reporter) -> None:
        nonlocal done
        advance(reporter)
        done += 1
        if done in stops:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Reporter, "advance", advance_and_interrupt)
    settings = toy_task.recipe(training__accumulate=2)
    for _ in stops:
        with pytest.raises(Interrupted, match="everything is saved; the same command goes on"):
            train(settings, tmp_path / "run")
    train(settings, tmp_path / "run")
    assert_same_run(straight, tmp_path / "run", 12)
    ours, theirs = (load_file(path / "model" / "model.safetensors") for path in (straight, tmp_path / "run"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_run_that_lost_its_newest_checkpoints_ends_bit_identical(
    toy_task: ToyTask, straight: Path, tmp_path: Path
) -> None:
    settings = toy_task.recipe(training__accumulate=2)
    train(settings, tmp_path / "run")
    for update in (9, 12):
        (tmp_path / "run" / f"checkpoints/update-{update:08d}" / "state.json").write_text("{")
    train(settings, tmp_path / "run")
    assert_same_run(straight, tmp_path / "run", 12)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_run_goes_on_with_the_threads_that_it_began_with(
    toy_task: ToyTask, tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    values = {"training__batch_tokens": 1_000, "training__max_updates": 6}
    begun, otherwise = (toy_task.recipe(**values, training__threads=n) for n in (2, threads))
    train(begun, tmp_path / "straight")
    interrupted_after(2, monkeypatch)
    with pytest.raises(Interrupted):
        train(begun, tmp_path / "run")
    monkeypatch.undo()
    with caplog.at_level("INFO", logger="mtkit"):
        train(otherwise, tmp_path / "run")
    assert f"computing with 2 threads, as the run began, and not {threads}" in caplog.text
    assert_same_run(tmp_path / "straight", tmp_path / "run", 6)
    ours, theirs = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("straight", "run"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_links_are_put_right_after_a_kill_between_checkpoint_and_link(toy_task: ToyTask, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    train(toy_task.recipe(), run_dir)
    best = (run_dir / "best").resolve()
    (run_dir / "best").unlink()
    (run_dir / "best").symlink_to("checkpoints/update-00000001")  # pruned long ago
    train(toy_task.recipe(), run_dir)
    assert (run_dir / "best").resolve() == best


def test_a_signal_while_the_test_set_is_scored_loses_nothing(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training import final_scores
    from mtkit.translation.test_sets import evaluate_texts as original

    def interrupted(*arguments: object, **options: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(final_scores, "evaluate_texts", interrupted)
    with pytest.raises(Interrupted, match="stopped before the model was scored"):
        train(toy_task.recipe(), tmp_path / "run")
    model = tmp_path / "run" / "model" / "model.safetensors"
    before = model.stat()
    monkeypatch.undo()
    assert train(toy_task.recipe(), tmp_path / "run").scores["test"].scores
    assert model.stat() == before


def test_a_signal_in_the_last_validation_is_heeded_and_the_validation_done_once(
    toy_task: ToyTask, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.validation import Validator

    measure_loss, n_measured = Validator.measure_loss, 0

    def interrupted(*arguments: object) -> dict[str, float]:
        nonlocal n_measured
        n_measured += 1
        if n_measured == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return measure_loss(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Validator, "measure_loss", interrupted)
    settings = toy_task.recipe(training__accumulate=2)
    with pytest.raises(Interrupted):
        train(settings, tmp_path / "run")
    for _ in range(2):
        train(settings, tmp_path / "run")
    assert n_measured == 3
    assert_same_run(straight, tmp_path / "run", 12)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in lines if "valid_" in line] == [6, 12]


def test_a_checkpoint_that_only_a_signal_asked_for_is_not_averaged(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.report import Reporter

    settings = toy_task.recipe(training__average={"n": 2, "by": "last"}, training__keep_last=2)
    train(settings, tmp_path / "straight")
    advance, done = Reporter.advance, 0

    def advance_and_interrupt(reporter: Reporter) -> None:
        nonlocal done
        advance(reporter)
        done += 1
        if done in (10, 11):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Reporter, "advance", advance_and_interrupt)
    for _ in range(2):
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "run")
    train(settings, tmp_path / "run")
    bundles = [json.loads((tmp_path / name / "model" / "mtkit.json").read_text()) for name in ("straight", "run")]
    assert [bundle["updates"] for bundle in bundles] == [[9, 12], [9, 12]]
    names = [sorted(path.name for path in (tmp_path / name / "checkpoints").iterdir()) for name in ("straight", "run")]
    assert names[0] == names[1]


def test_the_command_that_goes_on_is_named_as_it_is(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(2, monkeypatch)
    with pytest.raises(Interrupted, match="the same command without --overwrite goes on"):
        train(toy_task.recipe(), tmp_path / "run", overwrite=True)
