"""Training speed and memory of mtkit beside other toolkits, in turn, on the reference work.

    python -m benchmarks.peers.training --src train.en --tgt train.de --venvs DIR --work DIR [--rounds 3]

Three layers each side, d_model 256, d_ff 1024, 4 heads, tied embeddings, 8,000 joint pieces that are the same for
everybody, batches of 4,096 target tokens with their padding. Each round runs every tool once as a process of its own,
mtkit first. Tokens are real target tokens, ends of sentence counted and padding not, of the updates after the warm-up.
``DIR/TOOL`` is a virtual environment for each tool; README.md says what to install. Whatever is absent is skipped.
"""

import argparse
import json
import re
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree

import yaml

from benchmarks.peers import configs
from benchmarks.peers.installed import interpreter
from benchmarks.peers.preparation import prepare_work
from benchmarks.peers.processes import (
    Finished,
    ToolError,
    common_arguments,
    environment,
    machine,
    mtkit_environment,
    probe,
    run,
    spread,
    table,
)
from benchmarks.peers.reference import Work, real_tokens, recipe

# A window of updates: real target tokens per second, and real target tokens per update where the tool tells.
Window = tuple[float, float | None]

_OPENNMT_LINE = re.compile(r"bsz: *\d+/ *(\d+)/ *\d+; *\d+/ *(\d+) tok/s")
_JOEYNMT_LINE = re.compile(r"Tokens per Sec: +(\d+)")
_LOOP_LINE = re.compile(r"window (\d+) updates (\d+) tokens ([\d.]+) seconds")


@dataclass(frozen=True)
class Job:
    """What each run of a tool gets."""

    work: Work
    runs: Path
    """For run directories, settings and logs."""
    updates: int
    window: int
    threads: int | None
    batch_tokens: int
    """Real target tokens of an update, for mtkit, which does not count padding."""
    all_tokens: int
    """Real target tokens of the corpus."""

    def fresh(self, name: str) -> Path:
        """A directory that does not exist yet."""
        rmtree(self.runs / name, ignore_errors=True)
        return self.runs / name

    def settings(self, name: str, content: object) -> Path:
        """Write a YAML file."""
        path = self.runs / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    def run(self, name: str, *command: str | Path) -> Finished:
        """Run another tool."""
        return run(command, self.runs / f"{name}.log", environment(self.threads))


Train = Callable[[Job, Path], tuple[Finished, list[Window]]]


def train_mtkit(job: Job, python: Path, precision: str = "auto") -> tuple[Finished, list[Window]]:
    """``mtkit train recipe.yaml`` with default settings; speeds from ``metrics.jsonl``."""
    directory, path = job.fresh("mtkit"), job.runs / "mtkit.yaml"
    never = f"  validate_every: {configs.NEVER}\n  save_every: {configs.NEVER}\n"
    lines = f"  batch_tokens: {job.batch_tokens}\n  max_updates: {job.updates}\n  report_every: {job.window}\n{never}"
    path.write_text(recipe(job.work, lines), encoding="utf-8")
    command: list[str | Path] = [python, "-m", "mtkit", "train", path, "-o", directory, "--precision", precision]
    finished = run(command, job.runs / "mtkit.log", mtkit_environment(job.threads))
    records = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    reports = [record for record in records if "tgt_tokens_per_second" in record]
    tokens = reports[-1]["epoch"] * job.all_tokens / reports[-1]["update"]
    return finished, [(report["tgt_tokens_per_second"], tokens) for report in reports]


def train_plain(job: Job, python: Path, precision: str = "fp32") -> tuple[Finished, list[Window]]:
    """A loop around ``nn.Transformer``, which takes its own time."""
    return _loop(job, python, "plain", precision)


def train_marian(job: Job, python: Path, precision: str = "fp32") -> tuple[Finished, list[Window]]:
    """The same loop around Hugging Face's MarianMT."""
    return _loop(job, python, "marian", precision)


def _loop(job: Job, python: Path, kind: str, precision: str) -> tuple[Finished, list[Window]]:
    program = ("-m", "benchmarks.peers.loops", kind, job.work.directory)
    finished = job.run(kind, python, *program, str(job.updates), str(job.window), precision)
    found = [tuple(map(float, line)) for line in _LOOP_LINE.findall(finished.log.read_text())]
    return finished, [(tokens / seconds, tokens / updates) for updates, tokens, seconds in found]


def train_eole(job: Job, python: Path, precision: str = "fp32") -> tuple[Finished, list[Window]]:
    """``eole train``; speeds and batches from its own log lines."""
    directory = job.fresh("eole")
    path = job.settings("eole", configs.eole(job.work, str(directory), job.updates, job.window, precision))
    return _opennmt(job.run("eole", python.with_name("eole"), "train", "-config", path))


def train_opennmt_py(job: Job, python: Path) -> tuple[Finished, list[Window]]:
    """``onmt_train``; speeds and batches from its own log lines."""
    path = job.settings("onmt", configs.opennmt_py(job.work, str(job.runs / "onmt"), job.updates, job.window))
    return _opennmt(job.run("onmt", python, "-m", "onmt.bin.train", "-config", path))


def _opennmt(finished: Finished) -> tuple[Finished, list[Window]]:
    found = _OPENNMT_LINE.findall(finished.log.read_text())
    return finished, [(float(speed), float(tokens)) for tokens, speed in found]


def train_joeynmt(job: Job, python: Path) -> tuple[Finished, list[Window]]:
    """``joeynmt train``; speeds from its own log lines, which do not tell the tokens of a batch."""
    directory = job.fresh("joeynmt")
    path = job.settings("joeynmt", configs.joeynmt(job.work, str(directory), job.updates, job.window))
    finished = job.run("joeynmt", python, "-m", "joeynmt", "train", path, "--skip-test")
    return finished, [(float(speed), None) for speed in _JOEYNMT_LINE.findall(finished.log.read_text())]


TOOLS: dict[str, tuple[str | None, Train]] = {
    "mtkit": (None, train_mtkit),
    "mtkit fp32": (None, partial(train_mtkit, precision="fp32")),
    "bare nn.Transformer loop": (None, train_plain),
    "bare nn.Transformer loop, bf16": (None, partial(train_plain, precision="bf16")),
    "Hugging Face MarianMT, bare loop": ("hf", train_marian),
    "Hugging Face MarianMT, bare loop, bf16": ("hf", partial(train_marian, precision="bf16")),
    "eole": ("eole", train_eole),
    "eole, bf16": ("eole", partial(train_eole, precision="bf16")),
    "OpenNMT-py": ("onmt", train_opennmt_py),
    "JoeyNMT": ("joeynmt", train_joeynmt),
}


@dataclass(frozen=True)
class Result:
    """One run of one tool."""

    speed: float
    tokens: float | None
    peak_megabytes: float
    seconds: float
    machine: float


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    job = _job(arguments)
    chosen = arguments.tools or list(TOOLS)
    pythons = {name: interpreter(arguments.venvs, TOOLS[name][0]) for name in TOOLS if name in chosen}
    results: dict[str, list[Result]] = {name: [] for name, python in pythons.items() if python}
    for number in range(1, arguments.rounds + 1):
        for name in list(results):
            python = pythons[name]
            assert python is not None
            gflops = probe(arguments.threads)
            try:
                result = _measure(TOOLS[name][1], job, python, arguments.warmup, gflops)
            except ToolError as error:
                print(f"{name}: left out, {error}", file=sys.stderr)
                del results[name]
                continue
            results[name].append(result)
            print(f"round {number}, {name}: {result.speed:,.0f} tokens/s, {gflops:.0f} GFLOP/s", file=sys.stderr)
    _print(results, arguments)


def _measure(train: Train, job: Job, python: Path, warmup: int, gflops: float) -> Result:
    """The windows after the warm-up, each with the same number of updates, as one figure."""
    finished, windows = train(job, python)
    counted = windows[warmup // job.window :]
    if not counted:
        raise ToolError(f"no speed to be found in {finished.log}")
    tokens = [tokens for _, tokens in counted if tokens is not None]
    speed = statistics.harmonic_mean([speed for speed, _ in counted])
    return Result(speed, statistics.mean(tokens) if tokens else None, finished.peak_megabytes, finished.seconds, gflops)


def _print(results: dict[str, list[Result]], arguments: argparse.Namespace) -> None:
    ours = statistics.median(result.speed for result in results["mtkit"]) if "mtkit" in results else None
    rows = []
    for name, of_tool in results.items():
        speeds = [result.speed for result in of_tool]
        tokens = [result.tokens for result in of_tool if result.tokens is not None]
        rows.append(
            [
                name,
                *spread(speeds),
                f"{ours / statistics.median(speeds):.2f}" if ours else "-",
                f"{max(result.peak_megabytes for result in of_tool):,.0f}",
                f"{statistics.mean(tokens):,.0f}" if tokens else "-",
                f"{statistics.median(result.seconds for result in of_tool):.0f}",
                f"{statistics.median(result.machine for result in of_tool):.0f}",
            ]
        )
    header = ["tool", "tokens/s, median", "min", "max", "mtkit / it", "peak MB", "tokens an update", "process s"]
    print(machine(arguments.threads), end="\n\n")
    print(table([*header, "probe GFLOP/s"], rows))
    others = {name: of_tool for name, of_tool in results.items() if not name.startswith("mtkit")}
    if ours and others:
        fastest = max(others, key=lambda name: statistics.median(result.speed for result in others[name]))
        pairs = zip(results["mtkit"], others[fastest], strict=True)
        ratios = [us.speed / other.speed for us, other in pairs]
        middle, low, high = spread(ratios, 2)
        print(f"\nmtkit / fastest other ({fastest}), round by round: median {middle} ({low} to {high})")


def _job(arguments: argparse.Namespace) -> Job:
    """Settle what every run gets."""
    work = prepare_work(arguments)
    (runs := arguments.work.resolve() / "training").mkdir(exist_ok=True)
    pairs = list(zip(work.ids("train.ids.src"), work.ids("train.ids.tgt"), strict=True))
    return Job(
        work,
        runs,
        updates=arguments.updates,
        window=arguments.window,
        threads=arguments.threads,
        batch_tokens=real_tokens(pairs),
        all_tokens=sum(len(tgt) + 1 for _, tgt in pairs),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common_arguments(parser)
    parser.add_argument("--updates", type=int, default=20, help="of each run")
    parser.add_argument("--warmup", type=int, default=5, help="updates at the beginning that do not count")
    parser.add_argument("--window", type=int, default=5, help="updates between two reports")
    arguments = parser.parse_args()
    if arguments.updates % arguments.window or arguments.warmup % arguments.window:
        parser.error("--updates and --warmup are multiples of --window")
    if unknown := set(arguments.tools or ()) - set(TOOLS):
        parser.error(f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    return arguments


if __name__ == "__main__":
    main()
