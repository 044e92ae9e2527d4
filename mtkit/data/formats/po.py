"""Pairs in Gettext PO files, read by translate-toolkit."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mtkit.data.formats.languages import closeness
from mtkit.data.pairs import FileSource, Pairs, in_chunks, one_line
from mtkit.errors import DataError
from mtkit.io import read_blocks
from mtkit.log import counted, logger

MAX_BYTES = 100_000_000
"""The library holds a file whole, in some twenty times its size; catalogues have a few megabytes."""

_CHARSET = re.compile(rb'^"Content-Type:[^\n]*charset=([^\s\\";]+)', re.MULTILINE | re.IGNORECASE)


@dataclass
class PoSource(FileSource):
    """The translated messages of a catalogue: without its header, and what is fuzzy or obsolete."""

    languages: tuple[str, str]
    _told: bool = False

    def chunks(self) -> Iterator[Pairs]:
        """Read messages and translations, swapped where the header says that these are in the source language.

        A message with plural forms gives two pairs: the singular with the first form, the plural with the second.

        Raises:
            DataError: If the file cannot be read, is malformed or not in its charset, or translate-toolkit is missing.
        """
        return in_chunks(self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        catalogue = self._parsed(self._content())
        is_swapped = self._is_swapped(catalogue.gettargetlanguage())
        n = n_skipped = 0
        for unit in catalogue.units:
            if unit.isheader() or unit.isblank() or unit.isobsolete():
                continue
            n += 1
            forms = zip(_forms(unit.source), _forms(unit.target), strict=False)
            found = [] if unit.isfuzzy() else [(src, tgt) for src, tgt in forms if src and tgt]
            n_skipped += not found
            yield from ((tgt, src) if is_swapped else (src, tgt) for src, tgt in found)
        if n_skipped and not self._told:
            self._told = True
            logger.warning("%s: skipped %s of %s, fuzzy or not translated", self.path, n_skipped, counted(n, "message"))

    def _content(self) -> bytes:
        """The bytes of the file in UTF-8, whatever charset its header names."""
        blocks: list[bytes] = []
        for block in read_blocks(self.path):
            blocks.append(block)
            if sum(map(len, blocks)) > MAX_BYTES:
                raise DataError(
                    f"{self.path}: more than {MAX_BYTES // 10**6} MB, and a PO file is read whole; convert it to TMX, "
                    "for example with po2tmx of translate-toolkit"
                )
        content = b"".join(blocks)
        named = _CHARSET.search(content)
        charset = "utf-8" if named is None or named[1] == b"CHARSET" else named[1].decode("latin-1")
        if named:  # what is handed on is in UTF-8: the library decodes by the header or by guessing, after its version
            content = content[: named.start(1)] + b"UTF-8" + content[named.end(1) :]
        try:
            return content.decode(charset).removeprefix("\ufeff").encode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            says = "which is the charset its header names" if named else "and no header names another charset"
            raise DataError(f"{self.path}:{line}: not {charset}, {says}; correct the header") from None
        except LookupError:
            raise DataError(f"{self.path}: the header names the charset {charset}, which is unknown") from None

    def _parsed(self, content: bytes) -> Any:
        """The library's catalogue."""
        try:
            from translate.storage.poparser import PoParseError
            from translate.storage.pypo import pofile
        except ImportError:
            raise DataError(f"{self.path}: PO files need translate-toolkit: pip install mtkit[formats]") from None
        logging.getLogger("translate").setLevel(logging.CRITICAL)  # it logs what it raises as well
        try:
            catalogue = pofile(noheader=True)
            catalogue.parse(content)
        except PoParseError as error:
            raise DataError(f"{self.path}: malformed PO file: {' '.join(str(error).split())}") from None
        except (ValueError, IndexError, AttributeError, TypeError) as error:  # what the parser stumbles over
            raise DataError(f"{self.path}: malformed PO file: {error}") from None
        return catalogue

    def _is_swapped(self, language: str | None) -> bool:
        """Whether the translations are in the recipe's source language."""
        src, tgt = (closeness(wanted, language) for wanted in self.languages) if language else (0, 0)
        if language and not src and not tgt and not self._told:
            logger.warning("%s: its header says %s, taken for %s", self.path, language, self.languages[1])
        return src > tgt


def _forms(text: Any) -> list[str]:
    """The plural forms of a message, or it alone."""
    return [one_line(str(form)) for form in getattr(text, "strings", [text])]
