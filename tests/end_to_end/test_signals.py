"""Ctrl-C and SIGTERM before there is anything to go on from: one line, and nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tiny import save_tiny_bundle

pytestmark = pytest.mark.slow  # each starts a process

RECIPE = """
data:
  src_lang: en
  tgt_lang: de
  train: {src: train.en, tgt: train.de}
  valid: {src: valid.en, tgt: valid.de}
"""


def stopped(directory: Path, number: signal.Signals, *arguments: str, listening: bool = True) -> tuple[int, str]:
    """How a command ends, and what it says, that gets a signal while it opens its first input."""
    (directory / "recipe.yaml").write_text(RECIPE)
    os.mkfifo(directory / "train.en")
    for name in ("train.de", "valid.en", "valid.de"):
        (directory / name).write_text("a\n")
    before = sorted(directory.rglob("*"))
    command = [sys.executable, "-m", "mtkit", *arguments]
    with subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True) as process:
        try:
            with (directory / "train.en").open("wb"):  # opens as soon as the command has opened it
                assert process.stderr is not None
                if not listening:
                    process.stderr.close()
                process.send_signal(number)
                said = process.stderr.read() if listening else ""
                code = process.wait(30)
        finally:
            process.kill()
    assert sorted(directory.rglob("*")) == before
    return code, said


@pytest.mark.parametrize(
    ("number", "arguments", "line"),
    [
        (signal.SIGINT, ("preprocess", "recipe.yaml"), "stopped; nothing was written"),
        (signal.SIGTERM, ("train", "recipe.yaml", "-o", "run"), "stopped before any update; the same command goes on"),
        (signal.SIGTERM, ("doctor", "recipe.yaml"), "stopped"),
    ],
)
def test_a_command_that_is_stopped_says_so(
    tmp_path: Path, number: signal.Signals, arguments: tuple[str, ...], line: str
) -> None:
    assert stopped(tmp_path, number, *arguments) == (130, f"mtkit: {line}\n")


def test_where_nobody_listens_it_ends_all_the_same(tmp_path: Path) -> None:
    assert stopped(tmp_path, signal.SIGTERM, "preprocess", "recipe.yaml", listening=False)[0] == 130


@pytest.mark.parametrize("seconds", [0.2, 3])  # while the processes start, and when they are at work
def test_counting_in_several_processes_stops_at_once(tmp_path: Path, seconds: float) -> None:
    """The pipe ends when the last process has ended; each of the long lines is many seconds of work."""
    lines = [[f"w{n}" for n in range(length)] for length in (*[120] * 3, *[900] * 50)]
    (tmp_path / "ref").write_text("".join(f"{' '.join(words)}\n" for words in lines))
    (tmp_path / "hyp").write_text("".join(f"{' '.join(words[30:] + words[:30])}\n" for words in lines))
    command = [sys.executable, "-m", "mtkit", "evaluate", "--hyp", "hyp", "--ref", "ref", "--metrics", "ter"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("counting the edits of TER in 53 lines on ")
            time.sleep(seconds)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            assert process.communicate(timeout=30) == ("", "mtkit: stopped\n")
            assert process.returncode == 130
        finally:
            process.kill()


@pytest.mark.parametrize("engine", ["ctranslate2", "torch"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_translation_stops_while_a_batch_is_searched(tmp_path: Path, engine: str, number: signal.Signals) -> None:
    """Every batch is minutes of work."""
    save_tiny_bundle(tmp_path / "model", max_length=8_000, d_model=256, d_ff=1024, n_encoder_layers=4)
    (tmp_path / "in.txt").write_text("".join("the cat sat on the mat and " * 100 + f"{n}\n" for n in range(64)))
    command = [sys.executable, "-m", "mtkit", "translate", "-m", "model", "-i", "in.txt", "-o", "out.txt"]
    command += ["--engine", engine, "--device", "cpu", "--precision", "fp32", "--threads", "1", "-b", "50"]
    with subprocess.Popen(
        [*command, "--split", "never"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            while not process.stderr.readline().startswith("translating with"):
                assert process.poll() is None
            time.sleep(1)
            process.send_signal(number)
            assert process.communicate(timeout=30)[0] == ""
            assert process.returncode == 130
        finally:
            process.kill()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "model"]
