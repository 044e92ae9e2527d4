"""Cut validation and test sets out of one corpus, so that nothing of them is left in training."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.data.sources.pairs import Source
from mtkit.errors import DataError
from mtkit.files.reading import read_json
from mtkit.files.whole import atomic_directory, write_json
from mtkit.log import logger

ORIGIN_FILE = "origin.json"
HELD_OUT = ("valid", "test")
_SPLITS = ("train", *HELD_OUT)
_MIN_PAIRS = 40
_MAX_HELD_OUT = 2_000

FilePairs = Sequence[tuple[Path, Path]]
"""Files of source lines, each with that of their translations."""


@dataclass(frozen=True)
class Split:
    """The two files of one split."""

    src: Path
    tgt: Path


def split_files(directory: Path, *, src_lang: str, tgt_lang: str) -> dict[str, Split]:
    """Where ``hold_out`` writes train, valid and test."""
    return {name: Split(directory / f"{name}.{src_lang}", directory / f"{name}.{tgt_lang}") for name in _SPLITS}


def n_held_out(n: int, path: str | Path) -> int:
    """Pairs of each set that is held out of ``n``.

    Raises:
        DataError: If there are too few.
    """
    if n < _MIN_PAIRS:
        raise DataError(
            f"{path}: {n} lines are too few to train on and to hold some out; at least {_MIN_PAIRS} are needed"
        )
    return min(_MAX_HELD_OUT, n // 20)


def hold_out(
    source: Source,
    directory: Path,
    *,
    src_lang: str,
    tgt_lang: str,
    seed: int = 1,
    places: Sequence[str] = HELD_OUT,
) -> dict[str, Split]:
    """Write train, valid and test files, the last two of up to 2,000 pairs each, drawn at random.

    A pair is left out of training when its source or its target stands in the validation or test set too. Running it
    again on the same files does nothing.

    Args:
        source: All pairs.
        directory: Receives ``train.en``, ``train.de`` and so on; lies in that of the run.
        src_lang: Ending of the source files.
        tgt_lang: Ending of the target files.
        seed: Decides which lines are drawn.
        places: What is held out: valid and test, or one of them.

    Returns:
        The files by split.

    Raises:
        DataError: If a file cannot be read, the line counts differ, there are too few pairs, or ``directory`` was
            made from other files.
    """
    splits = split_files(directory, src_lang=src_lang, tgt_lang=tgt_lang)
    splits = {name: split for name, split in splits.items() if name == "train" or name in places}
    origin: dict[str, Any] = {
        "inputs": source.sha256(),
        "seed": seed,
        "files": sorted(split.src.name for split in splits.values()),
    }
    if (before := _origin(directory)) is not None:
        if _content(before, origin) != _content(origin, origin):
            raise DataError(
                f"{directory.parent}: was started with different --src and --tgt files; choose another "
                "-o, or --overwrite"
            )
        return splits
    first = next(iter(origin["inputs"]))
    n = sum(len(chunk.src) for chunk in source.chunks())
    n_held = n_held_out(n, first)
    drawn = random.Random(seed).sample(range(n), 2 * n_held)
    place = dict.fromkeys(drawn[:n_held], "valid") | dict.fromkeys(drawn[n_held:], "test")
    place = {row: name for row, name in place.items() if name in places}
    held = [(s, t) for row, s, t in _pairs(source) if row in place]
    with atomic_directory(directory) as work:
        left_out = _write(source, work, splits, place, {s for s, _ in held}, {t for _, t in held})
        if left_out == n - len(place):
            raise DataError(f"{first}: the same few lines over and over; there is nothing left to train on")
        write_json(work / ORIGIN_FILE, origin)
    for name, use in (("valid", "validation"), ("test", "testing")):
        if name in places:
            logger.info("held out %s pairs for %s", f"{n_held:,}", use)
    if left_out:
        logger.info("dropped %s training pairs that share a side with the held-out sets", f"{left_out:,}")
    return splits


def _origin(directory: Path) -> Any:
    """What the splits that are there were made from; None where there are none, or it cannot be read."""
    if not directory.exists():
        return None
    try:
        return read_json(directory / ORIGIN_FILE)
    except DataError as error:
        if not (directory / ORIGIN_FILE).is_file():
            raise
        logger.warning("%s; splitting the corpus again", error)
        return None


def _content(origin: Any, now: dict[str, Any]) -> object:
    """What decides the splits: digests, seed and which files were written. The same file may be written as another
    path; an older version wrote no list of the files.
    """
    match origin:
        case {"inputs": dict() as inputs, "seed": seed}:
            return [*inputs.values()], seed, origin.get("files", now["files"])
    return None


def _pairs(source: Source) -> Iterator[tuple[int, str, str]]:
    pairs = (pair for chunk in source.chunks() for pair in zip(chunk.src, chunk.tgt, strict=True))
    for row, (s, t) in enumerate(pairs):
        yield row, s, t


def _write(
    source: Source,
    directory: Path,
    splits: dict[str, Split],
    place: dict[int, str],
    held_src: set[str],
    held_tgt: set[str],
) -> int:
    """Write all splits in one pass; returns how many pairs beside the held-out ones were kept out of training."""
    left_out = 0
    files = {
        name: (
            (directory / split.src.name).open("w", encoding="utf-8", newline="\n"),
            (directory / split.tgt.name).open("w", encoding="utf-8", newline="\n"),
        )
        for name, split in splits.items()
    }
    try:
        for row, s, t in _pairs(source):
            name = place.get(row, "train")
            if name == "train" and (s in held_src or t in held_tgt):
                left_out += 1
                continue
            for file, text in zip(files[name], (s, t), strict=True):
                file.write(text + "\n")
    finally:
        for pair in files.values():
            for file in pair:
                file.close()
    return left_out
