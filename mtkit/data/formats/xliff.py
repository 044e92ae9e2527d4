"""Pairs in XLIFF 1.2 and 2, read as a stream.

The text of a segment is what a translator sees of it: that of ``g``, ``pc`` and ``mrk`` is kept, a code (``x``,
``ph``, ``bpt``, ...) is the text that the file gives for it (``equiv-text``, ``equiv``) or nothing, and what stands
inside a code is left out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mtkit.data.formats.languages import is_swapped
from mtkit.data.formats.xml import Segment, read_pairs
from mtkit.data.pairs import FileSource, Pairs, in_chunks, one_line
from mtkit.errors import DataError
from mtkit.log import counted, logger

_CODES = {"x", "bx", "ex", "ph", "it", "bpt", "ept", "sc", "ec"}
_NOT_TRANSLATED = {"new", "needs-translation", "needs-l10n", "needs-adaptation", "initial"}
"""States of 1.2, and the first of 2, in which the target is not a translation yet. That ``approved`` is no does not
count: it is so by default, and most programs leave it."""


@dataclass
class XliffSource(FileSource):
    """The translated units of an XLIFF document."""

    languages: tuple[str, str]
    _told: bool = False

    def chunks(self) -> Iterator[Pairs]:
        """Read source and target, swapped where the file goes the other way; what is not translated is skipped.

        Raises:
            DataError: If the file cannot be read, is no XLIFF, declares entities, or is in other languages.
        """
        return in_chunks(self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        segment = Segment()
        units = _Units(self.languages, segment)
        yield from read_pairs(self.path, "xliff", units, segment)
        if units.n and units.n == units.skipped["in other languages"]:
            raise DataError(
                f"{self.path}: goes {units.directions}, neither way between {self.languages[0]} and "
                f"{self.languages[1]}; name its languages with src_lang: and tgt_lang: of this source"
            )
        if units.skipped and not self._told:
            self._told = True
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in units.skipped.items())
            logger.warning("%s: skipped some of %s: %s", self.path, counted(units.n, "unit"), reasons)


class _Units:
    """The ``trans-unit`` elements of 1.2 and the ``segment`` elements of 2."""

    def __init__(self, languages: tuple[str, str], segment: Segment) -> None:
        self.n = 0
        self.skipped: Counter[str] = Counter()
        self.directions = ""
        """From which language to which the last file of the document goes."""
        self._wanted, self._segment = languages, segment
        self._found: list[tuple[str, str]] = []
        self._swapped: bool | None = False
        self._is_translatable = True
        self._depth = self._unit_depth = 0
        self._state = ""
        self._sides: dict[str, str] = {}
        self._ends: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._segment.is_open:
            self._start_inline(tag, attributes)
        elif tag in ("source", "target"):
            # A unit may hold other pairs, deeper: suggestions.
            if self._unit_depth and self._depth == self._unit_depth + 1 and tag not in self._sides:
                self._state = attributes.get("state", self._state)
                self._segment.open()
        elif tag in ("trans-unit", "segment"):
            self._unit_depth, self._sides, self._state = self._depth, {}, attributes.get("state", "")
            if tag == "trans-unit":
                self._is_translatable = attributes.get("translate") != "no"
        elif tag == "unit":
            self._is_translatable = attributes.get("translate") != "no"
        elif tag == "file" and "source-language" in attributes:
            self._set_languages(attributes.get("source-language"), attributes.get("target-language"))
        elif tag == "xliff":
            self._set_languages(attributes.get("srcLang"), attributes.get("trgLang"))

    def end(self, tag: str) -> None:
        if self._segment.is_open:
            if tag in ("source", "target") and self._depth == self._unit_depth + 1:
                self._sides[tag] = one_line(self._segment.close())
            else:
                self._end_inline(tag)
        elif self._depth == self._unit_depth:
            self._unit_depth = 0
            self._judge()
        self._depth -= 1

    def take(self) -> list[tuple[str, str]]:
        found, self._found = self._found, []
        return found

    def _set_languages(self, source: str | None, target: str | None) -> None:
        self._swapped = is_swapped((source, target), self._wanted)
        self.directions = f"from {source or 'a language it does not name'} to {target or 'one it does not name'}"

    def _start_inline(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _CODES:
            self._segment.add(attributes.get("equiv-text") or attributes.get("equiv") or "")
            self._segment.hide()
        elif tag == "pc":
            self._segment.add(attributes.get("equivStart", ""))
            self._ends.append(attributes.get("equivEnd", ""))

    def _end_inline(self, tag: str) -> None:
        if tag in _CODES:
            self._segment.show()
        elif tag == "pc":
            self._segment.add(self._ends.pop())

    def _judge(self) -> None:
        """Keep the pair of a unit, or count why not."""
        self.n += 1
        src, tgt = self._sides.get("source"), self._sides.get("target")
        if self._swapped is None:
            self.skipped["in other languages"] += 1
        elif not self._is_translatable:
            self.skipped["marked as not to be translated"] += 1
        elif not src or not tgt or self._state in _NOT_TRANSLATED:
            self.skipped["without a translation"] += 1
        else:
            self._found.append((tgt, src) if self._swapped else (src, tgt))
