"""Pairs in text files: line by line in two of them, or in two columns of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtkit.data import pairs
from mtkit.data.pairs import Pairs
from mtkit.errors import DataError
from mtkit.io import read_aligned_chunks, read_line_chunks, sha256_file


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
class TsvSource:
    """A tab-separated file without quoting or header."""

    name: str
    path: Path
    columns: tuple[int, int]

    def sha256(self) -> dict[str, str]:
        """Digest of the file."""
        return {str(self.path): sha256_file(self.path)}

    def chunks(self) -> Iterator[Pairs]:
        """Read two columns.

        Raises:
            DataError: If the file cannot be read, is not UTF-8, or a row has too few columns.
        """
        src_column, tgt_column = self.columns
        n = 0
        for lines in read_line_chunks(self.path, pairs.CHUNK_PAIRS):
            rows = [line.split("\t") for line in lines]
            try:
                found = Pairs([row[src_column] for row in rows], [row[tgt_column] for row in rows])
            except IndexError:
                self._complain(rows, first=n + 1)
            yield found
            n += len(rows)

    def one_side(self, side: int) -> Iterator[list[str]]:
        """Read one column."""
        return (chunk.of_side(side) for chunk in self.chunks())

    def _complain(self, rows: list[list[str]], *, first: int) -> None:
        needed = max(self.columns) + 1
        number, row = next((n, row) for n, row in enumerate(rows, start=first) if len(row) < needed)
        raise DataError(
            f"{self.path}:{number}: {len(row)} column(s) where the recipe takes columns "
            f"{self.columns[0]} and {self.columns[1]}, counted from 0"
        )
