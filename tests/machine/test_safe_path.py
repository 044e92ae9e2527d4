"""Files of the user's that have the names of libraries: none of them may be executed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = [
    "queue",
    "multiprocessing",
    "torch",
    "random",
    "numpy",
    "json",
    "tempfile",
    "pickle",
    "socket",
    "struct",
    "typing",
]
NAMES += [
    "threading",
    "logging",
    "subprocess",
    "matplotlib",
    "typer",
    "yaml",
    "tqdm",
    "sentencepiece",
    "sacrebleu",
    "ftfy",
]


@pytest.fixture
def bait(tmp_path: Path) -> Path:
    """A working directory with files that leave a mark when they are executed."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'a').write({name + ' '!r})\n")
    return tmp_path


def run(bait: Path, *arguments: str, path: str = str(ROOT)) -> "subprocess.CompletedProcess[str]":
    """Run in the directory of the bait, without what keeps Python itself from looking there."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"} | {"PYTHONPATH": path}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=bait, env=environment, capture_output=True, text=True, check=False)


def executed(bait: Path) -> list[str]:
    mark = bait / "mark"
    return mark.read_text().split() if mark.exists() else []


@pytest.mark.parametrize("command", ["--version", "doctor --help", "describe --preset tiny"])
def test_the_command_takes_no_module_from_the_working_directory(bait: Path, command: str) -> None:
    done = run(bait, "-m", "mtkit", *command.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert executed(bait) == []


@pytest.mark.slow
def test_nor_do_the_processes_that_it_starts(bait: Path) -> None:
    for side in ("en", "de"):
        words = (f"{side} word {number % 97} and {number}" for number in range(66_000))
        (bait / f"a.{side}").write_text("".join(f"{line}\n" for line in words))
    done = run(bait, "-m", "mtkit", "doctor", "--src", "a.en", "--tgt", "a.de", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert executed(bait) == []


@pytest.mark.parametrize("work", ["pool", "sampling"])
def test_nor_do_those_that_python_starts_by_the_library(bait: Path, work: str) -> None:
    """The program that uses mtkit lies elsewhere, and its own path is safe."""
    (bait / "program").mkdir()
    code = """
from mtkit.machine.workers import Workers
if __name__ == "__main__":
    with Workers(2) as workers:
        assert list(workers.map(abs, range(20))) == list(range(20))
        assert workers.running
"""
    if work == "sampling":
        code = """
from pathlib import Path
from mtkit.data.batches.sampling import SamplingRecipe
from mtkit.data.batches.sampling_workers import sampling_workers
from mtkit.settings.sampling import SamplingConfig
from mtkit.errors import DataError
if __name__ == "__main__":
    with sampling_workers(SamplingRecipe(Path("none"), SamplingConfig(), 1, 10), 1) as begin:
        import numpy
        try:
            begin(numpy.zeros(1, dtype=numpy.int64))()
        except DataError:  # there is no such corpus
            pass
"""
    (bait / "program" / "main.py").write_text(code)
    done = run(bait, "program/main.py")
    assert done.returncode == 0, done.stderr
    assert executed(bait) == []
