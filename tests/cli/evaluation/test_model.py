import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from mtkit.bundle.bundle import load_bundle
from mtkit.cli.evaluation.command import evaluate
from mtkit.engines.conversion import converted, note_quality
from mtkit.errors import CheckpointError, ConfigError, DataError, GateError, MtkitError
from mtkit.evaluation.metrics.metrics import Score
from mtkit.log import logger
from mtkit.training.run import train
from tests.conftest import ToyTask

pytestmark = pytest.mark.processor


@dataclass(frozen=True)
class ToyRun:
    """A run that has hardly learnt anything, with two test sets."""

    directory: Path
    prepared: Path
    scores: dict[str, list[Score]]
    """Of each test set, as the training told them at its end."""

    src: Path
    ref: Path
    """Files of the test set ``first``."""


@pytest.fixture(scope="module")
def toy_run(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyRun]:
    directory, n_threads = tmp_path_factory.mktemp("evaluate"), torch.get_num_threads()
    files = {
        name: {"src": str(toy_task.directory / f"{split}.num"), "tgt": str(toy_task.directory / f"{split}.abc")}
        for name, split in (("first", "test"), ("second", "valid"))
    }
    settings = toy_task.recipe(
        data__prepared=str(directory / "prepared"),
        data__test=[{"name": name, **paths} for name, paths in files.items()],
        training__max_updates=6,
    )
    run = train(settings, directory / "run")
    yield ToyRun(
        run.directory,
        directory / "prepared",
        {name: of_set.scores for name, of_set in run.scores.items()},
        Path(files["first"]["src"]),
        Path(files["first"]["tgt"]),
    )
    torch.set_num_threads(n_threads)


def run(*arguments: object) -> Result:
    """Run the command; an MtkitError is left in ``result.exception``."""
    app = typer.Typer()
    app.command()(evaluate)
    threads = ["--threads", "1"] if "-m" in arguments else []
    return CliRunner().invoke(app, [*map(str, arguments), *threads])


def refused(*arguments: object) -> MtkitError:
    """The error that the command ends with."""
    result = run(*arguments)
    assert isinstance(result.exception, MtkitError), result.output
    assert result.stdout == ""
    return result.exception


def test_run_is_scored_on_each_of_its_test_sets_as_at_the_end_of_training(toy_run: ToyRun) -> None:
    found = json.loads(run("-m", toy_run.directory, "--json").stdout)
    assert found["language_pair"] == "num-abc"
    assert [test_set["name"] for test_set in found["test_sets"]] == ["first", "second"]
    for test_set in found["test_sets"]:
        assert test_set["n_lines"] == 20
        expected = {score.metric: score.as_json() for score in toy_run.scores[test_set["name"]]}
        assert expected.keys() == {"bleu", "chrf"}
        assert {name: test_set["scores"][name] for name in expected} == json.loads(json.dumps(expected))


def test_scores_are_those_of_float32_unless_less_is_asked_for(
    toy_run: ToyRun, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger="mtkit")
    model = shutil.copytree(toy_run.directory / "model", tmp_path / "model")
    with converted(load_bundle(model), "int8") as conversion:
        note_quality(conversion, {"loss": 0.0})  # translate would choose it

    def engine(*flags: str) -> str:
        caplog.clear()
        run("-m", model, "-i", toy_run.src, "--ref", toy_run.ref, "--device", "cpu", *flags)
        return next(line for line in caplog.messages if line.startswith("translating ")).rpartition(", ")[2]

    assert [engine(), engine("--precision", "auto"), engine("--precision", "int8")] == ["fp32", "int8", "int8"]


def test_each_test_set_has_its_heading(toy_run: ToyRun) -> None:
    lines = run("-m", toy_run.directory, "--metrics", "bleu").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["first (20 lines)", "BLEU", "second (20 lines)", "BLEU"]
    assert len(run("-m", toy_run.directory, "--metrics", "bleu", "-S").stdout.splitlines()) == 2


def test_kept_translations_score_the_same(toy_run: ToyRun, tmp_path: Path) -> None:
    kept = tmp_path / "hyp"
    translated = run("-m", toy_run.directory, "-i", toy_run.src, "--ref", toy_run.ref, "-o", kept)
    assert len(kept.read_text().splitlines()) == 20
    assert translated.stdout == run("--hyp", kept, "--ref", toy_run.ref).stdout
    bleu = toy_run.scores["first"][0]
    assert translated.stdout.split()[:2] == ["BLEU", f"{bleu.value:.2f}"]


def test_checkpoint_and_bundle_are_models_too(toy_run: ToyRun) -> None:
    outputs = [
        run("-m", toy_run.directory / name, "--metrics", "chrf", "--precision", "fp32").stdout
        for name in ("model", "last", "checkpoints/update-00000006")
    ]
    assert outputs[0].startswith("first (20 lines)\nchrF2")
    assert len(set(outputs)) == 1  # the only validation was at update 6


def test_search_follows_the_beam_size_asked_for(toy_run: ToyRun, tmp_path: Path) -> None:
    def translated(*flags: str) -> str:
        kept = tmp_path / "hyp"
        run("-m", toy_run.directory, "-i", toy_run.src, "--ref", toy_run.ref, "-o", kept, *flags)
        return kept.read_text()

    assert translated("--beam-size", "1") != translated()
    assert translated("--batch-size", "1") == translated()


def test_overlap_with_the_training_data_is_warned_of(toy_run: ToyRun, toy_task: ToyTask) -> None:
    trained_on = ("-i", toy_task.directory / "train.num", "--ref", toy_task.directory / "train.abc", "--beam-size", "1")
    (warning,) = warnings(run("-m", toy_run.directory, *trained_on, "--metrics", "bleu", "--json"), "among the sources")
    assert "train.num: 600 of 600 distinct lines (100.0 %)" in warning
    held_out = run("-m", toy_run.directory, "-i", toy_run.src, "--ref", toy_run.ref, "--metrics", "bleu", "--json")
    assert warnings(held_out, "among the sources") == []


def test_bundle_without_its_training_sources_still_loads(toy_run: ToyRun, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(toy_run.directory / "model", old)
    (old / "training_sources.safetensors").unlink()
    manifest = json.loads((old / "mtkit.json").read_text())
    del manifest["files"]["training_sources.safetensors"]
    (old / "mtkit.json").write_text(json.dumps(manifest))
    flags = ("-i", toy_run.src, "--ref", toy_run.ref, "--metrics", "bleu")
    assert run("-m", old, *flags).stdout == run("-m", toy_run.directory, *flags).stdout


def test_model_is_held_against_its_baseline_before_anything_is_translated(toy_run: ToyRun, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    saved = run("-m", toy_run.directory, "--metrics", "bleu,chrf", "--save-baseline", baseline)
    assert saved.exit_code == 0
    gate = ("--against", baseline, "--max-drop", "0", "--fail-if-significantly-worse", "--samples", "20")
    assert run("-m", toy_run.directory, "--metrics", "bleu,chrf", *gate).exit_code == 0
    other = ("-i", toy_run.ref, "--ref", toy_run.src)
    assert "holds no test set" in str(refused("-m", toy_run.directory, *other, *gate))


def test_baseline_keeps_the_engine_and_tells_of_another(toy_run: ToyRun, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    scored = ("-m", toy_run.directory, "-i", toy_run.src, "--ref", toy_run.ref, "--metrics", "bleu,chrf", "--json")
    saved = json.loads(run(*scored, "--engine", "torch", "--save-baseline", baseline).stdout)
    tree = json.loads(baseline.read_text())
    assert tree["test_sets"][0]["engine"] == saved["test_sets"][0]["engine"] == "cpu, 1 thread, fp32"
    name = tree["test_sets"][0]["name"]
    # a baseline that is hard to reach: the references themselves
    assert run("--hyp", toy_run.ref, "--ref", toy_run.ref, "--metrics", "bleu,chrf", "--save-baseline", baseline)
    tree = json.loads(baseline.read_text())
    tree["test_sets"][0] |= {"name": name, "engine": "cuda:0 (a GPU), bf16"}
    baseline.write_text(json.dumps(tree))
    missed = run(*scored, "--engine", "torch", "--against", baseline, "--max-drop", "chrf=0.1", "--max-drop", "0")
    said = "(allowed: 0.1); translated on cpu, 1 thread, fp32, the baseline on cuda:0 (a GPU), bf16"
    assert said in str(missed.exception)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--max-drop", "1", "--tok", "char"], "tok:13a is now tok:char"),
        (["--max-drop", "1", "-lc"], "case:mixed is now case:lc"),
        (["--max-drop", "1", "-l", "num-zh"], "tok:13a is now tok:zh"),
        (["--max-drop", "chrf=1", "-lc"], "case:mixed is now case:lc"),
        (["--max-drop", "ter=1"], "has no ter for first"),
        (["--max-drop", "1", "--paired", "bs"], "--paired compares systems"),
    ],
)
def test_baseline_that_cannot_be_compared_is_found_before_anything_is_translated(
    toy_run: ToyRun, tmp_path: Path, caplog: pytest.LogCaptureFixture, flags: list[str], message: str
) -> None:
    caplog.set_level("INFO", logger="mtkit")
    scored = ("-m", toy_run.directory, "--metrics", "bleu,chrf")
    run(*scored, "--save-baseline", tmp_path / "baseline.json")
    assert any(told.startswith("translating") for told in caplog.messages)
    caplog.clear()
    assert message in str(refused(*scored, "--against", tmp_path / "baseline.json", *flags))
    assert not any(told.startswith("translating") for told in caplog.messages)


def test_list_of_sets_is_translated(toy_run: ToyRun, tmp_path: Path) -> None:
    (tmp_path / "sets.yaml").write_text(f"- {{name: mine, src: {toy_run.src}, refs: {toy_run.ref}}}")
    listed = run("-m", toy_run.directory, "--sets", tmp_path / "sets.yaml", "--metrics", "chrf").stdout
    assert listed == run("-m", toy_run.directory, "-i", toy_run.src, "--ref", toy_run.ref, "--metrics", "chrf").stdout


def warnings(result: Result, about: str) -> list[str]:
    """Those of the only test set that speak of something."""
    (test_set,) = json.loads(result.stdout)["test_sets"]
    return [warning for warning in test_set["warnings"] if about in warning]


def test_missed_gate_names_the_test_set(toy_run: ToyRun) -> None:
    result = run("-m", toy_run.directory, "--min-bleu", "99.5", "--metrics", "bleu")
    assert isinstance(result.exception, GateError)
    first, second = str(result.exception).splitlines()[1:]
    assert first.strip().startswith("first: BLEU ")
    assert second.strip().startswith("second: BLEU ")
    assert result.stdout.count("BLEU") == 2


def test_language_pair_goes_before_the_model_s_own(toy_run: ToyRun) -> None:
    assert "tok:zh" in run("-m", toy_run.directory, "--metrics", "bleu", "-l", "num-zh").stdout


@pytest.mark.parametrize(
    ("flags", "kind", "message"),
    [
        (["-o", "hyp"], ConfigError, r"several test sets \(first, second\)"),
        (["--metrics", "meteor"], ConfigError, "unknown metric 'meteor'"),
        (["-i", "{src}", "--ref", "{short}"], DataError, r"test\.num has 20 lines but .*short has 1"),
        (["-i", "{src}", "--ref", "{ref}", "-o", "{dir}"], ConfigError, "is a directory; name a file"),
        (["-i", "{src}", "--ref", "{ref}", "-o", "{dir}/new/hyp"], ConfigError, "no directory .*new; create it"),
    ],
)
def test_mistakes_are_told_before_anything_is_translated(
    toy_run: ToyRun, tmp_path: Path, flags: list[str], kind: type[MtkitError], message: str
) -> None:
    short = tmp_path / "short"
    short.write_text("a\n")
    places = {"src": toy_run.src, "ref": toy_run.ref, "short": short, "dir": tmp_path}
    with pytest.raises(kind, match=message):
        raise refused("-m", toy_run.directory, *(flag.format(**places) for flag in flags))


def test_missing_model_is_named(tmp_path: Path) -> None:
    assert isinstance(refused("-m", tmp_path / "none"), CheckpointError)


def bundle_with_corpus(toy_run: ToyRun, directory: Path, **changes: object) -> Path:
    """A copy of the bundle whose recipe points to a copy of the corpus with a changed manifest."""
    corpus, bundle = directory / "corpus", directory / "bundle"
    shutil.copytree(toy_run.prepared, corpus)
    shutil.copytree(toy_run.directory / "model", bundle)
    manifest = json.loads((corpus / "manifest.json").read_text())
    del manifest["sha256"]  # as an older version wrote it
    (corpus / "manifest.json").write_text(json.dumps(manifest | changes))
    metadata = json.loads((bundle / "mtkit.json").read_text())
    metadata["config"]["data"]["prepared"] = str(corpus)
    (bundle / "mtkit.json").write_text(json.dumps(metadata))
    return bundle


def test_model_whose_corpus_is_gone_asks_for_a_test_set(toy_run: ToyRun, tmp_path: Path) -> None:
    bundle = bundle_with_corpus(toy_run, tmp_path)
    shutil.rmtree(tmp_path / "corpus")
    error = refused("-m", bundle)
    assert isinstance(error, DataError)
    assert "corpus: the model's corpus is not there" in str(error)
    assert "name a test set with -i FILE --ref FILE" in str(error)


def test_corpus_without_test_sets_asks_for_one(toy_run: ToyRun, tmp_path: Path) -> None:
    error = refused("-m", bundle_with_corpus(toy_run, tmp_path, n_test={}))
    assert "the model's corpus has no test set; name a test set with -i FILE --ref FILE" in str(error)


def test_corpus_of_another_model_is_warned_of(
    toy_run: ToyRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = bundle_with_corpus(toy_run, tmp_path, tokenizer_sha256="0" * 64)
    assert run("-m", bundle, "--metrics", "bleu").exit_code == 0
    assert any("is not the corpus that this model was trained on" in message for message in caplog.messages)


@pytest.mark.slow
def test_long_test_set_is_translated_in_parts_in_order(toy_run: ToyRun, tmp_path: Path) -> None:
    """More lines than are translated at once; the same twenty again and again."""
    lines = toy_run.src.read_text().splitlines()
    (tmp_path / "src").write_text("".join(f"{lines[n % 20]}\n" for n in range(1_030)))
    flags = ["--ref", tmp_path / "src", "-o", tmp_path / "hyp", "--beam-size", "1", "--metrics", "bleu"]
    assert run("-m", toy_run.directory, "-i", tmp_path / "src", *flags).exit_code == 0
    translated = (tmp_path / "hyp").read_text().splitlines()
    assert len(translated) == 1_030
    assert translated == [translated[n % 20] for n in range(1_030)]
