"""What methods of training are worth: each at as many updates as plain training makes, and at as much time.

    python -m benchmarks.methods --src train.en --tgt train.de --valid val.en val.de --test test.en test.de
        [--preset mini] [--updates 2000] [--seeds 3] [--methods plain r_drop ...] [--work DIR]

First each method makes some updates in turn with the others, for several rounds: the median of its seconds an update
over that of plain training is its cost. Every run then ends after a number of updates, so that other programs on the
machine change how long this takes and nothing else: "equal updates" are those of plain training, "equal time" is that
number divided by the cost. Scores are those of the test set and of a copy whose source has typing errors, lost words
and fewer capitals. DIR keeps every run, and what is there already is not made again.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import yaml

from mtkit.data.batches.augment import noised, recased, with_typos
from mtkit.settings.sampling import CasingConfig, NoiseConfig

METHODS: dict[str, dict[str, object]] = {
    "plain": {},
    "R-Drop": {"training.consistency.method": "r_drop"},
    "SimCut": {"training.consistency.method": "simcut"},
    "FGM": {"training.adversarial.method": "fgm"},
    "VAT": {"training.adversarial.method": "vat"},
    "EMA": {"training.ema.decay": 0.999},
    "Schedule-Free": {"training.optimizer": "schedule_free", "training.schedule": "constant"},
    "DoT": {"pretraining.task": "parallel_denoise", "pretraining.share": 0.33},
}
CALIBRATION = 150  # updates of a run that measures the cost
ROUNDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", type=Path, required=True)
    parser.add_argument("--tgt", type=Path, required=True)
    parser.add_argument("--valid", type=Path, nargs=2, required=True)
    parser.add_argument("--test", type=Path, nargs=2, required=True)
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--updates", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of mtkit train")
    parser.add_argument("--work", type=Path, default=Path("runs/methods"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    recipe = _write_recipe(arguments)
    costs = _costs(recipe, arguments)
    print("| method | cost | updates | BLEU | chrF2 | noised BLEU | noised chrF2 |\n|" + " --- |" * 7)
    for name in arguments.methods:
        equal_time = round(arguments.updates / costs[name])
        for updates in dict.fromkeys((arguments.updates, equal_time)):
            scores = [_scores(recipe, name, updates, seed, arguments) for seed in range(1, arguments.seeds + 1)]
            print(_row(name, costs[name], updates, scores), flush=True)


def _write_recipe(arguments: argparse.Namespace) -> Path:
    """The recipe of all runs, with the noised test set beside the clean one."""
    src, tgt = arguments.test
    noisy = arguments.work / "noised.src"
    lines = src.read_text(encoding="utf-8").splitlines()
    noisy.write_text("".join(f"{_noised(line, Random(number))}\n" for number, line in enumerate(lines)), "utf-8")
    recipe = {
        "name": "methods",
        "data": {
            "src_lang": "src",
            "tgt_lang": "tgt",
            "prepared": str(arguments.work / "prepared"),
            "train": {"src": str(arguments.src), "tgt": str(arguments.tgt)},
            "valid": dict(zip(("src", "tgt"), map(str, arguments.valid), strict=True)),
            "test": [
                {"name": "clean", "src": str(src), "tgt": str(tgt)},
                {"name": "noised", "src": str(noisy), "tgt": str(tgt)},
            ],
        },
        "tokenizer": {"type": "unigram", "vocab_size": 6_000},
        "model": {"preset": arguments.preset},
        "training": {
            "batch_tokens": 1_750,
            "schedule": "linear",
            "learning_rate": 3e-3,
            "warmup_updates": 200,
            "validate_text": False,
            "early_stopping": {"metric": "loss"},
            "threads": 1,
        },
    }
    path = arguments.work / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return path


def _noised(text: str, draw: Random) -> str:
    """A line with slips of the keyboard, one word in twenty lost, and one line in four without capitals."""
    text = with_typos(text, draw, 0.15)
    text = noised(text, draw, NoiseConfig(probability=1.0, drop=0.05, swap=0))
    return recased(text, "", draw, CasingConfig(lower=0.25))[0]


def _costs(recipe: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds an update of each method over those of plain training, medians of rounds in turn; kept in a file."""
    path = arguments.work / "costs.json"
    if path.exists():
        return json.loads(path.read_text())
    names = list(dict.fromkeys(("plain", *arguments.methods)))
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(ROUNDS):
        for name in names:
            run = arguments.work / "costs" / f"{name}-{number}"
            every = {"training.report_every": CALIBRATION // 3, "training.validate_every": CALIBRATION}
            _train(recipe, run, METHODS[name] | every, CALIBRATION, seed=1, extra=arguments.set)
            seconds[name].append(_seconds_per_update(run))
    costs = {name: statistics.median(found) / statistics.median(seconds["plain"]) for name, found in seconds.items()}
    path.write_text(json.dumps(costs))
    return costs


def _seconds_per_update(run: Path) -> float:
    """Of the last stretch that was reported; a stage before it costs as much."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in lines if "tgt_tokens_per_second" in line][-1]
    return 1 / last["tgt_tokens_per_second"]


def _scores(recipe: Path, name: str, updates: int, seed: int, arguments: argparse.Namespace) -> dict[str, float]:
    """BLEU and chrF2 of both test sets after one run."""
    run = arguments.work / f"{name}-{updates}-{seed}"
    every = {"training.validate_every": max(1, updates // 10), "training.save_every": max(1, updates // 10)}
    every |= {"training.keep_last": 5, "training.average.n": 5} if name in ("plain", "average") else {}
    _train(recipe, run, METHODS[name] | every, updates, seed=seed, extra=arguments.set)
    return json.loads((run / "scores.json").read_text())


def _train(
    recipe: Path, run: Path, settings: dict[str, object], updates: int, *, seed: int, extra: Sequence[str]
) -> None:
    """One run to its end, unless it is there."""
    if (run / "scores.json").exists():
        return
    command = [sys.executable, "-m", "mtkit", "train", "-c", str(recipe), "-o", str(run), "--seed", str(seed)]
    for key, value in (settings | {"training.max_updates": updates}).items():
        command += ["--set", f"{key}={value}"]
    for setting in extra:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    found: dict[str, float] = {}
    test_set = ""
    for line in done.stdout.splitlines():
        words = line.split()
        if line.startswith("test set "):
            test_set = words[2].rstrip(",")
        elif line.startswith("  ") and words[0] in ("BLEU", "chrF2"):
            found[f"{test_set} {words[0]}"] = float(words[1])
    (run / "scores.json").write_text(json.dumps(found))


def _row(name: str, cost: float, updates: int, scores: list[dict[str, float]]) -> str:
    cells = [name, f"{cost:.2f}", f"{updates:,}"]
    for key in ("clean BLEU", "clean chrF2", "noised BLEU", "noised chrF2"):
        values = [score[key] for score in scores]
        spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
        cells.append(f"{statistics.mean(values):.2f}{spread}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
