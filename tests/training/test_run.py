"""Whole runs on the toy task, in one process: what is refused, begun afresh, and learnt."""

import signal
import threading
from pathlib import Path

import pytest

from mtkit.errors import CheckpointError, ConfigError
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import load_checkpoint
from mtkit.training.saving.run_directory import sole_user
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run

pytestmark = pytest.mark.processor


def test_a_finished_run_says_so_and_changes_nothing(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.safetensors")}
    with caplog.at_level("INFO", logger="mtkit"):
        run = train(toy_task.recipe(), tmp_path / "run")
    assert "finished at update 12, nothing to do" in caplog.text
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.safetensors")}
    assert run.scores["test"].scores


def test_a_longer_limit_goes_on(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    run = train(toy_task.recipe(training__max_updates=15), tmp_path / "run")
    assert run.reason == "max_updates 15 reached"
    assert load_checkpoint(tmp_path / "run" / "last").state["train"]["update"] == 15


def test_a_run_by_time_that_is_resumed_without_it_is_told_of_the_time(toy_task: ToyTask, tmp_path: Path) -> None:
    by_time = {"training__max_minutes": 1.5, "training__schedule": "linear", "training__max_updates": 2}
    train(toy_task.recipe(**by_time, training__warmup_updates=1), tmp_path / "run")
    with pytest.raises(ConfigError) as error:
        train(toy_task.recipe(), tmp_path / "run")
    assert f"{tmp_path / 'run'}: the run began with --minutes 1.5: type it again; choose another -o" in str(error.value)
    assert "training.schedule: 'linear' then, 'constant' now" in str(error.value)


def test_another_recipe_is_refused_with_every_difference(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    with pytest.raises(ConfigError) as error:
        train(toy_task.recipe(model__d_ff=32, training__seed=5), tmp_path / "run")
    assert "the recipe changed since the run began" in str(error.value)
    assert "model.d_ff: 64 then, 32 now" in str(error.value)
    assert "training.seed: 1 then, 5 now" in str(error.value)
    assert error.value.exit_code == 2


def test_another_tokenizer_is_refused(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(), tmp_path / "run")
    from mtkit.data.tokens.training import train_tokenizer

    lines = (toy_task.directory / "train.abc").read_text().splitlines()
    config = toy_task.recipe(tokenizer__type="char").config().tokenizer
    train_tokenizer(iter(lines), iter(lines), config, 16, exact=False).save(tmp_path / "run")
    with pytest.raises(CheckpointError, match="tokenizer of the prepared corpus is not the one"):
        train(toy_task.recipe(), tmp_path / "run")


def test_a_directory_of_something_else_is_left_alone(toy_task: ToyTask, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not lose me")
    with pytest.raises(ConfigError, match="not empty, and not a run of mtkit"):
        train(toy_task.recipe(), tmp_path)
    with pytest.raises(ConfigError, match="not empty, and not a run of mtkit"):
        train(toy_task.recipe(), tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "do not lose me"


def test_overwrite_starts_afresh(toy_task: ToyTask, straight: Path, tmp_path: Path) -> None:
    train(toy_task.recipe(model__d_ff=32), tmp_path / "run")
    train(toy_task.recipe(training__accumulate=2), tmp_path / "run", overwrite=True)
    assert_same_run(straight, tmp_path / "run", 12)


def test_two_runs_in_one_directory_are_refused(toy_task: ToyTask, tmp_path: Path) -> None:
    with sole_user(tmp_path / "run"), pytest.raises(CheckpointError, match="another mtkit train is at work"):
        train(toy_task.recipe(), tmp_path / "run")
    train(toy_task.recipe(), tmp_path / "run")


def test_signal_handlers_are_put_back(toy_task: ToyTask, tmp_path: Path) -> None:
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    train(toy_task.recipe(training__max_updates=1), tmp_path / "run")
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.slow
def test_the_toy_task_is_learnt_to_the_last_line(toy_task: ToyTask, tmp_path: Path) -> None:
    settings = toy_task.recipe(
        model__dropout=0.0,
        training__max_updates=800,
        training__schedule="linear",
        training__validate_every=200,
        training__save_every=200,
        training__early_stopping={"metric": "loss"},
    )
    run = train(settings, tmp_path / "run")
    assert [score.value for score in run.scores["test"].scores if score.metric == "bleu"] == [pytest.approx(100.0)]


def test_other_test_files_are_scored_again(toy_task: ToyTask, tmp_path: Path) -> None:
    from mtkit.data.corpus.prepare import prepare

    files = {side: str(tmp_path / f"test.{side}") for side in ("num", "abc")}
    for side, path in files.items():
        Path(path).write_bytes((toy_task.directory / f"test.{side}").read_bytes())
    settings = toy_task.recipe(
        data__test=[{"src": files["num"], "tgt": files["abc"]}], data__prepared=str(tmp_path / "prepared")
    )
    train(settings, tmp_path / "run")
    before = (tmp_path / "run" / "model" / "mtkit.json").read_bytes()
    Path(files["abc"]).write_text("x y z\n" * 20)
    config = settings.config()
    prepare(config.data, config.tokenizer, config.prepared_directory, overwrite=True)
    train(settings, tmp_path / "run")
    assert (tmp_path / "run" / "model" / "mtkit.json").read_bytes() != before


def test_any_seed_is_a_seed(toy_task: ToyTask, tmp_path: Path) -> None:
    for seed in (-1, 2**32, 2**63):
        train(toy_task.recipe(training__seed=seed, training__max_updates=1), tmp_path / str(seed))


def test_another_corpus_is_refused(toy_task: ToyTask, tmp_path: Path) -> None:
    from mtkit.data.corpus.prepare import prepare

    files = {side: tmp_path / f"train.{side}" for side in ("num", "abc")}
    for side, path in files.items():
        path.write_bytes((toy_task.directory / f"train.{side}").read_bytes())
    settings = toy_task.recipe(
        data__train=[{"src": str(files["num"]), "tgt": str(files["abc"])}], data__prepared=str(tmp_path / "prepared")
    )
    train(settings, tmp_path / "run")
    for path in files.values():
        path.write_text("".join(path.read_text().splitlines(keepends=True)[::-1]))  # the same vocabulary, another order
    config = settings.config()
    prepare(config.data, config.tokenizer, config.prepared_directory, overwrite=True)
    with pytest.raises(CheckpointError, match="training or validation files are not those that the run began with"):
        train(settings, tmp_path / "run")


def test_an_error_in_the_background_ends_the_run_as_itself(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.data.corpus.store import Store

    def gone(self: Store, rows: object) -> None:  # noqa: ARG001
        raise ZeroDivisionError("in the background")

    monkeypatch.setattr(Store, "gather", gone)
    n_threads = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="in the background"):
        train(toy_task.recipe(), tmp_path / "run")
    assert threading.active_count() == n_threads
