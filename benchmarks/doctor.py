"""Speed and memory of ``mtkit doctor``: a corpus repeated to many pairs, all different.

    python -m benchmarks.doctor [--src FILE --tgt FILE] [--pairs N] [--workers N]

Each repetition gets its number at the end of every line. The time is that of the whole command, from its start to its
report. On a machine that is busy with something else the processor's time says more. Memory is the highest resident
size of the process, and the highest of any of its workers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.preprocess import DATA, repeat

_CHILD = """
import json, resource, sys
from mtkit.cli import main
sys.argv = ["mtkit", "doctor", *sys.argv[1:]]
try:
    main()
finally:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps([[u.ru_maxrss, u.ru_utime + u.ru_stime] for u in usages]), file=sys.stderr)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--src", type=Path, default=DATA / "train.en")
    parser.add_argument("--tgt", type=Path, default=DATA / "train.de")
    parser.add_argument("--src-lang", default="en")
    parser.add_argument("--tgt-lang", default="de")
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--directory", type=Path, help="for the temporary files; needs about 200 bytes per pair")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        corpus = {"src": arguments.src, "tgt": arguments.tgt}
        files = [repeat(path, Path(name) / f"train.{side}", arguments.pairs) for side, path in corpus.items()]
        command = [sys.executable, "-c", _CHILD, "--src", str(files[0]), "--tgt", str(files[1])]
        command += ["--src-lang", arguments.src_lang, "--tgt-lang", arguments.tgt_lang]
        start = time.perf_counter()
        done = subprocess.run(
            [*command, "--workers", str(arguments.workers), "--json"], check=True, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
    report = json.loads(done.stdout)
    (own_size, own_seconds), (size, worker_seconds) = json.loads(done.stderr.strip().rpartition("\n")[2])
    median = report["lengths"]["src_characters"]["0.5"], report["lengths"]["tgt_characters"]["0.5"]
    print(f"pairs        {report['n_pairs']:,}, {median[0]} + {median[1]} characters in the middle")
    print(f"time         {seconds:.1f} s with {arguments.workers} workers")
    print(f"speed        {report['n_pairs'] / seconds * 60 / 1e6:.2f} million pairs a minute")
    print(f"processor    {own_seconds:.1f} s in the command, {worker_seconds:.1f} s in its workers")
    print(f"peak memory  {own_size / 1e3:,.0f} MB, and {size / 1e3:,.0f} MB in each worker at most")


if __name__ == "__main__":
    main()
