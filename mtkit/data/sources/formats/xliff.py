"""Pairs in XLIFF 1.2 and 2, read as a stream.

The text of a segment is what a translator sees of it: that of ``g``, ``pc`` and ``mrk`` is kept, a code (``x``,
``ph``, ``bpt``, ...) is the text that the file shows for it (``equiv-text``, ``disp``, ``equiv``) or else, if it is a
placeholder, what stands inside it or in ``originalData``; nothing otherwise. A unit is in the languages that its
source and target name, or else in those of its file.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtkit.data.sources.formats.xml import Segment, read_pairs, seen_of
from mtkit.data.sources.pairs import FileSource, Pairs, in_chunks, one_line
from mtkit.errors import DataError
from mtkit.languages.matching import closeness, is_swapped
from mtkit.log import logger
from mtkit.wording import counted

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = {"x", "bx", "ex", "ph", "it", "bpt", "ept", "sc", "ec"}
_SHOWN = ("equiv-text", "disp", "equiv")
_BREAKS = {"lb", "pb", "xlf:lb", "xlf:pb"}
_SIDES = ("source", "seg-source", "target")
_Languages = tuple[str | None, str | None]
"""Of source and target; None where they are not named."""

_UNNAMED = "a language it does not name"
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,8}")
_GROUPS = {"file", "group", "unit", "trans-unit"}
"""Elements that may say whether what is in them is to be translated."""

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
            DataError: If the file cannot be read, is not XLIFF, declares entities, or is in other languages.
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


def languages_of_xliff(path: Path) -> list[str]:
    """The languages that a document names, each once, in its order: source before target.

    Raises:
        DataError: If the file cannot be read or is not XLIFF.
    """
    found = _Named()
    for _ in read_pairs(path, "xliff", found, Segment()):
        pass
    return list(found.codes)


class _Named:
    """The languages that a document names."""

    def __init__(self) -> None:
        self.codes: dict[str, None] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("xliff", "file"):
            names = ("srcLang", "trgLang", "source-language", "target-language")
            self.codes |= dict.fromkeys(attributes[name] for name in names if attributes.get(name))
        elif tag == "target" and (code := attributes.get(_LANG)):
            self.codes[code] = None

    def end(self, tag: str) -> None:
        """Nothing to do."""

    def take(self) -> list[tuple[str, str]]:
        return []


class _Text:
    """The text of a source or target: whole, and that of each segment in it, by what the file calls it."""

    def __init__(self) -> None:
        self.whole = ""
        self.segments: dict[str, str] = {}


class _Units:
    """The ``trans-unit`` elements of 1.2 and the ``segment`` elements of 2."""

    def __init__(self, languages: tuple[str, str], segment: Segment) -> None:
        self.n = 0
        """Pairs, those that were skipped too."""

        self.skipped: Counter[str] = Counter()
        self.directions = ""
        """From which language to which the last unit goes that is in others than the recipe."""

        self._wanted, self._segment = languages, segment
        self._found: list[tuple[str, str]] = []
        self._of_file: _Languages = (None, None)
        """Those of source and target, where these do not say it."""

        self._of_unit: _Languages = (None, None)
        self._translate = [True]
        """The translate attribute of the element around, and of each around that."""

        self._unit_depth = 0
        self._state = self._own_state = ""
        """Of the target, and of the unit itself."""

        self._has_oddity = False
        """Whether the text of the unit holds a <cp> that is not a character."""

        self._sides: dict[str, _Text] = {}
        self._data: dict[str, str] = {}
        """What the codes of a unit of 2 stand for, by id."""

        self._open = ""
        """The side that is being read, or the id of such data."""

        self._marked: list[tuple[int, str, int]] = []
        """Depth, name and beginning of the segments that are being read."""

        self._ends: list[str] = []
        """What the ends of the pairs of codes around show."""

        self._by_content: list[bool] = []
        """Whether the content of each code around tells what it shows."""

    @property
    def _depth(self) -> int:
        return len(self._translate) - 1

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        said = attributes.get("translate") if tag in _GROUPS else None
        self._translate.append(self._translate[-1] if said is None else said != "no")
        if self._segment.is_open:
            self._start_inline(tag, attributes)
        elif tag in _SIDES:
            # A unit may hold other pairs, deeper: suggestions.
            if self._unit_depth and self._depth == self._unit_depth + 1 and self._takes(tag, attributes.get(_LANG)):
                if tag == "target":
                    self._state = attributes.get("state", self._own_state)
                self._sides[tag] = _Text()
                self._begin(tag)
        elif tag in ("trans-unit", "segment"):
            self._unit_depth, self._sides, self._of_unit = self._depth, {}, self._of_file
            self._state = self._own_state = attributes.get("state", "")
            self._has_oddity = False
        elif tag == "unit":
            self._data = {}
        elif tag == "data":
            self._begin(attributes.get("id", ""))
        elif tag == "file" and "source-language" in attributes:
            self._of_file = attributes["source-language"], attributes.get("target-language")
        elif tag == "xliff":
            self._of_file = attributes.get("srcLang"), attributes.get("trgLang")

    def end(self, tag: str) -> None:
        if self._segment.is_open:
            if tag == "data":
                self._data[self._open] = self._segment.close()
            elif tag == self._open and self._depth == self._unit_depth + 1:
                self._sides[tag].whole = one_line(self._segment.close())
            else:
                self._end_inline(tag)
        elif self._depth == self._unit_depth:
            self._unit_depth = 0
            self._judge()
        self._translate.pop()

    def take(self) -> list[tuple[str, str]]:
        found, self._found = self._found, []
        return found

    def _begin(self, what: str) -> None:
        self._open, self._marked, self._ends, self._by_content = what, [], [], []
        self._segment.open()

    def _takes(self, side: str, language: str | None) -> bool:
        """Whether an element is read: the first of its side, or a target in a language that answers better."""
        source, target = self._of_unit
        if side == "target":
            languages = source, language or self._of_file[1]
            if side in self._sides and self._answers(languages) <= self._answers((source, target)):
                return False
            self._of_unit = languages
            return True
        if side == "source" and side not in self._sides:
            self._of_unit = language or source, target
        return side not in self._sides

    def _answers(self, languages: _Languages) -> int:
        """How well the target is in the language that the recipe has there; 0 where the unit is in others."""
        swapped = is_swapped(languages, self._wanted)
        if swapped is None:
            return 0
        return closeness(self._wanted[not swapped], languages[1]) if languages[1] else 1

    def _start_inline(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _CODES:
            shown = next((attributes[name] for name in _SHOWN if attributes.get(name)), None)
            if shown is None and {attributes.get("ctype"), attributes.get("subType")} & _BREAKS:
                shown = "\n"
            self._by_content.append(shown is None and tag == "ph")
            self._segment.add(self._seen_of_data(attributes, "dataRef") if shown is None else shown)
            if self._by_content[-1]:
                self._segment.begin_code()
            else:
                self._segment.hide()
        elif tag == "pc":
            start, end = (
                attributes.get(f"disp{at}") or attributes.get(f"equiv{at}") or self._seen_of_data(attributes, ref)
                for at, ref in (("Start", "dataRefStart"), ("End", "dataRefEnd"))
            )
            self._segment.add(start)
            self._ends.append(end)
        elif tag == "cp":
            self._add_character(attributes.get("hex", ""))
        elif tag == "mrk" and attributes.get("mtype") == "seg" and self._open in self._sides:
            name = attributes.get("mid") or f"number {len(self._sides[self._open].segments) + 1}"
            self._marked.append((self._depth, name, self._segment.place))

    def _seen_of_data(self, attributes: dict[str, str], reference: str) -> str:
        """What a person sees of a code that stands beside the segments of its unit."""
        return seen_of(self._data.get(attributes.get(reference, ""), ""))

    def _add_character(self, hexadecimal: str) -> None:
        """A character that XML cannot hold, by its number."""
        number = int(hexadecimal, 16) if _HEXADECIMAL.fullmatch(hexadecimal) else 0x110000
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            self._has_oddity = True
        else:
            self._segment.add(chr(number))

    def _end_inline(self, tag: str) -> None:
        if tag in _CODES:
            if self._by_content.pop():
                self._segment.end_code()
            else:
                self._segment.show()
        elif tag == "pc":
            self._segment.add(self._ends.pop())
        elif self._marked and self._marked[-1][0] == self._depth:
            _, name, place = self._marked.pop()
            segments = self._sides[self._open].segments
            segments[name] = segments.get(name, "") + one_line(self._segment.since(place))

    def _pairs(self) -> list[tuple[str, str]]:
        """The pairs of a unit: of its segments, where both sides have them, else the whole."""
        source, target = (self._sides.get(side, _Text()) for side in ("source", "target"))
        parts = self._sides.get("seg-source", _Text()).segments or source.segments
        if not parts or (target.whole and not target.segments):
            return [(source.whole, target.whole)]
        return [(text, target.segments.get(name, "")) for name, text in parts.items()]

    def _judge(self) -> None:
        """Keep the pairs of a unit, or count why not."""
        swapped = is_swapped(self._of_unit, self._wanted)
        for src, tgt in self._pairs():
            self.n += 1
            if swapped is None:
                self.skipped["in other languages"] += 1
                source, target = self._of_unit
                self.directions = f"from {source or _UNNAMED} to {target or _UNNAMED}"
            elif not self._translate[-1]:
                self.skipped["marked as not to be translated"] += 1
            elif not src or not tgt or self._state in _NOT_TRANSLATED:
                self.skipped["without a translation"] += 1
            elif self._has_oddity:
                self.skipped["with a number in <cp> that is not a character"] += 1
            else:
                self._found.append((tgt, src) if swapped else (src, tgt))
