"""A run finds its files from any directory, and after it was moved together with them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.errors import MtkitError
from tests.conftest import ToyTask

SMALL: dict[str, dict[str, object]] = {
    "model": {"d_model": 16, "n_heads": 2, "d_ff": 16, "n_encoder_layers": 1, "n_decoder_layers": 1, "max_length": 40},
    "tokenizer": {"type": "word", "vocab_size": 24},
    "training": {
        "batch_tokens": 200, "max_updates": 2, "validate_every": 2, "save_every": 1, "warmup_updates": 1,
        "threads": 1, "device": "cpu", "precision": "fp32", "average": {"n": 0},
    },
    "decoding": {"beam_size": 1},
}  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def project(toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a corpus, a recipe that names it from there, and a run, which is where the test begins."""
    project = tmp_path / "project"
    (project / "recipes").mkdir(parents=True)
    data: dict[str, object] = {"src_lang": "num", "tgt_lang": "abc", "cleaning": {"max_tokens": 30}}
    for split in ("train", "valid", "test"):
        for language in ("num", "abc"):
            shutil.copy(toy_task.directory / f"{split}.{language}", project)
        data[split] = {"src": f"{split}.num", "tgt": f"{split}.abc"}
    (project / "recipes" / "toy.yaml").write_text(yaml.safe_dump({"data": data, **SMALL}))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(project)
    assert run("train", "recipes/toy.yaml", "-o", "runs/toy").exit_code == 0
    return project


def test_test_sets_are_found_from_anywhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = run("evaluate", "-m", "runs/toy", "--metrics", "chrf")
    assert here.exit_code == 0, here.exception
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("evaluate", "-m", project / "runs" / "toy", "--metrics", "chrf").stdout == here.stdout
    project.rename(tmp_path / "moved")
    for model in ("runs/toy", "runs/toy/model", "runs/toy/best"):
        there = run("evaluate", "-m", tmp_path / "moved" / model, "--metrics", "chrf")
        assert there.stdout == here.stdout, there.exception
    monkeypatch.chdir(tmp_path / "moved")
    assert run("average", "-m", "runs/toy", "--last", 1, "-o", tmp_path / "averaged").exit_code == 0
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("evaluate", tmp_path / "averaged", "--metrics", "chrf").stdout == here.stdout


def test_a_bundle_that_notes_no_corpus_finds_it_in_the_directory_of_the_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As older ones do."""
    manifest = json.loads(Path("runs/toy/model/mtkit.json").read_text())
    del manifest["corpus"]
    Path("runs/toy/model/mtkit.json").write_text(json.dumps(manifest))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("evaluate", "-m", project / "runs" / "toy").exit_code == 0
    shutil.rmtree(project / "prepared")
    error = run("evaluate", "-m", project / "runs" / "toy").exception
    assert isinstance(error, MtkitError)
    assert str(error).startswith("prepared/toy: the model's corpus is not there; put it there, or name a test set with")


def test_another_corpus_of_the_same_name_is_passed_over(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = run("evaluate", "-m", "runs/toy", "--metrics", "chrf").stdout
    monkeypatch.chdir(tmp_path / "elsewhere")
    for language in ("num", "abc"):
        Path(f"train.{language}").write_text("9 8 7 6 5 4 3 2 1 0\n9 8 7 6 5 4\n" * 20)
    recipe = project / "recipes" / "toy.yaml"
    for split in ("valid", "test"):
        for language in ("num", "abc"):
            Path(f"{split}.{language}").write_text("9 8\n7 6 5\n" if language == "num" else "i j\nh g f\n")
    assert run("preprocess", recipe, "--set", "tokenizer.vocab_size=14").exit_code == 0
    assert Path("prepared/toy").is_dir()
    assert run("evaluate", "-m", project / "runs" / "toy", "--metrics", "chrf").stdout == here


def test_training_goes_on_from_anywhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / "elsewhere")
    command = ("train", project / "recipes" / "toy.yaml", "-o", project / "runs" / "toy")
    assert run(*command).exit_code == 0
    before = (project / "runs" / "toy" / "model" / "mtkit.json").read_bytes()
    project.rename(tmp_path / "moved")
    done = run("train", "../moved/recipes/toy.yaml", "-o", "../moved/runs/toy")
    assert done.exit_code == 0, done.exception
    assert (tmp_path / "moved" / "runs" / "toy" / "model" / "mtkit.json").read_bytes() == before  # nothing to do
    longer = run("train", "../moved/recipes/toy.yaml", "-o", "../moved/runs/toy", "--set", "training.max_updates=3")
    assert longer.exit_code == 0, longer.exception
    assert "../moved/runs/toy/model" in longer.stdout
    assert list((tmp_path / "elsewhere").iterdir()) == []


def go_on_elsewhere(project: Path, recipe: dict[str, Any], elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Train a recipe in the directory of a project, and longer from another one."""
    (project / "recipes" / "other.yaml").write_text(yaml.safe_dump(recipe))
    first = run("train", "recipes/other.yaml", "-o", "runs/other")
    assert first.exit_code == 0, first.exception
    Path("runs/other/before.json").unlink(missing_ok=True)  # as if killed while the model it starts from was scored
    monkeypatch.chdir(elsewhere)
    command = ("train", project / "recipes" / "other.yaml", "-o", project / "runs" / "other")
    return run(*command, "--set", "training.max_updates=3")


@pytest.mark.parametrize("kind", ["pretraining", "teacher", "keep_test", "csv"])
def test_training_finds_every_file_of_its_recipe(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """One that is named from the project, beside a corpus that is found from anywhere."""
    recipe = yaml.safe_load(Path("recipes/toy.yaml").read_text())
    for split in ("train", "valid", "test"):
        recipe["data"][split] = {side: str(project / name) for side, name in recipe["data"][split].items()}
    recipe["data"]["prepared"] = str(project / "prepared" / kind)
    if kind == "pretraining":
        shutil.copy("train.num", "more.num")
        recipe["pretraining"] = {"task": "denoise", "src": "more.num", "max_updates": 1}
    elif kind == "teacher":
        recipe["training"]["distillation"] = {"teacher": "runs/toy"}
    elif kind == "keep_test":
        del recipe["model"], recipe["tokenizer"]
        recipe["training"] |= {
            "from": str(project / "runs" / "toy"),
            "keep_test": {"src": "test.num", "tgt": "test.abc"},
        }
    else:
        sides = (Path(f"valid.{side}").read_text().splitlines() for side in ("num", "abc"))
        Path("valid.csv").write_text("num,abc\n" + "".join(f"{src},{tgt}\n" for src, tgt in zip(*sides, strict=True)))
        recipe["data"]["valid"] = "valid.csv"
    longer = go_on_elsewhere(project, recipe, tmp_path / "elsewhere", monkeypatch)
    assert longer.exit_code == 0, longer.exception


def test_training_finds_its_files_although_its_teacher_is_gone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = yaml.safe_load(Path("recipes/toy.yaml").read_text())
    recipe["training"]["distillation"] = {"teacher": "runs/toy"}
    recipe["data"]["prepared"] = str(project / "prepared" / "taught")
    longer = go_on_elsewhere(project, recipe, tmp_path / "elsewhere", monkeypatch)
    assert longer.exit_code == 0, longer.exception
    shutil.rmtree(project / "runs" / "toy")
    command = ("train", project / "recipes" / "other.yaml", "-o", project / "runs" / "other")
    again = run(*command, "--set", "training.max_updates=3")
    assert again.exit_code == 0, again.exception
    shutil.rmtree(project / "runs" / "other" / "model")
    error = run(*command, "--set", "training.max_updates=3").exception
    assert isinstance(error, MtkitError)
    assert str(error) == "runs/toy: the teacher that the run learns from is not there; put it back"


def test_a_run_of_two_files_goes_on_from_anywhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [
        f"{section}.{key}={json.dumps(value)}" for section, values in SMALL.items() for key, value in values.items()
    ]
    settings = [setting for setting in settings if not setting.startswith("training.max_updates=")]
    settings += ["data.cleaning.max_tokens=30"]
    small = [word for setting in settings for word in ("--set", setting)]
    first = run(
        "train",
        "--src",
        "train.num",
        "--tgt",
        "train.abc",
        "-o",
        "runs/files",
        *small,
        "--set",
        "training.max_updates=2",
    )
    assert first.exit_code == 0, first.exception
    monkeypatch.chdir(tmp_path / "elsewhere")
    files = ("--src", project / "train.num", "--tgt", project / "train.abc", "-o", project / "runs" / "files")
    again = run("train", *files, *small, "--set", "training.max_updates=3")
    assert again.exit_code == 0, again.exception


@pytest.mark.usefixtures("project")
def test_another_corpus_is_still_refused() -> None:
    lines = Path("train.num").read_text().splitlines(keepends=True)
    Path("other.num").write_text("".join(lines[::-1]))
    recipe = Path("recipes/toy.yaml")
    recipe.write_text(recipe.read_text().replace("train.num", "other.num"))
    error = run("train", recipe, "-o", "runs/toy", "--set", "data.prepared=prepared/other").exception
    assert isinstance(error, MtkitError)
    assert "are not those that the run began with" in str(error)
