"""Pairs in translation memories (TMX 1.1 to 1.4), read as a stream.

The text of a segment is kept, that of ``hi`` too. What ``bpt``, ``ept``, ``it``, ``ph`` and ``ut`` hold is markup of
another format, with the ``sub`` in it, and is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtkit.data.sources.formats.xml import Segment, read_pairs
from mtkit.data.sources.pairs import FileSource, Pairs, in_chunks, one_line
from mtkit.errors import DataError
from mtkit.languages.matching import closeness, side_of
from mtkit.log import logger
from mtkit.wording import counted

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MARKUP = {"bpt", "ept", "it", "ph", "ut"}
_MAX_LANGUAGES_SHOWN = 12


@dataclass
class TmxSource(FileSource):
    """The units of a translation memory that have both languages."""

    languages: tuple[str, str]
    _told: bool = False

    def chunks(self) -> Iterator[Pairs]:
        """Read both languages; units without them are skipped and counted, and of two variants the first is taken.

        Raises:
            DataError: If the file cannot be read, is not TMX, declares entities, or has no unit with both languages.
        """
        return in_chunks(self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        segment = Segment()
        units = _Units(self.languages, segment)
        yield from read_pairs(self.path, "tmx", units, segment)
        src_lang, tgt_lang = self.languages
        if units.n and units.n == units.n_skipped:
            raise DataError(
                f"{self.path}: none of {counted(units.n, 'unit')} is in both {src_lang} and {tgt_lang} (the file has "
                f"{', '.join(units.languages) or 'no language'}); choose with src_lang: and tgt_lang: of this source"
            )
        if units.n_skipped and not self._told:
            self._told = True
            skipped = f"{units.n_skipped:,} of {counted(units.n, 'unit')}"
            logger.warning("%s: skipped %s, not in both %s and %s", self.path, skipped, src_lang, tgt_lang)


def languages_of_tmx(path: Path) -> list[str]:
    """The languages of all units, each once; first that which the header calls the source language.

    Raises:
        DataError: If the file cannot be read or is not TMX.
    """
    segment = Segment()
    found = _Languages()
    for _ in read_pairs(path, "tmx", found, segment):
        pass
    return sorted(found.codes, key=lambda code: not closeness(found.source, code))


class _Languages:
    """The languages that a document names."""

    def __init__(self) -> None:
        self.source = ""
        self.codes: dict[str, None] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "tuv" and (code := attributes.get(_LANG) or attributes.get("lang")):
            self.codes[code] = None
        elif tag == "header":
            self.source = attributes.get("srclang", "")

    def end(self, tag: str) -> None:
        """Nothing to do."""

    def take(self) -> list[tuple[str, str]]:
        return []


class _Units:
    """The ``tu`` elements of a document."""

    def __init__(self, languages: tuple[str, str], segment: Segment) -> None:
        self.n = self.n_skipped = 0
        self.languages: list[str] = []
        """Languages of the file, only some of them where they are many."""
        self._wanted, self._segment = languages, segment
        self._found: list[tuple[str, str]] = []
        self._sides: list[str | None] = [None, None]
        self._closeness = [0, 0]
        self._side = self._rank = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._segment.is_open:
            if tag in _MARKUP:
                if tag == "ph" and attributes.get("type") == "lb":
                    self._segment.add("\n")
                self._segment.hide()
        elif tag == "seg":
            if self._rank > self._closeness[self._side]:
                self._segment.open()
        elif tag == "tuv":
            language = attributes.get(_LANG) or attributes.get("lang") or ""
            self._side, self._rank = side_of(language, self._wanted)
            if language not in self.languages and len(self.languages) < _MAX_LANGUAGES_SHOWN:
                self.languages.append(language)
        elif tag == "tu":
            self._sides, self._closeness, self._rank = [None, None], [0, 0], 0

    def end(self, tag: str) -> None:
        if self._segment.is_open:
            if tag in _MARKUP:
                self._segment.show()
            elif tag == "seg":
                self._sides[self._side] = one_line(self._segment.close())
                self._closeness[self._side] = self._rank
        elif tag == "tu":
            self.n += 1
            src, tgt = self._sides
            if src is None or tgt is None:
                self.n_skipped += 1
            else:
                self._found.append((src, tgt))

    def take(self) -> list[tuple[str, str]]:
        found, self._found = self._found, []
        return found
