"""What a model scores after a fixed time from the corpus's files on, everything included: ``mtkit train --minutes``.

    python benchmarks/quality.py [RECIPE] [--minutes 1] [--runs 3] [--threads N] [--set name=value ...]

Every run starts from nothing in an empty folder, with a seed of its own, and is one command: preparing the corpus,
training, validations, averaging, export and the scores of the test sets. The wall time is that of the whole process.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "recipes" / "sample" / "recipe.yaml"
COLUMNS = {"BLEU": 2, "chrF2": 2, "updates": 0, "wall time, s": 0}  # with their digits
SCORE = re.compile(r"^  (BLEU|chrF2) +(\d+\.\d+)", re.MULTILINE)  # as the command prints it


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of mtkit train")
    arguments = parser.parse_args()
    header = ["seed", *COLUMNS]
    print(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    results = []
    for seed in range(1, arguments.runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            results.append(_train(arguments, seed, Path(folder)))
        print(_row(str(seed), results[-1]), flush=True)
    print(_row("median", [statistics.median(column) for column in zip(*results, strict=True)]))


def _train(arguments: argparse.Namespace, seed: int, folder: Path) -> list[float]:
    """One run: the figures of COLUMNS."""
    command = [sys.executable, "-m", "mtkit", "train", "-c", str(arguments.recipe), "-o", str(folder / "run")]
    command += ["--minutes", str(arguments.minutes), "--seed", str(seed)]
    command += ["--threads", str(arguments.threads)] if arguments.threads else []
    for setting in [f"data.prepared={folder / 'prepared'}", *arguments.set]:
        command += ["--set", setting]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr)
    scores = dict(SCORE.findall(done.stdout)[:2])
    last = json.loads((folder / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    return [float(scores["BLEU"]), float(scores["chrF2"]), last["update"], seconds]


def _row(name: str, figures: Sequence[float]) -> str:
    shown = [f"{figure:,.{digits}f}" for figure, digits in zip(figures, COLUMNS.values(), strict=True)]
    return f"| {' | '.join([name, *shown])} |"


if __name__ == "__main__":
    main()
