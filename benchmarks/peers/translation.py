"""Translation speed of mtkit beside CTranslate2 and other toolkits' own decoders, in turn, with the same weights.

    python -m benchmarks.peers.translation --src train.en --tgt train.de --test test.en --venvs DIR --work DIR

Once, mtkit trains the reference model (with post-norm, which all but eole can express) for ``--train-updates``; its
weights are given to Hugging Face's MarianMT, CTranslate2 and JoeyNMT under their names. eole gets random weights and
writes as many tokens for each line as mtkit does on average. The test set is taken three times over by mtkit and
CTranslate2, once by the slower ones. Each round runs every tool once; lines per second are of the time that one line
less takes: start-up does not count. mtkit reads and writes text, the others read and write pieces.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import yaml

from benchmarks.peers import configs
from benchmarks.peers.installed import interpreter
from benchmarks.peers.preparation import encode, prepare_work, write_lines
from benchmarks.peers.processes import (
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
from benchmarks.peers.reference import Work, recipe

MAX_LENGTH = 60  # output tokens; mtkit has its own default
REPEATS = 3  # of the test set, for the fast ones


@dataclass(frozen=True)
class Command:
    """A process and where it reads and writes, if not from and to files that it was told of."""

    words: Sequence[str | Path]
    stdin: Path | None = None
    stdout: Path | None = None


@dataclass(frozen=True)
class Job:
    """What is translated, and by which models."""

    work: Work
    models: Path
    """Directory of the models, under their tools' names, and of what is written."""
    threads: int | None
    tokens_per_line: int
    """That mtkit writes on average, the end of sentence counted."""

    def text(self, name: str) -> Path:
        """Lines to translate."""
        return self.work.file(f"{name}.src")

    def pieces(self, name: str) -> Path:
        """The same lines in pieces."""
        return self.work.file(f"{name}.pieces.src")


Build = Callable[[Job, Path, str, Path, int], Command]


def mtkit(job: Job, python: Path, name: str, output: Path, beam: int) -> Command:
    """``mtkit translate``, as a user types it."""
    model = job.models / "mtkit"
    files: list[str | Path] = ["-m", model, "-i", job.text(name), "-o", output]
    return Command([python, "-m", "mtkit", "translate", *files, "-b", str(beam)])


def library(kind: str) -> Build:
    """One of ``decoders.py``."""

    def build(job: Job, python: Path, name: str, output: Path, beam: int) -> Command:
        place = [job.models, job.pieces(name), output]
        return Command([python, "-m", "benchmarks.peers.decoders", kind, *place, str(beam), str(MAX_LENGTH)])

    return build


def joeynmt(job: Job, python: Path, name: str, output: Path, beam: int) -> Command:
    """``joeynmt translate``, batches of 64 sentences; its option ``-o`` fails in version 2.3."""
    settings = configs.joeynmt(job.work, str(job.models / "joeynmt"), 1, 1, norm="post")
    weights = str(job.models / "joeynmt" / "weights.ckpt")
    settings["testing"] |= {"beam_size": beam, "max_output_length": MAX_LENGTH, "load_model": weights}
    path = job.models / "joeynmt.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return Command([python, "-m", "joeynmt", "translate", path], stdin=job.pieces(name), stdout=output)


def eole(job: Job, python: Path, name: str, output: Path, beam: int) -> Command:
    """``eole predict``, batches of 64 sentences, every output of one length."""
    length = ["-min_length", str(job.tokens_per_line), "-max_length", str(job.tokens_per_line)]
    size = ["-batch_size", "64", "-batch_type", "sents"]
    files: list[str | Path] = ["-model_path", job.models / "eole", "-src", job.pieces(name), "-output", output]
    return Command([python.with_name("eole"), "predict", *files, "-beam_size", str(beam), *length, *size])


# Virtual environment (none: this one), whether it is among the fast ones, the command.
TOOLS: dict[str, tuple[str | None, bool, Build]] = {
    "mtkit": (None, True, mtkit),
    "CTranslate2 int8": ("hf", True, library("int8")),
    "CTranslate2 float32": ("hf", True, library("float32")),
    "Hugging Face generate": ("hf", False, library("marian")),
    "JoeyNMT": ("joeynmt", False, joeynmt),
    "eole": ("eole", False, eole),
}


@dataclass(frozen=True)
class Result:
    """One run of one tool."""

    speed: float
    startup_seconds: float
    peak_megabytes: float
    machine: float
    output: tuple[str, ...]
    """Translations of the test set, as text."""


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    chosen = arguments.tools or list(TOOLS)
    pythons = {name: interpreter(arguments.venvs, TOOLS[name][0]) for name in TOOLS if name in chosen}
    present = {name: python for name, python in pythons.items() if python}
    job = _prepare(arguments, present)
    print(machine(arguments.threads), end="\n\n")
    for beam in arguments.beams:
        results: dict[str, list[Result]] = {name: [] for name in present}
        for number in range(1, arguments.rounds + 1):
            for name in list(results):
                try:
                    results[name].append(_measure(name, job, present[name], beam))
                except ToolError as error:
                    print(f"{name}: left out, {error}", file=sys.stderr)
                    del results[name]
                    continue
                print(f"beam {beam}, round {number}, {name}: {results[name][-1].speed:.1f} lines/s", file=sys.stderr)
        _print(results, beam, job.work)


def _measure(name: str, job: Job, python: Path, beam: int) -> Result:
    """Time one line and all of them; the difference is what the lines take."""
    venv, fast, build = TOOLS[name]
    env = environment(job.threads) if venv else mtkit_environment(job.threads)
    gflops = probe(job.threads)
    output, log = job.models / "output.txt", job.models / "translation.log"
    seconds, peak = [], 0.0
    for source in ("one", "long" if fast else "test"):
        output.unlink(missing_ok=True)
        command = build(job, python, source, output, beam)
        finished = run(command.words, log, env, command.stdin, command.stdout)
        seconds.append(finished.seconds)
        peak = max(peak, finished.peak_megabytes)
    n_lines = len(_lines(job.text("test"))) * (REPEATS if fast else 1)
    found = _lines(output)
    if len(found) != n_lines:
        raise ToolError(f"{len(found)} lines for {n_lines} ({log})")
    if name != "mtkit":
        found = ["".join(line.split()).replace("▁", " ").strip() for line in found]
    shown = tuple(found[: n_lines // REPEATS] if fast else found)
    if (difference := seconds[1] - seconds[0]) <= 0:
        raise ToolError(f"{n_lines} lines took no longer than one: give it more of them")
    return Result((n_lines - 1) / difference, seconds[0], peak, gflops, shown)


def _print(results: dict[str, list[Result]], beam: int, work: Work) -> None:
    ours = results.get("mtkit")
    speed = statistics.median(result.speed for result in ours) if ours else None
    rows = []
    for name, of_tool in results.items():
        speeds = [result.speed for result in of_tool]
        text = of_tool[0].output
        same = statistics.mean(a == b for a, b in zip(text, ours[0].output, strict=True)) if ours else None
        rows.append(
            [
                name,
                *spread(speeds, 1),
                f"{speed / statistics.median(speeds):.2f}" if speed else "-",
                f"{max(result.peak_megabytes for result in of_tool):,.0f}",
                f"{statistics.median(result.startup_seconds for result in of_tool):.1f}",
                f"{_tokens_per_line(work, text):.1f}",
                "-" if same is None or name == "eole" else f"{100 * same:.1f} %",
                f"{statistics.median(result.machine for result in of_tool):.0f}",
            ]
        )
    header = [f"beam {beam}", "lines/s, median", "min", "max", "mtkit / it", "peak MB", "one line, s"]
    print(table([*header, "tokens a line", "same as mtkit", "probe GFLOP/s"], rows), end="\n\n", flush=True)


def _prepare(arguments: argparse.Namespace, pythons: dict[str, Path]) -> Job:
    """Text, a trained model, and its weights for the others; what is there already is kept."""
    work = prepare_work(arguments)
    write_lines(work.file("test.src"), arguments.test, arguments.lines)
    lines = _lines(work.file("test.src"))
    for name, some in (("one", lines[:1]), ("long", lines * REPEATS)):
        work.file(f"{name}.src").write_text("".join(f"{line}\n" for line in some), encoding="utf-8")
    for name in ("one", "test", "long"):
        encode(work, name)
    models = arguments.work.resolve() / f"translation-{arguments.train_updates}"
    models.mkdir(exist_ok=True)
    _train(work, models, arguments)
    job = Job(work, models, arguments.threads, tokens_per_line=0)
    env = environment(arguments.threads)
    _write_pieces(work, models / "pieces.txt")
    if python := next((python for name, python in pythons.items() if TOOLS[name][0] == "hf"), None):
        run([python, "-m", "benchmarks.peers.weights", models / "mtkit" / "model", models], models / "weights.log", env)
    output = models / "first.txt"
    command = mtkit(job, Path(sys.executable), "test", output, max(arguments.beams))
    run(command.words, models / "first.log", mtkit_environment(arguments.threads))
    tokens = round(_tokens_per_line(work, _lines(output)))
    if "eole" in pythons and not (models / "eole" / "config.json").exists():
        rmtree(models / "eole", ignore_errors=True)
        (path := models / "eole.yaml").write_text(yaml.safe_dump(configs.eole(work, str(models / "eole"), 1, 1)))
        run([pythons["eole"].with_name("eole"), "train", "-config", path], models / "eole.log", env)
    return Job(work, models, arguments.threads, tokens)


def _train(work: Work, models: Path, arguments: argparse.Namespace) -> None:
    """The same command again finds the run finished."""
    updates = arguments.train_updates
    lines = f"  batch_tokens: 3500\n  max_updates: {updates}\n  warmup_updates: {updates // 3}\n"
    lines += f"  learning_rate: 1.5e-3\n  schedule: linear\n  validate_every: {updates}\n  save_every: {updates}"
    (path := models / "recipe.yaml").write_text(recipe(work, lines, model="  norm: post"), encoding="utf-8")
    command: list[str | Path] = [sys.executable, "-m", "mtkit", "train", path, "-o", models / "mtkit"]
    print(f"training the model for {updates} updates, once", file=sys.stderr)
    run(command, models / "train.log", mtkit_environment(arguments.threads))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def _write_pieces(work: Work, path: Path) -> None:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(work.tokenizer))
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    path.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")


def _tokens_per_line(work: Work, lines: Sequence[str]) -> float:
    """With the end of sentence."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(work.tokenizer))
    return statistics.mean(len(ids) + 1 for ids in processor.encode(list(lines)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common_arguments(parser)
    parser.add_argument("--test", type=Path, required=True, help="text to translate")
    parser.add_argument("--lines", type=int, help="of the test set; default: all")
    parser.add_argument("--beams", type=int, nargs="+", default=[5, 1])
    parser.add_argument("--train-updates", type=int, default=500, help="of the model that all share")
    arguments = parser.parse_args()
    if unknown := set(arguments.tools or ()) - set(TOOLS):
        parser.error(f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    return arguments


if __name__ == "__main__":
    main()
