"""How runs end, and which of their checkpoints becomes the model."""

import json
import os
import shutil
import signal
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from mtkit.errors import Interrupted
from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.training.saving.checkpoint import CheckpointStore, load_checkpoint
from tests.conftest import ToyTask

pytestmark = pytest.mark.processor


def test_early_stopping_ends_the_run(toy_task: ToyTask, tmp_path: Path) -> None:
    settings = toy_task.recipe(
        training__learning_rate=1e-9,
        training__validate_every=1,
        training__max_updates=40,
        training__early_stopping={"metric": "bleu", "patience": 3},
    )
    run = train(settings, tmp_path / "run")
    assert run.reason == "no better loss in 3 validations"  # as BLEU and chrF say nothing
    assert load_checkpoint(tmp_path / "run" / "last").state["train"]["update"] == 4


def test_what_is_best_without_translations_is_judged_by_the_loss(toy_task: ToyTask, tmp_path: Path) -> None:
    run = train(toy_task.recipe(training__validate_text=False, training__max_updates=3), tmp_path / "run")
    best = load_checkpoint(run.directory / "best").state["train"]["update"]
    lines = [json.loads(line) for line in (run.directory / "metrics.jsonl").read_text().splitlines()]
    loss = {line["update"]: line["valid_loss_per_token"] for line in lines if "valid_loss_per_token" in line}
    assert best == min(loss, key=loss.__getitem__)


def one_word_task(directory: Path) -> Settings:
    """Digits to letters, without spaces: the validation BLEU is 0, however well that is learnt."""
    draw = Random(1)
    words = sorted({"".join(draw.choices("0123456789", k=draw.randint(2, 4))) for _ in range(900)})
    draw.shuffle(words)
    letters = str.maketrans("0123456789", "abcdefghij")
    values: dict[str, object] = {}
    for split, lines in (("train", words[:600]), ("valid", words[600:620]), ("test", words[620:640])):
        files = {"src": str(directory / f"{split}.num"), "tgt": str(directory / f"{split}.abc")}
        Path(files["src"]).write_text("".join(f"{line}\n" for line in lines))
        Path(files["tgt"]).write_text("".join(f"{line.translate(letters)}\n" for line in lines))
        values[f"data__{split}"] = [files]
    return ToyTask(directory).recipe(
        **values,
        tokenizer__type="char",
        tokenizer__vocab_size=None,
        model__dropout=0.0,
        training__batch_tokens=600,
        training__max_updates=60,
        training__warmup_updates=10,
        training__validate_every=20,
    )


def test_where_bleu_stays_at_0_the_first_checkpoint_is_not_the_best(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        run = train(one_word_task(tmp_path), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    measured = {line["update"]: line for line in lines if "valid_bleu" in line}
    assert {line["valid_bleu"] for line in measured.values()} == {0.0}
    best = max(measured, key=lambda update: measured[update]["valid_chrf"])
    assert best > 20
    manifest = json.loads((tmp_path / "run" / "model" / "mtkit.json").read_text())
    assert manifest["updates"] == [best]
    assert "best so far (chrF)" in caplog.text
    assert "learnt next to nothing" not in caplog.text
    chrf = next(score.value for score in run.scores["test"].scores if score.metric == "chrf")
    assert chrf > 30
    quality = json.loads((tmp_path / "run" / "model" / "ctranslate2" / "int8" / "conversion.json").read_text())[
        "quality"
    ]
    assert quality["metric"] == "chrf"
    assert quality["loss"] == quality["float32_chrf"]["value"] - quality["chrf"]["value"]


def test_the_last_update_is_validated_too(toy_task: ToyTask, tmp_path: Path) -> None:
    train(toy_task.recipe(training__max_updates=8), tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert (state["update"], state["validated_update"]) == (8, 8)
    assert state["scores"].keys() == {"6", "8"}


def test_a_validation_line_beyond_the_models_limit_is_cut_and_not_fatal(toy_task: ToyTask, tmp_path: Path) -> None:
    for side, digit in (("num", "1 "), ("abc", "b ")):
        short = (toy_task.directory / f"valid.{side}").read_text()
        (tmp_path / f"valid.{side}").write_text(short + digit * 200 + "\n")
    files = {"src": str(tmp_path / "valid.num"), "tgt": str(tmp_path / "valid.abc")}
    settings = toy_task.recipe(data__valid=[files], data__prepared=str(tmp_path / "prepared"))
    train(settings, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run" / "last").state["train"]["validated_update"] == 12


@pytest.mark.parametrize("name", ["model.safetensors", "mtkit.json", "tokenizer.model"])
def test_a_damaged_model_of_a_finished_run_is_made_again(
    toy_task: ToyTask, straight: Path, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    run_dir = Path(shutil.copytree(straight, tmp_path / "run", symlinks=True))
    damaged = run_dir / "model" / name
    before = damaged.read_bytes()
    damaged.write_bytes(before[: len(before) // 2])
    with caplog.at_level("WARNING", logger="mtkit"):
        run = train(toy_task.recipe(training__accumulate=2), run_dir)
    assert "making the model again from the checkpoints" in caplog.text
    assert damaged.read_bytes() == before
    assert run.scores["test"].scores


def test_a_damaged_best_checkpoint_does_not_keep_the_run_from_ending(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = toy_task.recipe(training__average={"n": 3, "by": "last"})
    train(settings, tmp_path / "run")
    (tmp_path / "run" / "model" / "mtkit.json").unlink()
    damaged = tmp_path / "run" / "checkpoints" / "update-00000009" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with caplog.at_level("WARNING", logger="mtkit"):
        train(settings, tmp_path / "run")
    assert f"{damaged}: damaged" in caplog.text
    assert json.loads((tmp_path / "run" / "model" / "mtkit.json").read_text())["updates"] == [6, 12]


def by_time(toy_task: ToyTask, minutes: float) -> Settings:
    return toy_task.recipe(training__max_minutes=minutes, training__max_updates=None, training__schedule=None)


@pytest.mark.slow
def test_a_run_by_time_ends_with_a_learning_rate_of_zero_and_says_why(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        run = train(by_time(toy_task, 0.3), tmp_path / "run")
    assert run.reason == "0.3 minutes are over"
    assert run.scores["test"].scores
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert (state["share"], state["validated_update"]) == (1.0, state["update"])
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    rates = [record["learning_rate"] for record in records if "learning_rate" in record]
    assert max(rates) == pytest.approx(5e-3, rel=0.1)
    assert rates[-1] < 5e-4
    assert len([record for record in records if "valid_bleu" in record]) > 1
    for said in ("0.3 minutes in all", "s left", ": 0.3 minutes are over", "s of 0.3 minutes"):
        assert said in caplog.text
    assert train(by_time(toy_task, 0.3), tmp_path / "run").reason == run.reason


@pytest.mark.slow
def test_an_interrupted_run_by_time_goes_on_where_it_was(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtkit.training.report import Reporter

    def interrupt_late(_: Reporter) -> None:
        if monotonic() > began + 8:
            os.kill(os.getpid(), signal.SIGTERM)

    began = monotonic()
    monkeypatch.setattr(Reporter, "advance", interrupt_late)
    with pytest.raises(Interrupted):
        train(by_time(toy_task, 0.3), tmp_path / "run")
    monkeypatch.undo()
    half = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert 0.2 < half["share"] < 1
    assert 8 < half["seconds"] < 18
    run = train(by_time(toy_task, 0.3), tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "last").state["train"]
    assert run.reason == "0.3 minutes are over"
    assert state["update"] > half["update"]
    assert state["seconds"] > half["seconds"]
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    rates = {record["update"]: record["learning_rate"] for record in records if "learning_rate" in record}
    last = rates[max(update for update in rates if update <= half["update"])]
    assert max(rate for update, rate in rates.items() if update > half["update"]) <= last


@pytest.mark.parametrize("average", [{"n": 0}, {"n": 1, "by": "best"}])
def test_a_decayed_model_that_was_not_validated_is_taken_before_an_older_best(
    toy_task: ToyTask, tmp_path: Path, average: dict[str, object]
) -> None:
    by_both = {"training__max_minutes": 10, "training__max_updates": 12, "training__schedule": "linear"}
    settings = toy_task.recipe(training__average=average, **by_both)
    run_dir = tmp_path / "run"
    train(settings, run_dir)
    older = min(CheckpointStore(run_dir).updates())
    assert older < 12

    checkpoint = load_checkpoint(run_dir / "last")
    checkpoint.state["train"] |= {
        "best_update": older,
        "scores": {str(older): 1.0},
        "validated_update": older,
        "costs": {"validation": 500.0},
    }
    CheckpointStore(run_dir).save(12, checkpoint)
    (run_dir / "model" / "mtkit.json").unlink()
    train(settings, run_dir)
    assert json.loads((run_dir / "model" / "mtkit.json").read_text())["updates"] == [12]


def test_a_model_that_has_learnt_nothing_is_called_that(
    toy_task: ToyTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="mtkit"):
        train(toy_task.recipe(training__max_updates=2), tmp_path / "run")
    assert "what int8 loses is not measured" in caplog.text
    assert "the model has learnt next to nothing yet" in caplog.text
