"""Pairs in JSON lines: two fields of the object on each line."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.data.sources import pairs
from mtkit.data.sources.pairs import FileSource, Pairs, as_score, joined, one_line
from mtkit.errors import DataError
from mtkit.files.reading import parse_json
from mtkit.files.text import read_line_chunks, read_lines
from mtkit.settings.source import columns_of

MAX_NAMES_SHOWN = 12


@dataclass
class JsonlSource(FileSource):
    """A file with a JSON object on every line that is not blank."""

    fields: tuple[str | Sequence[str], str] | None
    """Fields of source and target, dotted where one is inside another; several of the source are joined."""
    score: str | None
    languages: tuple[str, str]
    """What the fields are called where ``fields`` does not say it, alone or under ``translation``."""

    separator: str = ""
    """Between source fields that are joined."""

    null_is_empty: bool = False
    """Whether null is an empty segment, as it is in the tables of Hugging Face ``datasets``."""

    def chunks(self) -> Iterator[Pairs]:
        """Read the fields, and that of the scores; a line break inside a segment becomes a space.

        Raises:
            DataError: If the file cannot be read, or a line is not a JSON object, lacks a field, or holds something
                else than text in it.
        """
        n = 0
        for lines in read_line_chunks(self.path, pairs.CHUNK_PAIRS):
            found = Pairs([], [], [] if self.score else None)
            for number, line in enumerate(lines, start=n + 1):
                if line and not line.isspace():
                    self._read(line, f"{self.path}:{number}", found)
            n += len(lines)
            yield found

    def _read(self, line: str, where: str, found: Pairs) -> None:
        """Add the pair of a line."""
        row = _parsed(line, where)
        texts = []
        for field in _fields_of(row, columns_of(self.fields or self.languages)):
            text = _value(row, field, where)
            if text is None and self.null_is_empty:
                text = ""
            if not isinstance(text, str):
                raise DataError(f"{where}: the field {field} holds {text!r:.40}, not text")
            texts.append([one_line(text)])
        *srcs, tgt = texts
        found.src.extend(joined(srcs, self.separator))
        found.tgt.extend(tgt)
        if self.score and found.scores is not None:
            found.scores.append(as_score(_value(row, self.score, where), where))


def is_json_lines(path: Path) -> bool:
    """Whether a file ends in .jsonl, packed or not, or has a whole object on its first line."""
    if ".jsonl" in path.suffixes:
        return True
    first = next((line for line in read_lines(path) if line and not line.isspace()), "{}")
    try:
        return isinstance(parse_json(first), dict)
    except json.JSONDecodeError:
        return False
    except ValueError:  # said with its line when all is read
        return first.lstrip().startswith("{")


def _parsed(line: str, where: str) -> dict[str, Any]:
    """The object of a line."""
    try:
        row = parse_json(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON at column {error.colno}: {error.msg}") from None
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    if not isinstance(row, dict):
        raise DataError(f'{where}: {line!r:.40} is not a JSON object, such as {{"en": ..., "de": ...}}')
    return row


def _fields_of(row: dict[str, Any], fields: Sequence[str]) -> Sequence[str]:
    """The fields as they are called, or as they lie under ``translation`` where the row has them there alone."""
    inside = row.get("translation")
    if isinstance(inside, dict) and all(field in inside and field not in row for field in fields):
        return [f"translation.{field}" for field in fields]
    return fields


def _value(row: dict[str, Any], field: str, where: str) -> object:
    """What a field holds, dotted where it lies inside another."""
    value: Any = row
    rest = field
    while rest:
        if not isinstance(value, dict):
            break
        if rest in value:
            return value[rest]
        name, _, rest = rest.partition(".")
        value = value.get(name)
    shown = ", ".join(field_names(row))
    raise DataError(f"{where}: no field {field} (it has {shown}); name two with fields: [SOURCE, TARGET]")


def field_names(row: dict[str, Any]) -> list[str]:
    """What can be named in a row: its fields, and those inside them; some of them where they are many."""
    names = []
    for name, value in row.items():
        names += [f"{name}.{inside}" for inside in value] if isinstance(value, dict) and value else [name]
    return names if len(names) <= MAX_NAMES_SHOWN else [*names[:MAX_NAMES_SHOWN], "..."]
