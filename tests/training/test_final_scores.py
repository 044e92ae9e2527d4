import json
import time
from pathlib import Path

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.data.corpus.prepared import open_prepared
from mtkit.training.final_scores import SetScores, score_test_sets
from mtkit.training.run import train
from mtkit.translation.in_time import Deadline
from mtkit.translation.translation import Translation
from mtkit.translation.translator import Translator
from tests.conftest import ToyTask

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run_dir(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(toy_task.recipe(), tmp_path_factory.mktemp("scores") / "run").directory


def scores_by(toy_task: ToyTask, run_dir: Path, deadline: Deadline | None) -> SetScores:
    config = toy_task.recipe().config()
    prepared = open_prepared(config.prepared_directory)
    return score_test_sets(load_bundle(run_dir / "model"), config, prepared, CPU, deadline, run_dir)["test"]


def test_with_time_enough_all_lines_are_scored_as_without_a_deadline(toy_task: ToyTask, run_dir: Path) -> None:
    in_time = scores_by(toy_task, run_dir, Deadline(time.monotonic() + 3_600))
    assert in_time == scores_by(toy_task, run_dir, None)
    assert in_time.extent() == ""
    assert (in_time.n_lines, [score.metric for score in in_time.scores]) == (None, ["bleu", "chrf"])


def test_without_time_a_set_is_not_scored_and_that_is_said(
    toy_task: ToyTask, run_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scores = scores_by(toy_task, run_dir, Deadline(time.monotonic() - 1))
    assert scores == SetScores([])
    assert SetScores.from_json(scores.as_json()) == scores
    assert scores.extent() == "not scored, the time was up"
    assert f"test set test is not scored: the time was up; mtkit evaluate -m {run_dir} scores it" in caplog.text


def test_what_a_score_covers_is_noted_beside_it_and_read_again(toy_task: ToyTask, run_dir: Path) -> None:
    whole = scores_by(toy_task, run_dir, None)
    assert whole.as_json() == [score.as_json() for score in whole.scores]
    part = SetScores(whole.scores, n_lines=312, n_lines_of_set=1_500, is_short=True)
    plain = json.loads(json.dumps(part.as_json()))
    assert [(each["n_lines"], each["n_lines_of_set"], each["max_length_ratio"]) for each in plain] == [
        (312, 1_500, 1.5)
    ] * 2
    assert SetScores.from_json(plain) == part
    assert part.extent() == "312 of 1,500 lines, at most 1.5 x source + 5 tokens a line"


@pytest.mark.slow
def test_a_run_by_time_that_has_learnt_nothing_ends_in_time_with_a_part_scored(
    toy_task: ToyTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each translation takes 40 ms more, and the test set 600 of them: 24 seconds, where all is to take 18."""
    translate = Translator.translate

    def slowly(self: Translator, texts: list[str], **options: object) -> list[Translation]:
        time.sleep(0.04 * len(texts))
        return translate(self, texts, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Translator, "translate", slowly)
    test = {"src": str(toy_task.directory / "train.num"), "tgt": str(toy_task.directory / "train.abc"), "name": "long"}
    settings = toy_task.recipe(
        data__prepared=str(tmp_path / "prepared"),
        data__test=[test],
        training__learning_rate=1e-9,
        training__max_minutes=0.3,
        training__max_updates=None,
        training__schedule=None,
    )
    started = time.monotonic()
    run = train(settings, tmp_path / "run")
    assert time.monotonic() - started < 18 + 12  # without a deadline it would take 24 more than training
    scored = run.scores["long"]
    assert scored.n_lines is not None
    assert 50 <= scored.n_lines < 600
    assert f"scored on {scored.n_lines} of 600 lines of the test set long: the time was up; mtkit eval" in caplog.text
    manifest = json.loads((tmp_path / "run" / "model" / "mtkit.json").read_text())
    assert [(score["n_lines"], score["n_lines_of_set"]) for score in manifest["scores"]["long"]] == [
        (scored.n_lines, 600)
    ] * 2
    assert train(settings, tmp_path / "run").scores == run.scores
