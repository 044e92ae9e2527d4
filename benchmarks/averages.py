"""What averages and schedules reach in equal updates: the loss on the validation set of one recipe, run by run.

    python benchmarks/averages.py [RECIPE] [--runs 3] [--only NAME ...] [--set name=value ...]

Every run is one ``mtkit train`` with a seed of its own; in all runs of a seed the first weights, the pairs and
their order are the same. The loss is that of the last validation, of the weights that the run would give its model.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "recipes" / "sample" / "recipe.yaml"

VARIANTS: dict[str, list[str]] = {
    "linear": ["schedule=linear"],
    "constant": ["schedule=constant"],
    "constant, EMA 0.99": ["schedule=constant", "ema.decay=0.99"],
    "linear, EMA 0.99": ["schedule=linear", "ema.decay=0.99"],
    "wsd": ["schedule=wsd"],
    "schedule_free": ["optimizer=schedule_free", "schedule=constant"],
    "schedule_free, beta2 0.9955": ["optimizer=schedule_free", "schedule=constant", "adam_betas=[0.9,0.9955]"],
    "muon": ["optimizer=muon", "schedule=linear"],
}
"""Settings of the section training by the name of a row."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of mtkit train, for all")
    arguments = parser.parse_args()
    print("| | validation loss, median | of each seed | tokens/s |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only:
            seeds = range(1, arguments.runs + 1)
            figures = [_train(arguments, VARIANTS[name], seed, Path(folder)) for seed in seeds]
            losses = [loss for loss, _ in figures]
            shown = ", ".join(f"{loss:.4f}" for loss in losses)
            speed = statistics.median(speed for _, speed in figures)
            print(f"| {name} | {statistics.median(losses):.4f} | {shown} | {speed:,.0f} |", flush=True)


def _train(arguments: argparse.Namespace, variant: Sequence[str], seed: int, folder: Path) -> tuple[float, float]:
    """One run: the loss of its last validation, and the median of its target tokens a second."""
    run_dir = folder / "run"
    command = [sys.executable, "-m", "mtkit", "train", "-c", str(arguments.recipe), "-o", str(run_dir), "--overwrite"]
    settings = [f"data.prepared={folder / 'prepared'}", "training.validate_text=false", "decoding.beam_size=1"]
    settings += [f"training.{setting}" for setting in variant] + arguments.set
    for setting in [*settings, f"training.seed={seed}"]:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    speeds = [line["tgt_tokens_per_second"] for line in lines if "tgt_tokens_per_second" in line]
    return [line["valid_loss_per_token"] for line in lines if "valid_loss_per_token" in line][-1], statistics.median(
        speeds
    )


if __name__ == "__main__":
    main()
