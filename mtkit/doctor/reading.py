"""Reading a corpus that may be damaged: sides of unequal length, and ends of lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtkit.data.sources.formats.text import TextSource, TsvSource
from mtkit.data.sources.pairs import Pairs, Source
from mtkit.files.text import BOM, open_binary

_BLOCK = 1 << 20


class PatientReader:
    """Reads the pairs of a source as far as its shorter side goes, and counts what is left of the other."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.n_lines = [0, 0]
        """Lines of source and target, once all was read."""

    def chunks(self) -> Iterator[Pairs]:
        """The pairs, as ``Source.chunks`` gives them.

        Raises:
            DataError: If an input cannot be read.
        """
        # Only two files can be unequal; in other formats the two sides of a pair are one record.
        whole = self._apart(self._source) if isinstance(self._source, TextSource) else self._source.chunks()
        for chunk in whole:
            self.n_lines = [n + len(side) for n, side in zip(self.n_lines, (chunk.src, chunk.tgt), strict=True)]
            n = min(len(chunk.src), len(chunk.tgt))
            if n:
                yield Pairs(chunk.src[:n], chunk.tgt[:n], chunk.scores)

    @staticmethod
    def _apart(source: TextSource) -> Iterator[Pairs]:
        """Both files in step; chunks of unequal length at the end of the shorter."""
        sides = [source.one_side(side) for side in (0, 1)]
        while True:
            src, tgt = (next(side, []) for side in sides)
            if not src and not tgt:
                return
            yield Pairs(src, tgt)


@dataclass(frozen=True)
class LineEnds:
    r"""How the lines of a file end, and how it begins."""

    path: Path
    n_lines: int
    n_crlf: int
    r"""Lines that end in ``\r\n``."""

    has_bom: bool

    @property
    def mixed(self) -> bool:
        """Whether it has both kinds."""
        return 0 < self.n_crlf < self.n_lines


def line_ends(source: Source) -> list[LineEnds]:
    """Line ends of the text files of a source; none for formats without lines.

    Raises:
        DataError: If a file cannot be opened.
    """
    if isinstance(source, TextSource):
        return [_line_ends(path) for path in (source.src, source.tgt)]
    return [_line_ends(source.path)] if isinstance(source, TsvSource) else []


def _line_ends(path: Path) -> LineEnds:
    n_lines = n_crlf = 0
    has_bom = False
    before = b""
    with open_binary(path) as file:
        while block := file.read(_BLOCK):
            has_bom = has_bom or (n_lines == 0 and not before and block.startswith(BOM.encode()))
            n_lines += block.count(b"\n")
            n_crlf += block.count(b"\r\n") + (before == b"\r" and block.startswith(b"\n"))
            before = block[-1:]
    return LineEnds(path, n_lines, n_crlf, has_bom)
