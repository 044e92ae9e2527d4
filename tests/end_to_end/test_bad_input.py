"""What users do wrong: one clear line on stderr, the right exit code, nothing half-written, never a traceback."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from mtkit.errors import DeviceError
from mtkit.files.own import owner_of
from mtkit.files.reading import sha256_file
from mtkit.machine.memory import memory_advice
from mtkit.training.run import train
from tests.conftest import ToyTask
from tests.end_to_end.conftest import Outcome


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    """Writes the files of a small corpus and its recipe; arguments replace parts of either."""

    def write(src: bytes | None = None, tgt: bytes | None = None, extra: str = "") -> Path:
        lines = [f"{word} {n}" for n in range(30) for word in ("red", "green", "blue")]
        default = "".join(f"{line}\n" for line in lines).encode()
        for name, content in (("train.en", src), ("train.de", tgt), ("valid.en", None), ("valid.de", None)):
            (tmp_path / name).write_bytes(default if content is None else content)
        path = tmp_path / "recipe.yaml"
        path.write_text(
            "data:\n  src_lang: en\n  tgt_lang: de\n"
            f"  train: {{src: {tmp_path / 'train.en'}, tgt: {tmp_path / 'train.de'}}}\n"
            f"  valid: {{src: {tmp_path / 'valid.en'}, tgt: {tmp_path / 'valid.de'}}}\n"
            f"  prepared: {tmp_path / 'prepared'}\n" + extra
        )
        return path

    return write


@pytest.fixture(scope="module")
def toy_run(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a few updates."""
    run_dir = tmp_path_factory.mktemp("toy_run") / "run"
    train(toy_task.recipe(training__max_updates=3), run_dir)
    return run_dir


def test_results_take_the_place_of_no_file_that_training_writes(toy_task: ToyTask, toy_run: Path) -> None:
    written = [path for path in (*toy_run.rglob("*"), *(toy_task.directory / "prepared").rglob("*")) if path.is_file()]
    assert len(written) > 20
    assert [path for path in written if owner_of(path) is None] == []


def assert_one_line(outcome: Outcome, code: int, *parts: str) -> None:
    errors = [line for line in outcome.err.splitlines() if line.startswith("mtkit: error: ")]
    assert outcome.code == code, outcome.err
    assert len(errors) == 1, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    for part in parts:
        assert part in outcome.err


@pytest.mark.parametrize(
    ("src", "tgt", "extra", "code", "parts"),
    [
        (b"one\ntwo\n", b"eins\n", "", 1, ["train.en has 2 lines", "train.de has 1"]),
        (b"one\nt\xffwo\n", b"eins\nzwei\n", "", 1, ["train.en:2", "byte 2", "not UTF-8"]),
        (b"", b"", "", 1, ["train.en", "empty"]),
        (b"\n\n", b"\n\n", "", 1, ["no training pair is left", "2 empty"]),
        (None, None, "tokenizer: {vocab_size: 30000}\n", 1, ["vocab", "30000", "tokenizer.vocab_size"]),
        (None, None, "tokeniser: {vocab_size: 30}\n", 2, ["recipe.yaml:7", "did you mean tokenizer?"]),
        (None, None, "model: {d_model: 30, n_heads: 4}\n", 2, ["model.n_heads: must divide d_model (30) (got 4)"]),
        (None, None, "model: {d_modle: 8}\ntraining: {sed: 1}\n", 2, ["recipe.yaml:7", "recipe.yaml:8"]),
    ],
)  # fmt: skip
def test_a_bad_corpus_or_recipe_is_one_line_and_writes_nothing(
    mtkit: Callable[..., Outcome],
    recipe: Callable[..., Path],
    tmp_path: Path,
    src: bytes | None,
    tgt: bytes | None,
    extra: str,
    code: int,
    parts: list[str],
) -> None:
    path = recipe(src, tgt, extra)
    before = sorted(tmp_path.iterdir())
    assert_one_line(mtkit("preprocess", path), code, *parts)
    assert_one_line(mtkit("train", "-c", path, "-o", tmp_path / "run"), code, *parts)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["train.en", "valid.de"])
def test_a_missing_file_is_named(
    mtkit: Callable[..., Outcome], recipe: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    path = recipe()
    (tmp_path / name).unlink()
    assert_one_line(mtkit("preprocess", path), 1, name, "No such file")


def test_a_directory_in_place_of_a_file_is_named(
    mtkit: Callable[..., Outcome], recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path = recipe()
    (tmp_path / "train.en").unlink()
    (tmp_path / "train.en").mkdir()
    assert_one_line(mtkit("preprocess", path), 1, "train.en", "directory")


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["train"], 2, ["nothing to train on", "a recipe or a file of pairs", "--src FILE --tgt FILE"]),
        (["train", "-o", "x"], 2, ["nothing to train on"]),
        (["train", "--src", "a.en", "-o", "x"], 2, ["--src and --tgt go together"]),
        (["train", "--src", "a.en", "--tgt", "a.de"], 2, ["-o DIR"]),
        (["train", "--src", "none.en", "--tgt", "none.de", "-o", "x"], 1, ["none.en", "no such file"]),
        (["train", "--src", "a", "--tgt", "b", "-o", "x"], 1, ["a: no such file"]),
        (["train", "-c", "none.yaml", "-o", "x"], 1, ["none.yaml"]),
        (["translate", "-m", "none"], 1, ["none", "no such model"]),
        (["translate"], 2, ["-m DIR"]),
        (["evaluate", "--hyp", "none", "--ref", "none"], 1, ["none"]),
        (["average", "none", "-o", "x", "--last", "2"], 1, ["none", "no checkpoints"]),
        (["average", "none", "-o", "x"], 2, ["--last N or --best N"]),
    ],
)
def test_a_wrong_call_says_what_to_type(
    mtkit: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    parts: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_one_line(mtkit(*arguments), code, *parts)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(mtkit: Callable[..., Outcome], toy_run: Path, recipe: Callable[..., Path]) -> None:
    parts = ("device cuda", "use --device cpu or auto")
    assert_one_line(mtkit("translate", "-m", toy_run, "--device", "cuda"), 1, *parts)
    assert_one_line(mtkit("train", "-c", recipe(), "-o", toy_run.parent / "gpu", "--device", "cuda"), 1, *parts)


def test_a_damaged_and_a_newer_bundle_are_named(mtkit: Callable[..., Outcome], toy_run: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(toy_run / "model", bundle)
    manifest = json.loads((bundle / "mtkit.json").read_text())
    weights = bytearray((bundle / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (bundle / "model.safetensors").write_bytes(weights)
    assert_one_line(mtkit("translate", "-m", bundle, "-i", toy_run / "config.yaml"), 1, "model.safetensors", "sha256")
    (bundle / "mtkit.json").write_text(json.dumps(manifest | {"format_version": 99}))
    assert_one_line(mtkit("translate", "-m", bundle, "-i", toy_run / "config.yaml"), 1, "format 99", "newer")


def test_input_that_is_not_utf8_leaves_no_output(mtkit: Callable[..., Outcome], toy_run: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"1 2 3\n\xff\n")
    outcome = mtkit("translate", "-m", toy_run, "-i", tmp_path / "in", "-o", tmp_path / "out")
    assert_one_line(outcome, 1, "in:2", "not UTF-8")
    assert not (tmp_path / "out").exists()


def test_closed_standard_input_is_one_line(toy_run: Path) -> None:
    command = f'exec "{sys.executable}" -m mtkit translate -m "{toy_run}" <&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("mtkit: error: standard input is closed")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_exhausted_memory_says_what_to_lower(error: Exception) -> None:
    message = r"memory is full; lower training.batch_tokens"
    with pytest.raises(DeviceError, match=message), memory_advice("lower training.batch_tokens"):
        raise error


@pytest.mark.slow
def test_a_full_disk_ends_a_run_with_every_earlier_checkpoint_whole(toy_task: ToyTask, tmp_path: Path) -> None:
    settings = toy_task.recipe(training__max_updates=200, training__save_every=1, training__keep_last=200)
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(settings.config().model_dump(mode="json")))
    command = [sys.executable, "-m", "mtkit", "train", "-c", str(path), "-o", str(tmp_path / "run")]

    def allow_no_file_above_300_kb() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # the optimiser's state is larger

    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=allow_no_file_above_300_kb)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "run").glob("checkpoints/*"))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_files_without_a_language_in_their_names_ask_for_it(mtkit: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("a line\n")
    outcome = mtkit("train", "--src", tmp_path / "a", "--tgt", tmp_path / "b", "-o", tmp_path / "x")
    assert_one_line(outcome, 2, "does not end in a language code", "--src-lang")


def test_links_that_lead_to_themselves_are_one_line(
    mtkit: Callable[..., Outcome], toy_run: Path, tmp_path: Path
) -> None:
    loop = tmp_path / "recipe.yaml"
    loop.symlink_to(loop.name)
    assert_one_line(mtkit("train", "-c", loop, "-o", tmp_path / "run"), 1, "recipe.yaml", "symbolic links")
    assert_one_line(mtkit("translate", "-m", toy_run, "-i", toy_run / "config.yaml", "-o", loop), 1, "recipe.yaml")
    assert_one_line(mtkit("translate", "-m", loop), 1, "recipe.yaml")


@pytest.mark.parametrize("config", [[], None, "x", {"data": []}, {"data": {"train": 3}}, {"model": {"d_model": []}}])
def test_a_bundle_whose_recipe_is_none_is_one_line(
    mtkit: Callable[..., Outcome], toy_run: Path, tmp_path: Path, config: object
) -> None:
    bundle = shutil.copytree(toy_run / "model", tmp_path / "bundle")
    manifest = json.loads((bundle / "mtkit.json").read_text())
    (bundle / "mtkit.json").write_text(json.dumps(manifest | {"config": config}))
    outcome = mtkit("evaluate", "-m", bundle)
    assert outcome.code in (1, 2)
    assert "mtkit: error: " in outcome.err
    assert "Traceback" not in outcome.err


def test_a_finished_run_whose_model_is_damaged_writes_it_again(
    toy_task: ToyTask, toy_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(toy_run, tmp_path / "run", symlinks=True)
    weights = (run / "model" / "model.safetensors").read_bytes()
    settings = toy_task.recipe(training__max_updates=3)
    for name in ("model.safetensors", "mtkit.json", "tokenizer.model"):
        (run / "model" / name).write_bytes(b"")
        train(settings, run)
        assert (run / "model" / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    "name", ["corpus.json", "fitted.json", "machine.json", "config.yaml", "metrics.jsonl", "train.log", ".lock"]
)
@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 50_000, b'{"bits": "x", "workers": null}', b"pipe"])
def test_what_a_run_remembers_is_read_or_refused_in_one_line(
    mtkit: Callable[..., Outcome], toy_task: ToyTask, toy_run: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    run = shutil.copytree(toy_run, tmp_path / "run", symlinks=True)
    recipe = tmp_path / "toy.yaml"
    recipe.write_text(yaml.safe_dump(toy_task.recipe(training__max_updates=3).config().model_dump(mode="json")))
    if content == b"pipe":
        (run / name).unlink()
        os.mkfifo(run / name)
    else:
        (run / name).write_bytes(content)
    outcome = mtkit("train", "-c", recipe, "-o", run)
    assert outcome.code in (0, 1, 2)
    assert "Traceback" not in outcome.err
    assert outcome.code == 0 or ("mtkit: error: " in outcome.err and name in outcome.err)


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ({"train": [], "valid": [], "tokenizer": ["0" * 64]}, "the tokenizer is not the one that the run began with"),
        ([], "corpus.json: damaged"),
        ({"tokenizer": 3}, "corpus.json: damaged"),
    ],
)
def test_a_checkpoint_beside_another_tokenizer_is_refused(
    mtkit: Callable[..., Outcome], toy_run: Path, tmp_path: Path, note: object, message: str
) -> None:
    run = shutil.copytree(toy_run, tmp_path / "run", symlinks=True)
    assert json.loads((run / "corpus.json").read_text())["tokenizer"] == [sha256_file(run / "tokenizer.model")]
    (run / "corpus.json").write_text(json.dumps(note))
    arguments = ("translate", "-m", run / "last", "-i", run / "config.yaml", "-o", tmp_path / "out")
    assert_one_line(mtkit(*arguments), 1, message)
    assert_one_line(mtkit("average", run, "-o", tmp_path / "averaged", "--last", 1), 1, message)
