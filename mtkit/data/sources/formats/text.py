"""Pairs in text files: line by line in two of them, or in two columns of one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtkit.data.sources import pairs
from mtkit.data.sources.pairs import FileSource, Pairs, as_score, joined
from mtkit.errors import DataError
from mtkit.files.reading import sha256_file
from mtkit.files.text import read_aligned_chunks, read_line_chunks
from mtkit.settings.source import Column, columns_of


@dataclass
class TextSource:
    """Two files; line n of one translates line n of the other."""

    name: str
    src: Path
    tgt: Path

    def sha256(self) -> dict[str, str]:
        """Digests of both files."""
        return {str(path): sha256_file(path) for path in (self.src, self.tgt)}

    def chunks(self) -> Iterator[Pairs]:
        """Read both files side by side.

        Raises:
            DataError: If a file cannot be read, is not UTF-8, or one has more lines than the other.
        """
        for src, tgt in read_aligned_chunks(self.src, self.tgt, pairs.CHUNK_PAIRS):
            yield Pairs(src, tgt)

    def one_side(self, side: int) -> Iterator[list[str]]:
        """Read one file alone."""
        return read_line_chunks((self.src, self.tgt)[side], pairs.CHUNK_PAIRS)


@dataclass
class TsvSource(FileSource):
    """A tab-separated file without quoting; columns that have names have them in its first line."""

    columns: tuple[Column | Sequence[Column], Column]
    """Columns of source and target: numbers, counted from 0, or names; several of the source are joined."""
    score: Column | None = None
    separator: str = ""
    """Between source columns that are joined."""

    def chunks(self) -> Iterator[Pairs]:
        """Read the columns, and that of the scores.

        Raises:
            DataError: If the file cannot be read, is not UTF-8, lacks a column, a row has too few, or a score is not a
                number.
        """
        places: list[int] = []
        n = 0
        for lines in read_line_chunks(self.path, pairs.CHUNK_PAIRS):
            rows = [line.split("\t") for line in lines]
            if not places:
                places = self._places(rows[0])
                if isinstance(self.columns[1], str):
                    rows, n = rows[1:], 1
            try:
                columns = [[row[place] for row in rows] for place in places]
            except IndexError:
                self._complain(rows, places, first=n + 1)
                raise
            scores = None if self.score is None else self._scores(columns.pop(), n + 1)
            *srcs, tgt = columns
            yield Pairs(joined(srcs, self.separator), tgt, scores)
            n += len(rows)

    def _places(self, first_row: list[str]) -> list[int]:
        """Numbers of the columns."""
        places = []
        columns = columns_of(self.columns)
        for column in columns if self.score is None else (*columns, self.score):
            if isinstance(column, str) and column not in first_row:
                raise DataError(f"{self.path}:1: no column {column} (there are {', '.join(first_row)})")
            if isinstance(column, str) and (n := first_row.count(column)) > 1:
                raise DataError(f"{self.path}:1: {n} columns are called {column}; give each its own name")
            places.append(first_row.index(column) if isinstance(column, str) else column)
        return places

    def _scores(self, column: list[str], first: int) -> list[float]:
        return [as_score(value, f"{self.path}:{number}") for number, value in enumerate(column, start=first)]

    def _complain(self, rows: list[list[str]], places: list[int], *, first: int) -> None:
        number, row = next((n, row) for n, row in enumerate(rows, start=first) if len(row) <= max(places))
        *others, last = map(str, places)
        raise DataError(
            f"{self.path}:{number}: {len(row)} column(s) where the recipe takes columns "
            f"{', '.join(others)} and {last}, counted from 0"
        )
