"""Translations of a run's test sets, as its directory keeps them, so that runs can be compared line by line later.

``translations/NAME.jsonl`` holds one object a line: the number of the line in the set, source, reference, translation.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict

from mtkit.errors import DataError
from mtkit.files.reading import check_regular, parse_json
from mtkit.files.shapes import shaped
from mtkit.files.text import read_lines
from mtkit.files.whole import atomic_file

DIRECTORY = "translations"

_ENDING = ".jsonl"


@dataclass(frozen=True)
class TranslatedLine:
    """One line of a test set, as a model translated it."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    line: int
    """Its number in the set, counted from 1."""

    src: str
    ref: str
    hyp: str
    tgt_lang: str | None = None
    """Language code of the reference."""


def write_translated_set(run_dir: Path, name: str, lines: Sequence[TranslatedLine]) -> None:
    """Write the translations of a test set into a run directory, whole or not at all."""
    path = run_dir / DIRECTORY / f"{name}{_ENDING}"
    path.parent.mkdir(exist_ok=True)
    with atomic_file(path) as file:
        for line in lines:
            file.write(json.dumps(vars(line), ensure_ascii=False).encode() + b"\n")


def read_translated_set(run_dir: Path, name: str) -> list[TranslatedLine] | None:
    """The translations of a test set; None where the run directory keeps none.

    Raises:
        DataError: If the file is not what a run writes, naming the line.
    """
    path = run_dir / DIRECTORY / f"{name}{_ENDING}"
    if not path.exists():
        return None
    check_regular(path)
    found = []
    for number, line in enumerate(read_lines(path), start=1):
        try:
            found.append(shaped(TranslatedLine, parse_json(line)))
        except ValueError as error:
            raise DataError(f"{path}:{number}: not a translation as mtkit train writes it ({error})") from None
    return found
