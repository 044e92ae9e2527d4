"""Translating a long text in shards: what is done stays done, whatever ends the process.

``DIRECTORY/job.json`` says what is translated and with what; ``DIRECTORY/shards/00000.jsonl`` and so on hold the pairs
of each shard, whole or absent. The same job goes on after the last of them; another job is refused.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mtkit.errors import ConfigError, DataError
from mtkit.files.reading import parse_json, read_json
from mtkit.files.text import read_lines
from mtkit.files.whole import atomic_file, write_json
from mtkit.log import logger, progress_bar
from mtkit.wording import counted

JOB_FILE = "job.json"
SHARDS = "shards"


@dataclass(frozen=True)
class Pair:
    """A line, and what a model made of it."""

    text: str
    translation: str


Translate = Callable[[list[str]], list[str | None]]
"""Lines to their translations; None for one that is not fit to be trained on."""


def begin(directory: Path, job: dict[str, Any]) -> None:
    """Start a job, or find the same one begun.

    Args:
        directory: Created; it may hold the shards of this job.
        job: What tells it from others, as JSON values.

    Raises:
        DataError: If the directory holds something else.
    """
    path = directory / JOB_FILE
    if path.exists():
        try:
            begun = read_json(path)
        except DataError as error:
            raise DataError(f"{error}; start again with --overwrite") from None
        if not isinstance(begun, dict):
            raise DataError(f"{path}: damaged; choose another -o, or --overwrite")
        if changed := what_changed(begun, job):
            raise DataError(
                f"{directory}: was started with different settings ({changed} changed); "
                "choose another -o, or --overwrite"
            )
        return
    if directory.exists() and any(not entry.name.startswith(".") for entry in directory.iterdir()):
        raise ConfigError(f"{directory}: holds something else; choose another -o")
    write_json(path, job)


def what_changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The keys whose values differ."""
    return ", ".join(sorted(key for key in {*before, *now} if before.get(key) != now.get(key)))


def translate_shards(
    lines: Iterable[str], n_lines: int, translate: Translate, directory: Path, *, shard_lines: int
) -> None:
    """Translate what no shard holds yet.

    Args:
        lines: All of the text, the same in the same order at each attempt.
        n_lines: How many they are.
        translate: The model.
        directory: Directory of the job.
        shard_lines: Lines of each shard; the same at each attempt.
    """
    rest = iter(lines)
    number, n_done = 0, n_shards(directory)
    if n_done:
        logger.info("resuming: %s of %s are done", f"{n_done:,}", counted(-(-n_lines // shard_lines), "shard"))
    done = min(n_done * shard_lines, n_lines)
    with progress_bar(total=n_lines, initial=done, description="translating", unit=" lines") as bar:
        while shard := list(islice(rest, shard_lines)):
            path = _path(directory, number)
            if not path.exists():
                _write(path, zip(shard, translate(shard), strict=True))
                bar.update(len(shard))
            number += 1


def n_shards(directory: Path) -> int:
    """Shards that are done."""
    return len(list((directory / SHARDS).glob("*.jsonl")))


def read_shards(directory: Path) -> Iterator[Pair | None]:
    """All pairs in the order of the text; None for a line without a translation.

    Raises:
        DataError: If a shard is damaged.
    """
    for number in range(n_shards(directory)):
        path = _path(directory, number)
        for place, line in enumerate(read_lines(path), start=1):
            try:
                text, translation = parse_json(line)
                if not isinstance(text, str) or not isinstance(translation, str | None):
                    raise TypeError
            except (ValueError, TypeError):
                raise DataError(f"{path}:{place}: damaged; delete the file, and it is translated again") from None
            yield None if translation is None else Pair(text, translation)


def _write(path: Path, pairs: Iterable[tuple[str, str | None]]) -> None:
    with atomic_file(path) as file:
        for text, translation in pairs:
            file.write((json.dumps([text, translation], ensure_ascii=False) + "\n").encode())


def _path(directory: Path, number: int) -> Path:
    return directory / SHARDS / f"{number:05d}.jsonl"
