"""Runs in two stages: what each learns from, and that they resume anywhere, bit for bit."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mtkit.errors import ConfigError, Interrupted
from mtkit.settings.resolve import Settings
from mtkit.settings.stages import first_stage
from mtkit.training.pretraining import prepare_both, train
from mtkit.training.saving.checkpoint import load_checkpoint
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after

N_FIRST, N_SECOND = 5, 6


def two_stages(toy_task: ToyTask, prepared: Path, task: str = "parallel_denoise", **values: object) -> Settings:
    return toy_task.recipe(
        **{
            "data__prepared": str(prepared),
            "tokenizer__vocab_size": None,
            "pretraining__task": task,
            "pretraining__max_updates": N_FIRST,
            "training__max_updates": N_FIRST + N_SECOND,
            **values,
        }
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared") / "toy"


@pytest.fixture(scope="module")
def straight(toy_task: ToyTask, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("straight") / "run"
    train(two_stages(toy_task, prepared), run_dir)
    return run_dir


def assert_same_end(straight: Path, other: Path) -> None:
    assert_same_run(straight / "pretraining", other / "pretraining", N_FIRST)
    assert_same_run(straight, other, N_SECOND)
    ours, theirs = (load_file(path / "model" / "model.safetensors") for path in (straight, other))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.processor
def test_a_run_stopped_in_each_stage_ends_bit_identical(
    toy_task: ToyTask, prepared: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.report import Reporter

    advance, done = Reporter.advance, 0

    def advance_and_interrupt(reporter: Reporter) -> None:
        nonlocal done
        advance(reporter)
        done += 1
        if done in (2, N_FIRST, N_FIRST + 4):  # in the first stage, with its last update, in the second stage
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Reporter, "advance", advance_and_interrupt)
    settings = two_stages(toy_task, prepared)
    for stage in ("pretraining", "pretraining", ""):
        with pytest.raises(Interrupted, match="everything is saved; the same command goes on"):
            train(settings, tmp_path / "run")
        assert (tmp_path / "run" / stage / "checkpoints").is_dir()
        assert (tmp_path / "run" / "checkpoints").exists() == (not stage)
    train(settings, tmp_path / "run")
    assert_same_end(straight, tmp_path / "run")


@pytest.mark.processor
def test_a_run_stopped_between_its_stages_ends_bit_identical(
    toy_task: ToyTask, prepared: Path, straight: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(straight / "pretraining", run_dir / "pretraining", symlinks=True)
    (run_dir / ".mtkit").touch()
    train(two_stages(toy_task, prepared), run_dir)
    assert_same_end(straight, run_dir)


def test_the_second_stage_begins_with_the_weights_of_the_first(
    toy_task: ToyTask, prepared: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One update with no learning rate to speak of leaves them as they are."""
    settings = two_stages(toy_task, prepared, training__learning_rate=1e-30, training__max_updates=N_FIRST + 1)
    run_dir = tmp_path / "run"
    shutil.copytree(straight / "pretraining", run_dir / "pretraining", symlinks=True)
    (run_dir / ".mtkit").touch()
    interrupted_after(1, monkeypatch)
    with pytest.raises(Interrupted):
        train(settings, run_dir)
    begun = load_checkpoint(run_dir / "checkpoints" / "update-00000001")
    first = load_checkpoint(straight / "pretraining" / "checkpoints" / f"update-{N_FIRST:08d}")
    assert all(torch.equal(begun.model[name], first.model[name]) for name in first.model)
    steps = {float(value) for name, value in begun.optimizer.items() if name.endswith("/step")}
    assert steps == {1.0}  # the optimiser begins anew


def test_once_the_second_stage_has_begun_the_first_is_not_needed(
    toy_task: ToyTask, prepared: Path, straight: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(straight, run_dir, symlinks=True)
    shutil.rmtree(run_dir / "pretraining")
    assert train(two_stages(toy_task, prepared), run_dir).reason == f"max_updates {N_SECOND} reached"


def test_the_recipe_of_a_run_keeps_its_first_stage(
    toy_task: ToyTask, prepared: Path, straight: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(straight, run_dir, symlinks=True)
    for values in ({"pretraining__max_updates": N_FIRST + 1}, {"pretraining__infill": 0.5}):
        with pytest.raises(ConfigError, match="the recipe changed since the run began"):
            train(two_stages(toy_task, prepared, **values), run_dir)


def test_overwriting_begins_with_the_first_stage(toy_task: ToyTask, straight: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(straight, run_dir, symlinks=True)
    settings = two_stages(toy_task, tmp_path / "other", "both_directions", training__max_updates=N_FIRST + 2)
    assert train(settings, run_dir, overwrite=True).reason == "max_updates 2 reached"
    newest = max(path.name for path in (run_dir / "checkpoints").iterdir())
    assert newest == "update-00000002"


@pytest.mark.parametrize("task", ["denoise", "mass", "both_directions"])
def test_what_the_first_stage_learns_from(toy_task: ToyTask, tmp_path: Path, task: str) -> None:
    lines = [f"{n} {n + 1} 7 7 7" for n in range(20)]
    held_out = (toy_task.directory / "test.num").read_text().splitlines()[:5]
    (tmp_path / "mono.num").write_text("".join(f"{line}\n" for line in [*lines, *held_out]))
    values = {} if task == "both_directions" else {"pretraining__src": str(tmp_path / "mono.num")}
    settings = two_stages(toy_task, tmp_path / "toy", task, **values)
    config = settings.before_corpus().config()
    first, second = prepare_both(settings, config)
    assert first.tokenizer.sha256() == second.tokenizer.sha256()
    store, n = first.store("train"), second.manifest.n_train
    src, tgt = store.src_text(), store.tgt_text()
    pairs = second.store("train").src_text(), second.store("train").tgt_text()
    if task == "both_directions":
        assert (src, tgt) == ([*pairs[0], *pairs[1]], [*pairs[1], *pairs[0]])
    else:
        assert src == tgt == [*pairs[0], *pairs[1], *lines]  # without what is held out
    tags = {tag: number for tag in ("<2num>", "<2abc>") for number in first.tokenizer.tag_ids([tag])}
    written = [store.src_ids(row)[0] for row in range(len(store))]
    of_src, of_tgt = (tags[f"<2{code}>"] for code in ("num", "abc"))
    expected = [of_tgt] * n + [of_src] * n if task == "both_directions" else [of_src] * n + [of_tgt] * n
    assert written == expected + [of_src] * (len(store) - 2 * n)
    noise = first_stage(settings, config).before_corpus().config().training.sampling.noise
    assert (noise.infill, noise.span) == {"denoise": (0.35, 0), "mass": (0, 0.5)}.get(task, (0, 0))
