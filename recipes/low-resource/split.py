"""Make a low-resource corpus of a larger one: few pairs, and text in each language that is not paired.

    python recipes/low-resource/split.py train.en train.de --pairs 10000 -o corpus

writes ``corpus/pairs.en`` and ``corpus/pairs.de``, line by line, and ``corpus/mono.en`` and ``corpus/mono.de`` of the
rest. No line of the one translates a line of the other: each pair of the rest leaves one of its sides, in turn.
"""

import argparse
import random
from contextlib import ExitStack
from pathlib import Path

from mtkit.files.text import read_aligned_chunks

_CHUNK = 8192


def main() -> None:
    """Read the command line and split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("src", type=Path, help="file of source lines, such as train.en; it may be packed")
    parser.add_argument("tgt", type=Path, help="file of target lines")
    parser.add_argument("--pairs", type=int, default=10_000, help="pairs that are kept (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="another choice of pairs for each (default 1)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory for the four files")
    given = parser.parse_args()
    n_pairs, n_mono = split(given.src, given.tgt, given.output, n_kept=given.pairs, seed=given.seed)
    print(f"{n_pairs:,} pairs, and {n_mono:,} lines in one language, in {given.output}")  # noqa: T201


def split(src: Path, tgt: Path, output: Path, *, n_kept: int, seed: int) -> tuple[int, int]:
    """Write the four files; returns how many pairs and how many lines in one language there are."""
    n = sum(len(lines) for lines, _ in read_aligned_chunks(src, tgt, _CHUNK))
    if n <= n_kept:
        raise SystemExit(f"{src} has {n:,} lines: keep fewer with --pairs")
    kept = set(random.Random(seed).sample(range(n), n_kept))
    output.mkdir(parents=True, exist_ok=True)
    endings = [_language(path) for path in (src, tgt)]
    with ExitStack() as stack:
        pairs, mono = (
            [stack.enter_context((output / f"{name}.{ending}").open("w", encoding="utf-8")) for ending in endings]
            for name in ("pairs", "mono")
        )
        row = n_mono = 0
        for chunk in read_aligned_chunks(src, tgt, _CHUNK):
            for sides in zip(*chunk, strict=True):
                if row in kept:
                    for file, line in zip(pairs, sides, strict=True):
                        file.write(f"{line}\n")
                else:
                    mono[n_mono % 2].write(f"{sides[n_mono % 2]}\n")
                    n_mono += 1
                row += 1
    return len(kept), n_mono


def _language(path: Path) -> str:
    """``train.en.gz`` -> ``en``."""
    return path.name.removesuffix(".gz").rpartition(".")[2]


if __name__ == "__main__":
    main()
