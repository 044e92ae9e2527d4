"""XML read as a stream: nothing of a document is kept but the segments asked for, nothing is expanded or fetched."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import errors

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from mtkit.errors import DataError
from mtkit.files.text import MAX_LINE_BYTES, read_blocks

_PLACEHOLDER = re.compile(r"%[^<>\\]{1,80}|[$#]?\{[^<>\\]{1,80}\}|\$[\w.]{1,80}\$?|@\w{1,80}")
_BREAK = re.compile(r"</?(br|p|div|li|tr|td|th|h\d)\b|\\par\b|\\line\b|[\r\n]", re.IGNORECASE)

MAX_DEPTH = 200
"""Elements inside elements; documents of translations have ten or so."""

MAX_TAG_BYTES = 10_000_000
"""Most bytes of a tag or comment: the parser holds it, and rescans it with every block that does not end it."""

_BREAKS_OFF = {
    errors.codes[message]
    for message in (
        errors.XML_ERROR_NO_ELEMENTS,
        errors.XML_ERROR_UNCLOSED_TOKEN,
        errors.XML_ERROR_PARTIAL_CHAR,
        errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


class Format(Protocol):
    """What one format makes of the elements of its documents."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins; its tag is without the namespace of the document."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def take(self) -> list[tuple[str, str]]:
        """The pairs that were found since this was last asked."""


class Segment:
    """The text of one segment while it is read; elements that hold markup are left out with all that is in them."""

    def __init__(self) -> None:
        self.is_open = False
        self._parts: list[str] = []
        self._n_characters = 0
        self._n_hiding = 0
        self._codes: list[int] = []

    def open(self) -> None:
        """Begin with nothing."""
        self.is_open = True
        self._parts, self._n_characters, self._n_hiding = [], 0, 0
        self._codes = []

    def add(self, text: str) -> None:
        """Add text, unless it stands in markup or no segment is open."""
        if self.is_open and not self._n_hiding:
            self._parts.append(text)
            self._n_characters += len(text)
            if self._n_characters > MAX_LINE_BYTES:
                raise _Refused(f"a segment of more than {MAX_LINE_BYTES // 10**6} MB")

    def hide(self) -> None:
        """Leave out what follows."""
        self._n_hiding += 1

    def show(self) -> None:
        """End what ``hide`` began."""
        self._n_hiding -= 1

    def begin_code(self) -> None:
        """Leave out what follows, unless it is what a person sees of a code."""
        self._codes.append(self.place)

    def end_code(self) -> None:
        """End what ``begin_code`` began."""
        start = self._codes.pop()
        code = self.since(start)
        del self._parts[start:]
        self._parts.append(seen_of(code))

    @property
    def place(self) -> int:
        """Where the text has come to, for ``since``."""
        return len(self._parts)

    def since(self, place: int) -> str:
        """The text from a place on."""
        return "".join(self._parts[place:])

    def close(self) -> str:
        """The text."""
        self.is_open = False
        return "".join(self._parts)


def seen_of(code: str) -> str:
    """What a person sees of a code of another format: a placeholder such as %d or {name}; a line feed for a break."""
    if _PLACEHOLDER.fullmatch(code.strip()):
        return code
    return "\n" if _BREAK.match(code) else ""


class _Refused(Exception):
    """What a document is not read for."""


class _Elements:
    """Hands elements on, named without the namespace of the document; those of other namespaces keep theirs."""

    def __init__(self, root: str, document: Format, segment: Segment) -> None:
        self._root, self._document = root, document
        self.data = segment.add
        self._depth = 0
        self._namespace: str | None = None
        self._names: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Refused(f"more than {MAX_DEPTH} elements inside each other")
        if self._namespace is None:
            self._namespace = tag[: tag.rfind("}") + 1]
            if tag != f"{self._namespace}{self._root}":
                shown = tag.removeprefix(self._namespace)
                raise _Refused(f"begins with <{shown:.40}> where <{self._root}> is expected")
        if tag not in self._names:
            self._names[tag] = tag.removeprefix(self._namespace)
        self._document.start(self._names[tag], attributes)

    def end(self, tag: str) -> None:
        self._document.end(self._names[tag])
        self._depth -= 1


def read_pairs(path: Path, root: str, document: Format, segment: Segment) -> Iterator[tuple[str, str]]:
    """The pairs that a format finds in a document.

    Args:
        path: The file, packed or not.
        root: The tag of the document itself.
        document: What looks at the elements.
        segment: What collects text for it.

    Raises:
        DataError: If the file cannot be read, is not well-formed, breaks off, declares entities or is built to exhaust
            the memory, naming the line.
    """
    parser = DefusedXMLParser(target=_Elements(root, document, segment))
    n_bytes = 0
    with _said_in_one_line(path, parser):
        for block in read_blocks(path):
            parser.feed(block)
            n_bytes += len(block)
            if n_bytes - parser.parser.CurrentByteIndex > MAX_TAG_BYTES:
                raise _Refused(f"a tag or comment of more than {MAX_TAG_BYTES // 10**6} MB")
            yield from document.take()
        parser.close()
        yield from document.take()


@contextmanager
def _said_in_one_line(path: Path, parser: DefusedXMLParser) -> Iterator[None]:
    try:
        yield
    except ParseError as error:
        reason = str(error).partition(": line ")[0]
        if error.code == errors.codes[errors.XML_ERROR_INVALID_TOKEN]:
            reason = "a bare & or <, a control character, or another encoding than the file says"
        what = "the file breaks off" if error.code in _BREAKS_OFF else "not well-formed XML"
        raise DataError(f"{path}:{error.position[0]}: {what}: {reason}") from None
    except DefusedXmlException as error:
        raise DataError(
            f"{path}:{parser.parser.CurrentLineNumber}: declares the entity {getattr(error, 'name', '')}; entities are "
            "not read, because they can fetch files or fill the memory: replace them with what they stand for"
        ) from None
    except _Refused as refused:
        raise DataError(f"{path}:{parser.parser.CurrentLineNumber}: {refused}") from None
    except (LookupError, ValueError) as error:
        # Those two alone, and what Python's own codecs raise, are an encoding that the parser lacks.
        if type(error) not in (LookupError, ValueError) and not isinstance(error, UnicodeError):
            raise
        raise DataError(f"{path}:1: cannot be decoded ({error}); convert it to UTF-8") from None
