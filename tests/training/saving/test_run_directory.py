import shutil
from pathlib import Path

import pytest

from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared
from mtkit.errors import CheckpointError, ConfigError
from mtkit.training.run import train
from mtkit.training.saving.run_directory import (
    begun_with,
    check_is_run,
    check_same_data,
    check_same_run,
    check_unused,
    clear,
    sole_user,
    visible_names,
)
from tests.conftest import ToyTask


@pytest.fixture
def prepared(toy_task: ToyTask) -> Prepared:
    config = toy_task.recipe().config()
    return prepare(config.data, config.tokenizer, config.prepared_directory)


@pytest.mark.parametrize("leftover", [".corpus.partial", ".config.yaml.x1y2", "corpus", "prepared", "recipe.yaml"])
def test_what_a_killed_process_left_is_no_obstacle(
    toy_task: ToyTask, prepared: Prepared, tmp_path: Path, leftover: str
) -> None:
    (tmp_path / leftover).mkdir()
    check_same_run(toy_task.recipe().config(), prepared, tmp_path)
    assert (tmp_path / "config.yaml").exists()


def test_a_directory_of_anything_else_is_refused_and_not_cleared(
    toy_task: ToyTask, prepared: Prepared, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "train.log").write_text("mine")
    clear(tmp_path)
    with pytest.raises(ConfigError, match="not empty, and not a run of mtkit"):
        check_same_run(toy_task.recipe().config(), prepared, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "train.log"]
    (tmp_path / "train.log").unlink()
    (tmp_path / "config.yaml").write_text("mine")
    clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "model"]


@pytest.mark.parametrize("n_deleted", range(8))
def test_a_run_is_cleared_wherever_a_clearing_was_killed(
    toy_task: ToyTask, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_deleted: int
) -> None:
    check_same_run(toy_task.recipe().config(), prepared, tmp_path)
    for name in ("checkpoints", "model"):
        (tmp_path / name).mkdir()
    for name in ("train.log", "metrics.jsonl"):
        (tmp_path / name).write_text("")
    deleted: list[Path] = []
    unlink, rmtree = Path.unlink, shutil.rmtree

    def count(path: Path) -> None:
        if len(deleted) == n_deleted:
            raise KeyboardInterrupt
        if path.exists():
            deleted.append(path)

    def counted_unlink(path: Path, missing_ok: bool = False) -> None:
        count(path)
        unlink(path, missing_ok)

    def counted_rmtree(path: Path, ignore_errors: bool = False) -> None:
        count(path)
        rmtree(path, ignore_errors)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", counted_unlink)
        patch.setattr(shutil, "rmtree", counted_rmtree)
        try:
            clear(tmp_path)
        except KeyboardInterrupt:
            assert len(deleted) == n_deleted
    clear(tmp_path)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
    check_same_run(toy_task.recipe(model__d_ff=128).config(), prepared, tmp_path)


def test_a_run_killed_before_its_first_line_of_the_log_is_cleared(
    toy_task: ToyTask, prepared: Prepared, tmp_path: Path
) -> None:
    check_same_run(toy_task.recipe().config(), prepared, tmp_path)
    other = toy_task.recipe(model__d_ff=128).config()
    (tmp_path / "checkpoints" / "update-00000001").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"model\.d_ff: 64 then, 128 now"):
        check_same_run(other, prepared, tmp_path)
    clear(tmp_path)
    check_same_run(other, prepared, tmp_path)


def test_a_run_without_a_checkpoint_begins_with_what_is_asked_for_now(
    toy_task: ToyTask, prepared: Prepared, tmp_path: Path
) -> None:
    check_same_run(toy_task.recipe().config(), prepared, tmp_path)
    (tmp_path / "fitted.json").write_text('{"threads": 1}')
    check_same_run(toy_task.recipe().config(), prepared, tmp_path)
    assert (tmp_path / "fitted.json").exists()
    other = toy_task.recipe(model__d_ff=128, data__tgt_lang="xyz").config()
    check_same_data(other, tmp_path)
    check_same_run(other, prepared, tmp_path)
    assert begun_with(tmp_path).model.d_ff == 128
    assert not (tmp_path / "fitted.json").exists()  # of another model
    (tmp_path / "model").mkdir()  # of a run whose checkpoints were deleted
    with pytest.raises(ConfigError, match="the recipe changed"):
        check_same_data(toy_task.recipe().config(), tmp_path)


def test_a_directory_of_anything_else_is_refused_before_the_corpus_is_prepared(
    toy_task: ToyTask, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "note").write_text("mine")
    settings = toy_task.recipe(data__prepared=str(tmp_path / "prepared"))
    with pytest.raises(ConfigError, match="not empty, and not a run of mtkit"):
        train(settings, tmp_path / "other")
    assert [path.name for path in tmp_path.rglob("*")] == ["other", "note"]


def test_what_links_lead_to_is_cleared_too_and_may_be_begun_anew(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    for name in ("disk/checkpoints/update-00000002", "disk/model", "run"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("checkpoints", "model"):
        (run_dir / name).symlink_to(tmp_path / "disk" / name)
    for name in ("config.yaml", "train.log"):
        (run_dir / name).touch()
    clear(run_dir)
    assert list((tmp_path / "disk").iterdir()) == []
    assert visible_names(run_dir) == set()
    check_is_run(run_dir)


def test_the_mark_is_enough_to_know_a_run_by(toy_task: ToyTask, prepared: Prepared, tmp_path: Path) -> None:
    """As after a kill before the settings were noted."""
    with sole_user(tmp_path):
        pass
    (tmp_path / "corpus.json").write_text("{}")
    check_is_run(tmp_path)
    check_same_run(toy_task.recipe().config(), prepared, tmp_path)
    (tmp_path / "config.yaml").unlink()
    clear(tmp_path)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]


def test_the_next_start_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    left = [".config.yaml.0123456789abcdef", "checkpoints/.update-00000002.old", "checkpoints/.update-00000003.partial"]
    for name in left:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".notes").write_text("mine")
    with sole_user(tmp_path):
        assert sorted(path.name for path in tmp_path.rglob("*")) == [".lock", ".mtkit", ".notes", "checkpoints"]


def test_a_directory_in_use_is_refused_at_first_sight(tmp_path: Path) -> None:
    check_unused(tmp_path / "new")
    with sole_user(tmp_path), pytest.raises(CheckpointError, match="another mtkit train is at work there"):
        check_unused(tmp_path)
    check_unused(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "data: 3"])
def test_damaged_settings_are_one_line_with_the_way_out(
    toy_task: ToyTask, prepared: Prepared, tmp_path: Path, text: str
) -> None:
    config = toy_task.recipe().config()
    check_same_run(config, prepared, tmp_path)
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(
        CheckpointError, match=r"config.yaml: damaged .*; delete it to go on with the settings"
    ) as found:
        check_same_run(config, prepared, tmp_path)
    assert "\n" not in str(found.value)
    (tmp_path / "config.yaml").unlink()
    check_same_run(config, prepared, tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.model"])
@pytest.mark.parametrize("text", ["", "{"])
def test_what_the_corpus_says_too_is_repaired(
    toy_task: ToyTask, prepared: Prepared, tmp_path: Path, name: str, text: str
) -> None:
    config = toy_task.recipe().config()
    check_same_run(config, prepared, tmp_path)
    (tmp_path / "checkpoints").mkdir()
    before = (tmp_path / name).read_bytes()
    (tmp_path / name).write_text(text)
    check_same_run(config, prepared, tmp_path)
    assert (tmp_path / name).read_bytes() == before
