"""How fast training pairs are sampled, by kind and number of processes, and how long training waits for them.

    python benchmarks/sampling.py [--src FILE --tgt FILE] [--batch-tokens N] [--seconds S] [--updates N]

The first table takes updates as fast as they come. The second trains the preset ``small`` for some updates with all
kinds at once and shows its speed beside the share of the time that it waited for data.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from mtkit.data.batches.batches import BatchPlan
from mtkit.data.batches.sampling import Sampler, SamplingRecipe
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared
from mtkit.settings.data import DataConfig
from mtkit.settings.sampling import SamplingConfig
from mtkit.settings.tokenizer import TokenizerConfig

DATA = Path(__file__).parents[1] / "data"

# Of each kind as much as there is, so that no pair is spared.
KINDS: dict[str, dict[str, object]] = {
    "nothing": {},
    "join": {"join": 1.0},
    "casing": {"casing": {"upper": 0.5, "title": 0.5}},
    "typos": {"typos": {"probability": 1.0}},
    "noise": {"noise": {"probability": 1.0}},
    "word dropout": {"word_dropout": 0.1},
    "subwords": {"subword": {"probability": 1.0}},
}
EVERYTHING: dict[str, object] = {key: value for kind in KINDS.values() for key, value in kind.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", type=Path, default=DATA / "train.en")
    parser.add_argument("--tgt", type=Path, default=DATA / "train.de")
    parser.add_argument("--batch-tokens", type=int, default=4_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--updates", type=int, default=40, help="of the training; 0 leaves it out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        train = {"src": str(arguments.src), "tgt": str(arguments.tgt)}
        for side, path in train.items():
            lines = Path(path).read_bytes().split(b"\n")[:100]
            (work / f"valid.{side}").write_bytes(b"\n".join(lines) + b"\n")
        valid = {side: str(work / f"valid.{side}") for side in train}
        data = DataConfig.model_validate({"src_lang": "src", "tgt_lang": "tgt", "train": train, "valid": valid})
        print("| tokenizer | sampling | target tokens/s, 0 processes | 1 | 2 | padding |")
        print("| --- | --- | --- | --- | --- | --- |")
        for kind in ("unigram", "bpe"):
            tokenizer = TokenizerConfig.model_validate({"type": kind})
            prepared = prepare(data, tokenizer, work / kind)
            for label, config in [*KINDS.items(), ("all of them", EVERYTHING)]:
                speeds = [_speed(prepared, config, workers, arguments) for workers in range(3)]
                shown = " | ".join(f"{tokens:,.0f}" for tokens, _ in speeds)
                print(f"| {kind} | {label} | {shown} | {100 * speeds[0][1]:.1f} % |", flush=True)
        if arguments.updates:
            _train(work, data, arguments)


def _speed(
    prepared: Prepared, config: dict[str, object], workers: int, arguments: argparse.Namespace
) -> tuple[float, float]:
    """Target tokens a second after the first updates, and the share of padding."""
    recipe = SamplingRecipe(prepared.directory, SamplingConfig.model_validate(config), 1, 256)
    sampler = Sampler(recipe, prepared) if config else None
    plan = BatchPlan(
        prepared.store("train"),
        special=prepared.tokenizer.special,
        batch_tokens=arguments.batch_tokens,
        sampler=sampler,
    )
    tokens = positions = real = 0
    with plan.prefetched(workers=workers) as updates:
        for _ in range(2 * workers + 5):  # until the processes have started
            next(updates)
        started = time.perf_counter()
        while time.perf_counter() - started < arguments.seconds:
            for batch in next(updates):
                tokens += batch.n_tgt_tokens
                real += batch.n_src_tokens + batch.n_tgt_tokens
                positions += batch.src.numel() + batch.tgt_in.numel()
        return tokens / (time.perf_counter() - started), 1 - real / positions


def _train(work: Path, data: DataConfig, arguments: argparse.Namespace) -> None:
    print("\n| training | processes | target tokens/s | waiting for data |\n| --- | --- | --- | --- |")
    runs = [("plain", {}, 0), *(("all of them", EVERYTHING, workers) for workers in range(3))]
    for number, (label, config, workers) in enumerate(runs):
        recipe = {
            "data": data.model_dump(mode="json") | {"prepared": str(work / "unigram")},
            "model": {"preset": "small"},
            "training": {
                "max_updates": arguments.updates,
                "batch_tokens": arguments.batch_tokens,
                "report_every": arguments.updates // 2,
                "validate_every": 10**6,
                "validate_text": False,
                "early_stopping": {"metric": "loss"},
                "save_every": 10**6,
                "average": {"n": 0},
                "sampling": config,
                "workers": workers,
            },
        }
        path = work / f"recipe-{number}.yaml"
        path.write_text(yaml.safe_dump(recipe))
        run_dir = work / f"run-{number}"
        command = [sys.executable, "-m", "mtkit", "train", "-c", str(path), "-o", str(run_dir)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        records = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().split("\n") if line]
        last = [record for record in records if "data_wait_share" in record][-1]
        speed, wait = last["tgt_tokens_per_second"], last["data_wait_share"]
        print(f"| {label} | {workers} | {speed:,.0f} | {100 * wait:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
