"""Runs a command as a process of its own and measures it; describes the machine; lays out tables."""

import argparse
import importlib.metadata
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PROBE = """
import statistics, time, torch
matrix = torch.randn(1024, 1024)
def once():
    start = time.perf_counter()
    matrix @ matrix
    return time.perf_counter() - start
once()
print(2 * 1024**3 / statistics.median(once() for _ in range(15)) / 1e9)
"""


class ToolError(Exception):
    """A tool did not do its work; the message says where its output lies."""


@dataclass(frozen=True)
class Finished:
    """A command that has run."""

    log: Path
    """What it printed, both streams."""

    seconds: float
    peak_megabytes: float
    """The largest resident set of the process or of any child that it waited for."""


def environment(threads: int | None) -> dict[str, str]:
    """For the other tools: so many threads (by default one a core), no GPU, no network, old checkpoints readable."""
    return os.environ | {
        "OMP_NUM_THREADS": str(threads or os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
        "PYTHONWARNINGS": "ignore",
    }


def mtkit_environment(threads: int | None) -> dict[str, str]:
    """For mtkit: nothing but what keeps it off a GPU, and threads where they were asked for."""
    chosen = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    return os.environ | {"CUDA_VISIBLE_DEVICES": ""} | chosen


def run(
    command: Sequence[str | Path],
    log: Path,
    env: Mapping[str, str],
    stdin: Path | None = None,
    stdout: Path | None = None,
) -> Finished:
    """Run a command from the root of the repository; what it prints goes to ``log``, standard output to ``stdout``.

    Raises:
        ToolError: If it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        printed = stack.enter_context(log.open("wb"))
        out = stack.enter_context(stdout.open("wb")) if stdout else printed
        given = stack.enter_context((stdin or Path(os.devnull)).open("rb"))
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, env=dict(env), stdin=given, stdout=out, stderr=printed
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = log.read_text(errors="replace").strip().rsplit("\n", 1)[-1]
        raise ToolError(f"exit {process.returncode}: {last} ({log})")
    return Finished(log, seconds, usage.ru_maxrss / 1024)


def probe(threads: int | None) -> float:
    """GFLOP/s in a float32 product of 1024 x 1024 matrices: what the machine gives at this moment."""
    command = [sys.executable, "-c", _PROBE]
    return float(subprocess.run(command, env=environment(threads), check=True, capture_output=True, text=True).stdout)


def machine(threads: int | None) -> str:
    """One paragraph: the processor, the libraries, the day and the command."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().split("\n")
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
        flags = next((line.split() for line in lines if line.startswith("flags")), [])
        wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
        model = f"{model} ({', '.join(wide)})"
    cores = len(os.sched_getaffinity(0))
    used = environment(threads)["OMP_NUM_THREADS"]
    torch = importlib.metadata.version("torch")
    words = Path(sys.argv[0]).relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    command = shlex.join(["python", "-m", words, *sys.argv[1:]])
    return (
        f"{model}, {cores} cores, {used} threads; Python {platform.python_version()}, torch {torch}; "
        f"{date.today().isoformat()}\n\n    {command}"
    )


def spread(values: Sequence[float], digits: int = 0) -> list[str]:
    """Median, minimum and maximum, as cells of a table."""
    return [f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def common_arguments(parser: argparse.ArgumentParser) -> None:
    """What both programs ask."""
    parser.add_argument("--src", type=Path, required=True, help="training text, source side (plain, .gz, .zst)")
    parser.add_argument("--tgt", type=Path, required=True, help="training text, target side")
    parser.add_argument("--venvs", type=Path, required=True, help="directory of one virtual environment a tool")
    parser.add_argument("--work", type=Path, required=True, help="directory for data, models and logs; kept")
    parser.add_argument("--tools", nargs="*", help="only these; default: all that are installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="for every tool; default: one a core, and mtkit chooses itself")
