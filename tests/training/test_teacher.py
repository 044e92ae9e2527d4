"""Runs that learn from a teacher, and from the risk of their own samples."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtkit.bundle.bundle import load_bundle
from mtkit.data.corpus.prepared import open_prepared
from mtkit.errors import CheckpointError, ConfigError, Interrupted, MtkitError
from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.training.saving.fitted import FITTED
from mtkit.training.teacher import NOTE
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run, interrupted_after

pytestmark = pytest.mark.processor


def taught(toy_task: ToyTask, teacher: Path, **overrides: object) -> Settings:
    """A smaller model that learns from ``teacher`` for six updates, each of two micro-batches."""
    values: dict[str, object] = {
        "training__distillation": {"teacher": str(teacher)},
        "training__max_updates": 6,
        "training__accumulate": 2,
        "training__save_every": 2,
        "model__d_model": 16,
    }
    return toy_task.recipe(**values | overrides)


def risky(toy_task: ToyTask, base: Path, prepared: Path, **overrides: object) -> Settings:
    """Four updates from ``base`` on the risk of its samples."""
    values: dict[str, object] = {
        "training__from": str(base),
        "training__minimum_risk": {"metric": "chrf", "n_samples": 4},
        "training__max_updates": 4,
        "training__validate_every": 4,
        "training__save_every": 2,
        "training__batch_tokens": 100,
        "data__prepared": str(prepared),
    }
    return toy_task.recipe(**values | overrides)


def metrics(run_dir: Path, key: str) -> list[float]:
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [line[key] for line in lines if key in line]


@pytest.fixture(scope="module")
def student(toy_task: ToyTask, straight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a teacher, without interruption."""
    run_dir = tmp_path_factory.mktemp("student") / "run"
    train(taught(toy_task, straight), run_dir)
    return run_dir


def test_a_run_notes_its_teacher_and_reports_what_it_minimises(straight: Path, student: Path) -> None:
    noted = json.loads((student / NOTE).read_text())
    teacher = load_bundle(straight)
    assert (noted["name"], noted["weights"]) == (str(straight), teacher.weights_sha256)
    assert noted["tokenizer"] == load_bundle(student).tokenizer.sha256()
    for loss, hard, soft in zip(
        *(metrics(student, f"{name}_per_token") for name in ("loss", "cross_entropy", "distillation")), strict=True
    ):
        assert soft > 0
        assert loss == pytest.approx(0.5 * hard + 0.5 * soft)


def test_a_teacher_gives_its_tokenizer_to_a_new_corpus(
    toy_task: ToyTask, straight: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepared = tmp_path / "prepared"
    few = {"src": str(toy_task.directory / "valid.num"), "tgt": str(toy_task.directory / "valid.abc")}
    own = {"tokenizer__type": None, "tokenizer__vocab_size": None}  # of a recipe that says nothing of it
    with caplog.at_level("INFO", logger="mtkit"):
        train(taught(toy_task, straight, data__train=[few], data__prepared=str(prepared), **own), tmp_path / "run")
    teacher = load_bundle(straight)
    size = f"{teacher.n_parameters() / 1e3:.1f} thousand parameters"
    assert f"learning from {straight}: {size}, weights {teacher.weights_sha256[:12]}" in caplog.text
    manifest = open_prepared(prepared).manifest
    assert manifest.tokenizer_sha256 == load_bundle(straight).tokenizer.sha256()


def test_an_interrupted_run_with_a_teacher_ends_bit_identical(
    toy_task: ToyTask, straight: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(3, monkeypatch)
    with pytest.raises(Interrupted):
        train(taught(toy_task, straight), tmp_path / "run")
    monkeypatch.undo()
    train(taught(toy_task, straight), tmp_path / "run")
    assert_same_run(student, tmp_path / "run", 6)
    ours, theirs = (load_file(path / "model" / "model.safetensors") for path in (student, tmp_path / "run"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_teacher_changes_what_is_learnt_and_itself_stays(
    toy_task: ToyTask, straight: Path, student: Path, tmp_path: Path
) -> None:
    before = load_bundle(straight).weights_sha256
    plain = toy_task.recipe(training__max_updates=6, model__d_model=16, training__accumulate=2, training__save_every=2)
    train(plain, tmp_path / "run")
    ours, theirs = (load_file(path / "last" / "model.safetensors") for path in (student, tmp_path / "run"))
    assert any(not torch.equal(ours[key], theirs[key]) for key in ours)
    assert load_bundle(straight).weights_sha256 == before


def test_two_workers_share_a_teacher(toy_task: ToyTask, straight: Path, tmp_path: Path) -> None:
    values = {"training__batch_tokens": 1_000, "training__threads": 2}
    for name in ("one", "other"):
        train(taught(toy_task, straight, **values), tmp_path / name)
    assert_same_run(tmp_path / "one", tmp_path / "other", 6)


def stopped_with(toy_task: ToyTask, teacher: Path, run_dir: Path, patch: pytest.MonkeyPatch) -> None:
    interrupted_after(3, patch)
    with pytest.raises(Interrupted):
        train(taught(toy_task, teacher), run_dir)
    patch.undo()


def test_a_run_needs_its_teacher_until_its_training_is_over(
    toy_task: ToyTask, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, run_dir = tmp_path / "teacher", tmp_path / "run"
    shutil.copytree(straight / "model", teacher)
    stopped_with(toy_task, teacher, run_dir, monkeypatch)
    teacher.rename(tmp_path / "away")
    with pytest.raises(CheckpointError, match=rf"^{teacher}: the teacher that the run learns from is not there; put"):
        train(taught(toy_task, teacher), run_dir)
    (tmp_path / "away").rename(teacher)
    assert train(taught(toy_task, teacher), run_dir).scores
    shutil.rmtree(teacher)
    assert train(taught(toy_task, teacher), run_dir).scores  # it is over
    with pytest.raises(CheckpointError, match=rf"^{teacher}: the teacher that the run learns from is not there; put"):
        train(taught(toy_task, teacher, training__max_updates=8), run_dir)


def test_a_run_does_not_go_on_with_another_teacher_or_without(
    toy_task: ToyTask, straight: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = tmp_path / "run"
    stopped_with(toy_task, straight, run_dir, monkeypatch)
    with pytest.raises(CheckpointError, match=r"the run learns from another model \(.*choose another -o, or --overwri"):
        train(taught(toy_task, student), run_dir)
    plain = toy_task.recipe(training__max_updates=6, model__d_model=16, training__accumulate=2)
    with pytest.raises(ConfigError, match=r"the run learns from .*: name it again with training.distillation.teacher"):
        train(plain, run_dir)
    (run_dir / NOTE).write_text("{")
    with pytest.raises(CheckpointError, match=r"teacher.json: damaged .*start again with --overwrite"):
        train(taught(toy_task, straight), run_dir)


def test_a_run_that_began_without_a_teacher_gets_none(toy_task: ToyTask, straight: Path, student: Path) -> None:
    with pytest.raises(CheckpointError, match="the run began without a teacher; choose another -o"):
        train(toy_task.recipe(training__distillation={"teacher": str(student)}), straight)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"tokenizer__vocab_size": 30}, "tokenizer.vocab_size: 30 here, 24 in teacher"),
        ({"tokenizer__type": "bpe"}, "tokenizer.type: 'bpe' here, 'word' in teacher"),
        ({"data__cleaning": {"max_tokens": 60}, "model__max_length": 80}, "it reads 40 tokens at most, and data.clean"),
        ({"training__distillation": {"teacher": "nowhere"}}, "nowhere: no such model"),
        ({"training__distillation": {"teacher": None, "weight": 0.3}}, "weight: does nothing here: name a model with"),
        ({"training__distillation": {"weight": 0}}, "distillation.weight: must be above 0"),
        ({"training__distillation": {"temperature": 0}}, "temperature: must be at least 0.1"),
        ({"training__consistency": {"method": "simcut"}}, "teacher: does not go with consistency.method: simcut; use"),
        ({"training__adversarial": {"method": "fgm"}}, "teacher: does not go with adversarial.method: fgm; use one"),
        (
            {"training__minimum_risk": {"metric": "bleu", "weight": 1}},
            "training.minimum_risk.weight: leaves no weight to distillation.teacher: lower it",
        ),
        ({"training__minimum_risk": {"n_samples": 3}}, "training.minimum_risk.n_samples: does nothing here: give"),
        ({"training__minimum_risk": {"metric": "ter"}}, "training.minimum_risk.metric: must be 'bleu' or 'chrf'"),
    ],
)
def test_what_does_not_go_is_told_before_anything_is_written(
    toy_task: ToyTask, straight: Path, tmp_path: Path, overrides: dict[str, Any], told: str
) -> None:
    values = {"data__prepared": str(tmp_path / "prepared"), **overrides}
    values["training__distillation"] = {"teacher": str(straight)} | overrides.get("training__distillation", {})
    with pytest.raises(MtkitError) as error:
        train(toy_task.recipe(**values), tmp_path / "run")
    assert told in str(error.value)
    assert not [*tmp_path.iterdir()]


def test_teacher_and_start_must_have_the_same_vocabulary(toy_task: ToyTask, straight: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    train(toy_task.recipe(tokenizer__vocab_size=23, training__max_updates=1, data__prepared=str(other / "p")), other)
    settings = toy_task.recipe(
        tokenizer__vocab_size=None, training__from=str(other), training__distillation={"teacher": str(straight)}
    )
    with pytest.raises(ConfigError, match=rf"teacher {straight}: its tokenizer is not that of {other}, which the run"):
        train(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_tokenizer_that_grows_leaves_the_vocabulary_of_a_teacher(toy_task: ToyTask, straight: Path) -> None:
    settings = toy_task.recipe(
        training__from=str(straight),
        training__distillation={"teacher": str(straight)},
        tokenizer__extend={"pieces": 5},
    )
    with pytest.raises(ConfigError, match=r"tokenizer.extend adds pieces that the teacher of training.distillation"):
        settings.config()


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_a_run_learns_from_the_risk_of_its_samples(
    toy_task: ToyTask, straight: Path, tmp_path: Path, metric: str
) -> None:
    risk = {"metric": metric, "n_samples": 4}
    train(risky(toy_task, straight, tmp_path / "p", training__minimum_risk=risk), tmp_path / "run")
    (of_report,) = metrics(tmp_path / "run", "risk_per_token")
    assert 0 < of_report < 1
    assert metrics(tmp_path / "run", "cross_entropy_per_token")


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_run_by_risk_ends_bit_identical(
    toy_task: ToyTask, straight: Path, tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"training__threads": threads, "training__batch_tokens": 600 if threads == 2 else 100}
    teacher = {"training__distillation": {"teacher": str(straight)}}  # both at once
    settings = risky(toy_task, straight, tmp_path / "p", **values, **teacher)
    train(settings, tmp_path / "straight")
    # Which precision and how many workers are fastest is measured; what the clock decides is not what is tested here.
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".mtkit").touch()
    shutil.copyfile(tmp_path / "straight" / FITTED, tmp_path / "run" / FITTED)
    interrupted_after(3, monkeypatch)
    with pytest.raises(Interrupted):
        train(settings, tmp_path / "run")
    monkeypatch.undo()
    train(settings, tmp_path / "run")
    assert_same_run(tmp_path / "straight", tmp_path / "run", 4)
    assert {"cross_entropy_per_token", "distillation_per_token", "risk_per_token"} <= {
        key for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines() for key in json.loads(line)
    }
