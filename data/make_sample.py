"""Write the sample corpus: English sentences and their German translations, made from a small grammar.

The same bytes come out on every machine: all choices are drawn from ``random.Random(SEED).random()``.
"""

import argparse
import random
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from grammar import complex, daily, sentences, subordinate, things, times, travel

SEED = 20
SIZES = {"test": 500, "valid": 500, "train": 12000}
_MODULES = (*(daily, times, travel, things, sentences, subordinate, complex),)
Pair = tuple[str, str]
Construction = Callable[[random.Random], Pair]
CONSTRUCTIONS: list[tuple[Construction, int]] = [entry for module in _MODULES for entry in module.CONSTRUCTIONS]


def make_pairs(count: int, seed: int = SEED) -> list[Pair]:
    """Return distinct pairs of English and German in random order, no English sentence twice.

    Args:
        count: how many pairs.
        seed: where the random choices start.

    Raises:
        ValueError: if the grammar gives one English sentence two translations.
    """
    rng = random.Random(seed)
    bounds = list(accumulate(weight for _, weight in CONSTRUCTIONS))
    pairs: dict[str, str] = {}
    while len(pairs) < count:
        drawn = rng.random() * bounds[-1]
        construction = CONSTRUCTIONS[sum(bound <= drawn for bound in bounds)][0]
        source, target = construction(rng)
        if pairs.setdefault(source, target) != target:
            raise ValueError(f"two translations of {source!r}: {pairs[source]!r} and {target!r}")
    return list(pairs.items())


def write_sample(directory: Path) -> None:
    """Write train, valid and test as ``<part>.en`` and ``<part>.de``, one sentence a line."""
    directory.mkdir(parents=True, exist_ok=True)
    pairs = make_pairs(sum(SIZES.values()))
    for part, size in SIZES.items():
        chosen, pairs = pairs[:size], pairs[size:]
        for language, column in (("en", 0), ("de", 1)):
            text = "".join(pair[column] + "\n" for pair in chosen)
            (directory / f"{part}.{language}").write_bytes(text.encode("utf-8"))


def main() -> None:
    """Parse the command line and write the corpus."""
    parser = argparse.ArgumentParser(description="Write the English-German sample corpus.")
    folder = Path(__file__).parent
    parser.add_argument("-o", "--output", type=Path, default=folder, help="folder to write to (default: %(default)s)")
    write_sample(parser.parse_args().output)


if __name__ == "__main__":
    main()
