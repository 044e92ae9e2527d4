"""Speed and memory of the cleaning steps against the same ones in plain ``datasets.map`` and ``filter``, in one run.

    python -m benchmarks.cleaning [--src FILE --tgt FILE] [--pairs N]

Both read two text files, unescape entities, mend white space, drop by length, ratio, equal sides and numbers, and drop
duplicates, with a process for each core; both call the same function for each step. They take turns. Neither trains a
tokenizer, and mtkit's is a dry run; ``datasets`` writes its cache, as it always does.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.preprocess import DATA, repeat

_STEPS = ["entities", "spaces", {"length": {"max_words": 100}}, {"ratio": {"max": 3}}, "identical", "numbers"]

_MTKIT = """
from mtkit.settings.data import DataConfig
from mtkit.data.corpus.prepare import try_cleaning

def run(src, tgt, valid_src, valid_tgt, steps):
    data = {"src_lang": "en", "tgt_lang": "de", "train": {"src": src, "tgt": tgt},
            "valid": {"src": valid_src, "tgt": valid_tgt}, "cleaning": {"steps": steps}}
    (report,) = try_cleaning(DataConfig.model_validate(data))
    return report["n_kept"]
"""

_DATASETS = """
import tempfile
import datasets
from mtkit.settings.cleaning import StepConfig
from mtkit.data.cleaning.filters import not_empty, pair_filter
from mtkit.data.cleaning.normalisers import normaliser
from mtkit.data.sources.pairs import Pairs
from mtkit.machine.workers import available_cores

def run(src, tgt, valid_src, valid_tgt, steps):
    datasets.disable_progress_bars()
    steps = [StepConfig.model_validate(step) for step in steps]
    changes = [change for step in steps if (change := normaliser(step.name))]
    filters = [not_empty, *(pair_filter(step, "en", "de") for step in steps if not normaliser(step.name))]

    def change(batch):
        for normalise in changes:
            batch = {side: [normalise(segment) for segment in batch[side]] for side in ("src", "tgt")}
        return batch

    def keep(batch):
        pairs = Pairs(batch["src"], batch["tgt"])
        return [all(kept) for kept in zip(*(keep_of(pairs) for keep_of in filters))]

    with tempfile.TemporaryDirectory() as cache:
        sides = []
        for side, path in (("src", src), ("tgt", tgt)):
            text = datasets.load_dataset("text", data_files=path, split="train", cache_dir=cache)
            sides.append(text.rename_column("text", side))
        corpus = datasets.concatenate_datasets(sides, axis=1)
        n = available_cores()
        corpus = corpus.map(change, batched=True, num_proc=n).filter(keep, batched=True, num_proc=n)
        seen = set()
        def first(batch):
            new = []
            for pair in zip(batch["src"], batch["tgt"]):
                new.append(pair not in seen)
                seen.add(pair)
            return new
        return len(corpus.filter(first, batched=True))
"""

_CHILD = """
if __name__ == "__main__":
    import json, resource, sys, time
    start = time.perf_counter()
    kept = run(*sys.argv[1:5], json.loads(sys.argv[5]))
    seconds = time.perf_counter() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    memory = max(usage.ru_maxrss for usage in used)
    print(json.dumps({"kept": kept, "seconds": seconds, "cpu": cpu, "memory": memory * 1024}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", type=Path, default=DATA / "train.en")
    parser.add_argument("--tgt", type=Path, default=DATA / "train.de")
    parser.add_argument("--pairs", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        corpus = {"src": arguments.src, "tgt": arguments.tgt}
        files = [repeat(path, work / f"train.{side}", arguments.pairs) for side, path in corpus.items()]
        files += [repeat(path, work / f"valid.{side}", 100) for side, path in corpus.items()]
        programs = {"mtkit": _MTKIT, "datasets": _DATASETS}
        for tool, program in programs.items():
            (work / f"run_{tool}.py").write_text(program + _CHILD)
        for number in range(arguments.rounds):
            for tool in programs:
                command = [sys.executable, str(work / f"run_{tool}.py"), *map(str, files), json.dumps(_STEPS)]
                shown = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
                print(
                    f"round {number + 1} {tool:9} {shown['seconds']:6.1f} s, {shown['cpu']:6.1f} s of all cores, "
                    f"{arguments.pairs / shown['seconds'] * 60 / 1e6:5.2f} million pairs a minute, "
                    f"largest process {shown['memory'] / 1e6:,.0f} MB, {shown['kept']:,} pairs kept"
                )


if __name__ == "__main__":
    main()
