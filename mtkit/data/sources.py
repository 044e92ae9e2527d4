"""Where pairs come from: line-aligned text, TSV, and Hugging Face ``datasets``."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mtkit.config import SourceConfig
from mtkit.errors import DataError
from mtkit.io import read_lines, sha256_file

Chunk = tuple[list[str], list[str]]

CHUNK_PAIRS = 8192


@dataclass(frozen=True)
class TextSource:
    """Two files; line n of one translates line n of the other."""

    name: str
    src: Path
    tgt: Path

    def inputs(self) -> dict[str, str]:
        """Sha256 of each file, by the name that the recipe gives it."""
        return {str(path): sha256_file(path) for path in (self.src, self.tgt)}

    def chunks(self) -> Iterator[Chunk]:
        """Source and target segments, a bounded number at a time.

        Raises:
            DataError: If a file cannot be read, is not UTF-8, or one has more lines than the other.
        """
        src_lines, tgt_lines = read_lines(self.src), read_lines(self.tgt)
        n = 0
        while True:
            src, tgt = list(islice(src_lines, CHUNK_PAIRS)), list(islice(tgt_lines, CHUNK_PAIRS))
            if len(src) != len(tgt):
                n_src = n + len(src) + sum(1 for _ in src_lines)
                n_tgt = n + len(tgt) + sum(1 for _ in tgt_lines)
                raise DataError(f"{self.src} has {n_src:,} lines but {self.tgt} has {n_tgt:,}: they are not aligned")
            if not src:
                return
            n += len(src)
            yield src, tgt

    def lines(self, side: int) -> Iterator[str]:
        """The segments of one side: 0 source, 1 target."""
        return read_lines((self.src, self.tgt)[side])


Source = TextSource


def open_source(config: SourceConfig) -> Source:
    assert config.src is not None and config.tgt is not None
    return TextSource(config.name or Path(config.src).name.split(".")[0], Path(config.src), Path(config.tgt))
