"""Speed and memory of ``mtkit preprocess``: a corpus repeated to many pairs, against bare SentencePiece in one run.

    python benchmarks/preprocess.py [--src FILE --tgt FILE] [--pairs N]

Each repetition gets its number at the end of every line, so that the pairs stay distinct and none is dropped as a
duplicate. Settings are the defaults; the time for training the tokenizer is shown apart.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"

_CHILD = """
import json, resource, sys, time
from pathlib import Path
from mtkit.data.tokens.special import OWN
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.settings.data import DataConfig
from mtkit.data.corpus import prepare as room
from mtkit.data.tokens import vocabulary
from mtkit.machine.memory import peak_memory
seconds = {}
train = vocabulary.train_tokenizer
def timed(*args, **kwargs):
    start = time.perf_counter()
    try:
        return train(*args, **kwargs)
    finally:
        seconds["tokenizer"] = time.perf_counter() - start
vocabulary.train_tokenizer = timed
src, tgt, valid_src, valid_tgt, directory = sys.argv[1:]
data = DataConfig(src_lang="src", tgt_lang="tgt", train=[{"src": src, "tgt": tgt}],
                  valid=[{"src": valid_src, "tgt": valid_tgt}])
start = time.perf_counter()
prepared = room.prepare(data, TokenizerConfig(), Path(directory))
seconds["all"] = time.perf_counter() - start
of_workers = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"seconds": seconds, "peak_memory": peak_memory(), "of_workers": of_workers,
                  "pairs": prepared.manifest.n_train}))
"""

_LOADER = """
import json, sys, time
from pathlib import Path
from mtkit.data.batches.batches import BatchPlan
from mtkit.data.corpus.prepared import open_prepared
from mtkit.machine.memory import peak_memory
before = peak_memory()
start = time.perf_counter()
store = open_prepared(Path(sys.argv[1])).store("train")
opened = time.perf_counter()
updates = iter(BatchPlan(store, special=OWN, batch_tokens=25_000))
next(updates)
first = time.perf_counter()
n = sum(batch.n_tgt_tokens for _ in range(200) for batch in next(updates))
end = time.perf_counter()
print(json.dumps({"open": opened - start, "first": first - opened, "tokens_per_second": n / (end - first),
                  "memory": peak_memory() - before}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", type=Path, default=DATA / "train.en")
    parser.add_argument("--tgt", type=Path, default=DATA / "train.de")
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="for the temporary files; needs about 500 bytes per pair")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        work = Path(name)
        corpus = {"src": arguments.src, "tgt": arguments.tgt}
        files = [repeat(path, work / f"train.{side}", arguments.pairs) for side, path in corpus.items()]
        small = [repeat(path, work / f"valid.{side}", 1_000) for side, path in corpus.items()]
        command = [sys.executable, "-c", _CHILD, *map(str, [*files, *small, work / "prepared"])]
        measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        bare = _bare_encoding(files, work / "prepared")
        loader = [sys.executable, "-c", _LOADER, str(work / "prepared")]
        loaded = json.loads(subprocess.run(loader, check=True, stdout=subprocess.PIPE, text=True).stdout)
        n_bytes = sum(path.stat().st_size for path in (work / "prepared").rglob("*") if path.is_file())
    n, everything, tokenizer = measured["pairs"], measured["seconds"]["all"], measured["seconds"]["tokenizer"]
    rest = everything - tokenizer
    print(f"pairs                     {n:,} on {len(os.sched_getaffinity(0))} cores")
    print(f"everything                {everything:.1f} s, {n / everything * 60 / 1e6:.2f} million pairs a minute")
    print(f"  training the tokenizer  {tokenizer:.1f} s")
    print(f"  read, clean, encode     {rest:.1f} s, {n / rest * 60 / 1e6:.2f} million pairs a minute")
    print(f"bare sentencepiece encode {bare:.1f} s, {n / bare * 60 / 1e6:.2f} million pairs a minute")
    print(f"ratio without training    {rest / bare:.2f} times the bare encoding")
    workers = f", at most {measured['of_workers'] / 1e6:,.0f} MB in a worker"
    print(f"peak memory               {measured['peak_memory'] / 1e6:,.0f} MB{workers}")
    print(f"on disk                   {n_bytes / n:.0f} bytes a pair")
    print(f"loading: opening          {loaded['open']:.2f} s, to the first update {loaded['first']:.2f} s")
    print(f"loading: updates          {loaded['tokens_per_second']:,.0f} target tokens a second")
    print(f"loading: memory           {loaded['memory'] / 1e6:,.0f} MB, the part of the files that is mapped included")


def repeat(path: Path, target: Path, n: int) -> Path:
    """Write the lines of a file over and over, each with the number of its repetition, until there are ``n``."""
    from mtkit.files.text import read_lines

    lines = list(read_lines(path))
    repeated = (f"{line} {number}\n" for number in itertools.count() for line in lines)
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(itertools.islice(repeated, n))
    return target


def _bare_encoding(files: list[Path], prepared: Path) -> float:
    """Seconds that SentencePiece alone needs for both sides, with as many threads as there are cores."""
    import sentencepiece

    from mtkit.data.tokens.tokenizer import JOINT_FILE

    processor = sentencepiece.SentencePieceProcessor(model_file=str(prepared / JOINT_FILE))
    seconds = 0.0
    for path in files:
        with path.open(encoding="utf-8", newline="\n") as file:
            while lines := [line.removesuffix("\n") for line in itertools.islice(file, 8192)]:
                start = time.perf_counter()
                processor.encode(lines, out_type=int, num_threads=len(os.sched_getaffinity(0)))
                seconds += time.perf_counter() - start
    return seconds


if __name__ == "__main__":
    main()
