"""Before and after fine-tuning, on new and old test sets."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtkit.bundle.bundle import load_bundle
from mtkit.errors import Interrupted, MtkitError, Stopped
from mtkit.settings.resolve import Settings
from mtkit.training import comparison
from mtkit.training.run import train
from mtkit.translation import test_sets
from mtkit.translation.test_sets import evaluate_texts, held_out_sets
from mtkit.translation.translator import Translator
from tests.conftest import ToyTask
from tests.training.conftest import assert_same_run
from tests.training.test_starting import tuned

pytestmark = pytest.mark.processor


def lines_of(toy_task: ToyTask, name: str, first: int, last: int) -> dict[str, str]:
    """Some of the training pairs of the task, as a set of their own."""
    files = {}
    for side, ending in (("src", "num"), ("tgt", "abc")):
        path = toy_task.directory / f"{name}.{ending}"
        lines = (toy_task.directory / f"train.{ending}").read_text().splitlines()[first:last]
        path.write_text("".join(f"{line}\n" for line in lines))
        files[side] = str(path)
    return files


@pytest.fixture
def settings(toy_task: ToyTask, straight: Path, tmp_path: Path) -> Callable[..., Settings]:
    def of(**values: object) -> Settings:
        own = {"data__test": [lines_of(toy_task, "newer", 400, 430)], "data__prepared": tmp_path / "prepared"}
        values = {"training__learning_rate": 1e-2, **own, **values}
        return tuned(
            toy_task, straight, tmp_path / "prepared", **{k: v for k, v in values.items() if k != "data__prepared"}
        )

    return of


def sets_of(run_dir: Path) -> list[dict[str, Any]]:
    manifest = json.loads((run_dir / "model" / "mtkit.json").read_text())
    found: list[dict[str, Any]] = manifest["comparison"]["sets"]
    return found


def test_both_models_are_scored_on_new_and_old_sets(
    toy_task: ToyTask, straight: Path, tmp_path: Path, settings: Callable[..., Settings]
) -> None:
    kept = lines_of(toy_task, "kept", 450, 470) | {"name": "kept"}
    run = train(settings(training__keep_test=[kept]), tmp_path / "run")
    found = sets_of(tmp_path / "run")
    assert [(each["kind"], each["set"], each["n_lines"]) for each in found] == [
        ("new", "newer", 30),
        ("validation", "the validation set", 20),
        ("old", "kept", 20),
        ("old", "test", 20),
    ]
    assert run.comparison is not None
    assert [each.set for each in run.comparison.sets] == [each["set"] for each in found]
    (old,) = held_out_sets(load_bundle(straight))
    new = held_out_sets(load_bundle(tmp_path / "run"))[0]
    for each, held in ((found[3], old), (found[0], new)):
        for when, model in (("before", straight), ("after", tmp_path / "run")):
            translator = Translator.load(model, device="cpu", precision="fp32", threads=1)
            scores = evaluate_texts(translator, held.src_text, [held.ref_text], tgt_lang="abc").scores
            assert [difference[when] for difference in each["differences"]] == [score.value for score in scores]
    differences = [difference for each in found for difference in each["differences"]]
    assert any(each["before"] != each["after"] for each in differences)
    assert all(each["low"] <= each["after"] - each["before"] <= each["high"] for each in differences)
    assert train(settings(training__keep_test=[kept]), tmp_path / "run").comparison == run.comparison


def test_a_run_that_starts_from_nothing_compares_nothing(straight: Path) -> None:
    assert "comparison" not in json.loads((straight / "model" / "mtkit.json").read_text())
    assert not (straight / comparison.NOTE).exists()


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_signal_while_it_translates_loses_nothing(
    tmp_path: Path, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    train(settings(), tmp_path / "whole")
    original, calls = test_sets.translate_lines, 0

    def interrupted(*arguments: Any, **options: Any) -> list[str]:
        nonlocal calls
        calls += 1
        if calls == call:
            if call > 3:  # the end takes signals
                os.kill(os.getpid(), signal.SIGTERM)
            else:
                raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(comparison, "translate_lines", interrupted)
    with pytest.raises((Stopped, Interrupted)):
        train(settings(), tmp_path / "run")
    train(settings(), tmp_path / "run")
    monkeypatch.undo()
    # three sets before, one of them again where it was interrupted; two after, and the set that the signal stopped
    assert calls == 6
    assert_same_run(tmp_path / "whole", tmp_path / "run", 6)
    assert sets_of(tmp_path / "run") == sets_of(tmp_path / "whole")


def test_neither_the_model_nor_its_corpus_is_needed_again(
    straight: Path,
    tmp_path: Path,
    settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = tmp_path / "base"
    shutil.copytree(straight, base, symlinks=True)
    own = settings(training__from=str(base))
    monkeypatch.setattr("mtkit.training.run.begin", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(Stopped):
        train(own, tmp_path / "run")
    monkeypatch.undo()
    note = json.loads((tmp_path / "run" / comparison.NOTE).read_text())
    assert note["is_complete"]
    train(own, tmp_path / "whole")
    base.rename(tmp_path / "elsewhere")
    with pytest.raises(MtkitError, match="the model that the run starts from is not there; put it back"):
        train(own, tmp_path / "run")
    (tmp_path / "elsewhere").rename(base)
    (tmp_path / "run" / comparison.NOTE).write_text("{")  # damaged: translated again
    train(own, tmp_path / "run")
    assert sets_of(tmp_path / "run") == sets_of(tmp_path / "whole")


def test_a_corpus_that_is_gone_is_warned_of(
    straight: Path, tmp_path: Path, settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    base = tmp_path / "base"
    shutil.copytree(straight / "model", base)
    manifest = json.loads((base / "mtkit.json").read_text())
    manifest["config"]["data"]["prepared"] = "nowhere"
    (base / "mtkit.json").write_text(json.dumps({**manifest, "corpus": "nowhere"}))
    train(settings(training__from=str(base)), tmp_path / "run")
    assert "what is forgotten is not measured: nowhere: the model's corpus is not there" in caplog.text
    assert "name one with --keep-test FILE --keep-test-tgt FILE" in caplog.text
    assert [each["kind"] for each in sets_of(tmp_path / "run")] == ["new", "validation"]


def test_an_old_test_set_that_does_not_match_is_told_before_training(
    toy_task: ToyTask, tmp_path: Path, settings: Callable[..., Settings]
) -> None:
    kept = lines_of(toy_task, "short", 450, 470)
    Path(kept["tgt"]).write_text("a b c\n")
    with pytest.raises(MtkitError, match=r"short\.num.*20.*short\.abc.*1"):
        train(settings(training__keep_test=[kept]), tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_what_became_worse_is_warned_of(
    toy_task: ToyTask, tmp_path: Path, settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    good = tmp_path / "good"
    learnt: dict[str, object] = {
        "training__max_updates": 150,
        "training__validate_every": 50,
        "training__save_every": 50,
    }
    learnt["data__prepared"] = str(tmp_path / "good-prepared")
    train(toy_task.recipe(**learnt, data__test=[lines_of(toy_task, "many", 0, 300)]), good)
    train(settings(training__from=str(good), training__learning_rate=0.3), tmp_path / "run")
    assert "old test set many, 300 lines: worse than before: mix some of the old data in (data.mixing)" in caplog.text
