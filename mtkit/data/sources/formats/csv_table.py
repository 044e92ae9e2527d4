"""Pairs in CSV and TSV tables with quoting, as spreadsheets and pandas write them: all of it exactly, or a line."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mtkit.data.sources import pairs
from mtkit.data.sources.formats.jsonl import MAX_NAMES_SHOWN
from mtkit.data.sources.pairs import FileSource, Pairs, as_score, one_line
from mtkit.errors import DataError
from mtkit.files.not_text import what_is_wrong
from mtkit.files.text import MAX_LINE_BYTES, read_raw_lines

_MAX_NAME_SHOWN = 40
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_SAID = re.compile(r'"?sep=([^\w\s"])"?')


@dataclass
class CsvSource(FileSource):
    """A table whose first line names its columns; blank lines are skipped."""

    fields: tuple[str, str]
    """The columns of source and target; those of this name below ``translation.`` where there are no others."""

    score: str | None = None

    def chunks(self) -> Iterator[Pairs]:
        """Read two columns, and that of the scores; a line break inside a segment becomes a space.

        Raises:
            DataError: If the file cannot be read, is not UTF-8, lacks a column or names it twice, a row has more or
                fewer fields than the first line, or quotation marks leave open where a field ends.
        """
        found = self._empty()
        for line, row, places in self._rows():
            found.src.append(one_line(row[places[0]]))
            found.tgt.append(one_line(row[places[1]]))
            if found.scores is not None:
                found.scores.append(as_score(row[places[2]], f"{self.path}:{line}"))
            if len(found.src) == pairs.CHUNK_PAIRS:
                yield found
                found = self._empty()
        if found.src:
            yield found

    def _empty(self) -> Pairs:
        return Pairs([], [], None if self.score is None else [])

    def _rows(self) -> Iterator[tuple[int, list[str], list[int]]]:
        """Line, fields and the places of those that are wanted, of every row."""
        lines = _Lines(self)
        table = self._opened(lines)
        n_fields: int | None = None
        for row in lines.records(table.separator):
            if not row:
                continue
            if n_fields is None:
                n_fields = _with_empty_end(row, len(table.header))
            if len(row) != n_fields or any(row[len(table.header) :]):
                raise self._uneven(lines.first, row, table, n_fields)
            if table.separator == "\t" and any("\t" in field for field in row):
                raise self._refused(lines.first, "a quotation mark opens a field that runs over a tab", "\t")
            yield lines.first, row, table.places

    def _opened(self, lines: "_Lines") -> "_Table":
        """The table by its first line; where that has no columns of these names, another separator may find them."""
        first = next(lines.read(), None)
        if first is None or not first.strip():
            raise DataError(f"{self.path}: is empty: the first line of a table names its columns")
        if "\0" in first:
            wrong = what_is_wrong(first.encode(), str(self.path), may_be_named=False)
            raise DataError(f"{self.path}: {wrong}")
        if (said := _SAID.fullmatch(first.rstrip())) is not None:  # by Excel, for itself
            first, usual = next(lines.read(), ""), said[1]
            return self._of_header(first, (usual,))
        usual = "\t" if ".tsv" in self.path.suffixes else ","
        return self._of_header(first, (usual, *_SEPARATORS))

    def _of_header(self, first: str, separators: Sequence[str]) -> "_Table":
        """The table, by the first of the separators with which its first line names the columns."""
        header = self._header(first, separators[0])
        for separator in separators:
            table = self._table(self._header(first, separator), separator)
            if table is not None:
                self._header(first, separator, strict=True)
                return table
        src, tgt = self.fields
        raise DataError(
            f"{self.path}:1: no fields {src} and {tgt} (it has {_shown(header)}); name them with fields: "
            "[SOURCE, TARGET], or put a line with the names of the columns first"
        )

    def _header(self, first: str, separator: str, *, strict: bool = False) -> list[str]:
        try:
            return next(csv.reader([first], delimiter=separator, strict=strict), [])
        except csv.Error as error:
            raise self._refused(1, _reason(str(error)), separator) from None

    def _table(self, header: list[str], separator: str) -> "_Table | None":
        """The table, if these names of columns are those that are wanted."""
        for prefix in ("", "translation."):
            names = [f"{prefix}{field}" for field in self.fields]
            if all(name in header for name in names):
                return _Table(separator, header, self._places(header, names))
        return None

    def _places(self, header: Sequence[str], names: Sequence[str]) -> list[int]:
        """Where the columns are."""
        for name in names if self.score is None else (*names, self.score):
            if name not in header:
                raise DataError(f"{self.path}:1: no column {name} (there are {_shown(header)})")
            if header.count(name) > 1:
                raise DataError(
                    f"{self.path}:1: {header.count(name)} columns are called {name}; give each its own name"
                )
        return [header.index(name) for name in (names if self.score is None else (*names, self.score))]

    def _uneven(self, line: int, row: list[str], table: "_Table", n_fields: int) -> DataError:
        """What to say of a row that has more or fewer fields than the first line names."""
        n, name = len(table.header), _SEPARATORS.get(table.separator, table.separator)
        found = f"{len(row)} field{'s' * (len(row) != 1)} where the first line names {n}"
        found += f" and the rows before have {n_fields}" if n_fields > n else ""
        if len(row) < n and any("\n" in field for field in row):
            return self._refused(line, f"{found}: a quotation mark opens a field over several lines", table.separator)
        if len(row) < n_fields:
            return DataError(f"{self.path}:{line}: {found}; write the missing {name} even where a field is empty")
        return DataError(
            f"{self.path}:{line}: {found}; put a field that has a {name} in it between quotation marks, and name every "
            "column in the first line"
        )

    def _refused(self, line: int, what: str, separator: str) -> DataError:
        """What to say where quotation marks make it unclear where fields end."""
        way_out = 'a field that begins with " ends with " and has "" for every " inside'
        if separator == "\t":
            way_out = f"{way_out}; a file without such quoting is read by {{tsv: {self.path.name}}} instead of hf:"
        return DataError(f"{self.path}:{line}: {what}; {way_out}")


class _Table(NamedTuple):
    """How a file is laid out."""

    separator: str
    header: list[str]
    places: list[int]
    """Columns of source, target and score, counted from 0."""


class _Lines:
    """The lines of a file as the parser takes them, and on which of them the last record began."""

    def __init__(self, source: CsvSource) -> None:
        self._source = source
        self._n = 0
        self._lines = self._numbered()
        self.first = 0

    def read(self) -> Iterator[str]:
        """What is left of the lines, each with its end."""
        return self._lines

    def records(self, separator: str) -> Iterator[list[str]]:
        """The records after the lines that were read."""
        csv.field_size_limit(MAX_LINE_BYTES)
        rows = csv.reader(self._lines, delimiter=separator, strict=True)
        while True:
            self.first = self._n + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                raise self._source._refused(self.first, _reason(str(error)), separator) from None
            if row is None:
                return
            yield row

    def _numbered(self) -> Iterator[str]:
        for line in read_raw_lines(self._source.path):
            self._n += 1
            yield f"{line}\n"


def _with_empty_end(row: list[str], n_named: int) -> int:
    """How many fields the rows have: as many as are named, or more that are all empty, as a trailing comma makes."""
    return len(row) if len(row) > n_named and not any(row[n_named:]) else n_named


def _reason(message: str) -> str:
    """What Python's parser says, in the words of a table."""
    if "new-line" in message:
        return "a carriage return without a line feed, outside quotation marks"
    if "field larger" in message:
        return f"a field of more than {MAX_LINE_BYTES // 10**6} MB, or a quotation mark that is never closed"
    if "unexpected end" in message:
        return "a quotation mark opens a field that is never closed"
    return "a field goes on after its closing quotation mark"


def _shown(header: Sequence[str]) -> str:
    names = [one_line(name).strip()[:_MAX_NAME_SHOWN] or "one without a name" for name in header]
    return ", ".join(names if len(names) <= MAX_NAMES_SHOWN else [*names[:MAX_NAMES_SHOWN], "..."])
