"""Cut validation and test sets out of one corpus, so that nothing of them is left in training."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.errors import DataError
from mtkit.files import atomic_directory, read_json, sha256_file, write_json
from mtkit.io import read_lines
from mtkit.log import logger

ORIGIN_FILE = "origin.json"
_SPLITS = ("train", "valid", "test")
_MAX_HELD_OUT = 2_000


@dataclass(frozen=True)
class Split:
    """The two files of one split."""

    src: Path
    tgt: Path


def split_files(directory: Path, *, src_lang: str, tgt_lang: str) -> dict[str, Split]:
    """Where ``hold_out`` writes train, valid and test."""
    return {name: Split(directory / f"{name}.{src_lang}", directory / f"{name}.{tgt_lang}") for name in _SPLITS}


def hold_out(src: Path, tgt: Path, directory: Path, *, src_lang: str, tgt_lang: str, seed: int = 1) -> dict[str, Split]:
    """Write train, valid and test files, the last two of up to 2,000 pairs each, drawn at random.

    A pair is left out of training when its source or its target stands in the validation or test set too. Running it
    again on the same files does nothing.

    Args:
        src: Source lines.
        tgt: Target lines, aligned with them.
        directory: Receives ``train.en``, ``train.de`` and so on; lies in that of the run.
        src_lang: Ending of the source files.
        tgt_lang: Ending of the target files.
        seed: Decides which lines are drawn.

    Returns:
        The files by split.

    Raises:
        DataError: If a file cannot be read, the line counts differ, there are too few pairs, or ``directory`` was
            made from other files.
    """
    splits = split_files(directory, src_lang=src_lang, tgt_lang=tgt_lang)
    origin = {"inputs": {str(path): sha256_file(path) for path in (src, tgt)}, "seed": seed}
    if (before := _origin(directory)) is not None:
        if _content(before) != _content(origin):
            raise DataError(
                f"{directory.parent}: was begun with other --src and --tgt files; choose another -o, or --overwrite"
            )
        return splits
    n = _count(src, tgt)
    n_held = min(_MAX_HELD_OUT, n // 20)
    drawn = random.Random(seed).sample(range(n), 2 * n_held)
    place = dict.fromkeys(drawn[:n_held], "valid") | dict.fromkeys(drawn[n_held:], "test")
    held = [(row, s, t) for row, s, t in _pairs(src, tgt) if row in place]
    held_src, held_tgt = {s for _, s, _ in held}, {t for _, _, t in held}
    with atomic_directory(directory) as work:
        left_out = _write(src, tgt, work, splits, place, held_src, held_tgt)
        if left_out == n - 2 * n_held:
            raise DataError(f"{src}: the same few lines over and over; there is nothing left to train on")
        write_json(work / ORIGIN_FILE, origin)
    logger.info("held out %s pairs for validation and %s for testing", f"{n_held:,}", f"{n_held:,}")
    if left_out:
        logger.info("left %s more out of training: one of their sides occurs in those", f"{left_out:,}")
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
        logger.warning("%s; cutting the corpus again", error)
        return None


def _content(origin: Any) -> object:
    """What decides the splits: digests and seed. The same file may be written as another path."""
    match origin:
        case {"inputs": dict() as inputs, "seed": seed}:
            return [*inputs.values()], seed
    return None


def _count(src: Path, tgt: Path) -> int:
    """Number of pairs, after checking that there are enough of them."""
    n_src, n_tgt = (sum(1 for _ in read_lines(path)) for path in (src, tgt))
    if n_src != n_tgt:
        raise DataError(f"{src} has {n_src:,} lines but {tgt} has {n_tgt:,}: they are not aligned")
    if n_src < 40:
        raise DataError(f"{src}: {n_src} lines are too few to train on and to hold some out; at least 40 are needed")
    return n_src


def _pairs(src: Path, tgt: Path) -> Iterator[tuple[int, str, str]]:
    for row, (s, t) in enumerate(zip(read_lines(src), read_lines(tgt), strict=True)):
        yield row, s, t


def _write(
    src: Path,
    tgt: Path,
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
        for row, s, t in _pairs(src, tgt):
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
