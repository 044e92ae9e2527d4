"""Where pairs come from: line-aligned text, TSV, and Hugging Face ``datasets``.

A segment is one line: it never holds a line feed. Sources are read more than once, in bounded chunks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from mtkit.config import DataConfig, SourceConfig
from mtkit.data.huggingface import HuggingFaceSource
from mtkit.errors import DataError
from mtkit.io import read_aligned_chunks, read_line_chunks, sha256_file

Place = Literal["train", "valid", "test"]

CHUNK_PAIRS = 8192

_PACKED = (".gz", ".zst")


class Source(Protocol):
    """Pairs of segments in a fixed order, and a name for them."""

    name: str

    def sha256(self) -> dict[str, str]:
        """Hex digest of each input, by the name that the recipe gives it."""

    def chunks(self) -> Iterator[tuple[list[str], list[str]]]:
        """Source and target segments, the same number of each, a bounded number at a time."""

    def one_side(self, side: int) -> Iterator[list[str]]:
        """The segments of one side alone, in chunks of the same size: 0 source, 1 target."""


@dataclass
class TextSource:
    """Two files; line n of one translates line n of the other."""

    name: str
    src: Path
    tgt: Path

    def sha256(self) -> dict[str, str]:
        """Digests of both files."""
        return {str(path): sha256_file(path) for path in (self.src, self.tgt)}

    def chunks(self) -> Iterator[tuple[list[str], list[str]]]:
        """Read both files side by side.

        Raises:
            DataError: If a file cannot be read, is not UTF-8, or one has more lines than the other.
        """
        return read_aligned_chunks(self.src, self.tgt, CHUNK_PAIRS)

    def one_side(self, side: int) -> Iterator[list[str]]:
        """Read one file alone."""
        return read_line_chunks((self.src, self.tgt)[side], CHUNK_PAIRS)


@dataclass
class TsvSource:
    """A tab-separated file without quoting or header."""

    name: str
    path: Path
    columns: tuple[int, int]

    def sha256(self) -> dict[str, str]:
        """Digest of the file."""
        return {str(self.path): sha256_file(self.path)}

    def chunks(self) -> Iterator[tuple[list[str], list[str]]]:
        """Read two columns.

        Raises:
            DataError: If the file cannot be read, is not UTF-8, or a row has too few columns.
        """
        src_column, tgt_column = self.columns
        n = 0
        for lines in read_line_chunks(self.path, CHUNK_PAIRS):
            rows = [line.split("\t") for line in lines]
            try:
                pairs = [row[src_column] for row in rows], [row[tgt_column] for row in rows]
            except IndexError:
                self._complain(rows, first=n + 1)
            yield pairs
            n += len(rows)

    def one_side(self, side: int) -> Iterator[list[str]]:
        """Read one column."""
        return (chunk[side] for chunk in self.chunks())

    def _complain(self, rows: list[list[str]], *, first: int) -> None:
        needed = max(self.columns) + 1
        number, row = next((n, row) for n, row in enumerate(rows, start=first) if len(row) < needed)
        raise DataError(
            f"{self.path}:{number}: {len(row)} column(s) where the recipe takes columns "
            f"{self.columns[0]} and {self.columns[1]}, counted from 0"
        )


def open_sources(data: DataConfig) -> dict[Place, list[Source]]:
    """The sources of a recipe, by their place; training and validation sources get distinct names.

    Raises:
        DataError: If two test sets have the same name.
    """
    languages = (data.src_lang, data.tgt_lang)
    sources: dict[Place, list[Source]] = {
        "train": [_open(config, "train", languages) for config in data.train],
        "valid": [_open(config, "valid", languages) for config in data.valid],
        "test": [_open(config, "test", languages) for config in data.test],
    }
    names = [source.name for source in sources["test"]]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"two test sets are called {name}; give each a name: of its own in the recipe")
    for place in ("train", "valid"):
        taken: set[str] = set()
        for source in sources[place]:
            name, n = source.name, 1
            while source.name in taken:
                n += 1
                source.name = f"{name}-{n}"
            taken.add(source.name)
    return sources


def _open(config: SourceConfig, place: Place, languages: tuple[str, str]) -> Source:
    if config.src is not None and config.tgt is not None:
        return TextSource(config.name or _stem(config.src), Path(config.src), Path(config.tgt))
    if config.tsv is not None:
        return TsvSource(config.name or _stem(config.tsv), Path(config.tsv), config.columns)
    assert config.hf is not None
    return HuggingFaceSource(
        name=config.name or _stem(config.hf),
        path=config.hf,
        config_name=config.hf_config,
        splits=(config.split,) if config.split else _SPLITS[place],
        fields=config.fields,
        languages=languages,
        chunk_pairs=CHUNK_PAIRS,
    )


_SPLITS: dict[Place, tuple[str, ...]] = {
    "train": ("train",),
    "valid": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


def _stem(path: str) -> str:
    """``data/news.2014.en.gz`` as ``news.2014``."""
    name = Path(path).name
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return Path(name).stem or name
