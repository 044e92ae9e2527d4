r"""The messages of a Gettext catalogue, as msgfmt reads them.

Own code, because the libraries that read PO keep escapes such as \x41 or \101 as they stand and refuse indentation,
several strings on a line and strings on the line after their keyword, all of which msgfmt accepts.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mtkit.errors import DataError

_TOKEN = re.compile(
    r'\s*(?:"((?:[^"\\]|\\.)*)"|(msgid_plural|msgid|msgstr|msgctxt|domain)(?=[\s"\[]|$)|\[\s*(\d{1,9})\s*\]|(#.*)|($))'
)
_CONTINUED = re.compile(r'\s*"(?:[^"\\]|\\.)*\\\r?$')
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]+)|([0-7]{1,3})|(.))")
_LETTERS = {"n": "\n", "t": "\t", "b": "\b", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "\\": "\\", '"': '"'}
_FUZZY = re.compile(r"#[,=](.*,)?\s*fuzzy\s*(,|$)")


@dataclass
class Message:
    """One entry of a catalogue."""

    msgid: str
    plural: str | None = None
    forms: dict[int, str] = field(default_factory=dict)
    """The translation alone as form 0, or those of a message with a plural by their numbers."""

    context: str | None = None
    is_fuzzy: bool = False

    @property
    def is_header(self) -> bool:
        """Whether it describes the catalogue and is not a message."""
        return self.msgid == "" and self.context is None


def read_messages(lines: Iterable[str], charset: str, path: Path) -> Iterator[Message]:
    r"""Yield the messages of a catalogue, the header and fuzzy ones too, obsolete ones not.

    Args:
        lines: Its lines, decoded.
        charset: What bytes written as \x41 or \101 are in.
        path: For messages.

    Raises:
        DataError: If it is malformed, naming the line.
    """
    reader = _Reader(charset, path)
    for line in lines:
        yield from reader.read(line)
    yield from reader.end()


class _Reader:
    """Puts messages together, a line at a time."""

    def __init__(self, charset: str, path: Path) -> None:
        self._charset, self._path = charset, path
        self._line = 0
        self._is_fuzzy = False
        self._continued = ""
        """A string whose line ends in a backslash."""

        self._message: Message | None = None
        self._context: str | None = None
        self._keyword = ""
        self._form = 0
        self._needs = ""
        """What has to come next: a string, [, or nothing in particular."""

    def read(self, line: str) -> Iterator[Message]:
        """Take a line; yields the message that ends where another begins."""
        self._line += 1
        line, self._continued = f"{self._continued}{line}", ""
        place = 0
        while place < len(line):
            found = _TOKEN.match(line, place)
            if found is None and _CONTINUED.match(line, place):
                self._continued = line.removesuffix("\r")[place:-1]
                return
            if found is None:
                raise self._malformed(_unknown(line[place:].strip()))
            place = found.end()
            string, keyword, number, comment, _ = found.groups()
            if string is not None:
                self._add(string)
            elif keyword is not None:
                yield from self._begin(keyword)
            elif number is not None:
                self._number(int(number))
            elif comment is not None:
                yield from self._note(comment)

    def end(self) -> Iterator[Message]:
        """Yield the last message."""
        if self._continued:
            raise self._malformed(_unknown(self._continued.strip()))
        if self._needs:
            raise self._malformed(f"ends where {self._needs} is expected")
        message, self._message = self._message, None
        if message is not None:
            if not message.forms:
                raise self._malformed("a msgid without msgstr")
            yield message
        if self._context is not None:
            raise self._malformed("a msgctxt without msgid")

    def _begin(self, keyword: str) -> Iterator[Message]:
        """A keyword."""
        if self._needs:
            raise self._malformed(f"{keyword} where {self._needs} is expected")
        self._needs = "a string"
        if keyword in ("msgctxt", "domain") or (keyword == "msgid" and self._context is None):
            self._needs = ""
            yield from self.end()
            self._needs = "a string"
        if keyword == "msgctxt":
            self._context = ""
        elif keyword == "msgid":
            self._message = Message("", context=self._context, is_fuzzy=self._is_fuzzy)
            self._context, self._is_fuzzy = None, False
        elif keyword == "msgid_plural":
            if self._message is None or self._message.plural is not None or self._message.forms:
                raise self._malformed("msgid_plural without a msgid before it")
            self._message.plural = ""
        elif keyword == "msgstr":
            if self._message is None or (self._message.forms and self._message.plural is None):
                raise self._malformed("msgstr without a msgid before it")
            self._form = 0
            if self._message.plural is None:
                self._message.forms[0] = ""
            else:
                self._needs = "[0]"
        self._keyword = keyword

    def _number(self, number: int) -> None:
        """Which form a translation is."""
        if self._needs != "[0]" or self._message is None:
            raise self._malformed(f"[{number}] where {self._needs or 'a keyword'} is expected")
        if number in self._message.forms:
            raise self._malformed(f"msgstr[{number}] twice")
        self._form, self._needs = number, "a string"
        self._message.forms[number] = ""

    def _add(self, string: str) -> None:
        """A string, which is a part of what the last keyword began."""
        if self._needs == "[0]" or not self._keyword:
            raise self._malformed(f"a string where {self._needs or 'a keyword'} is expected")
        self._needs = ""
        text = self._unescaped(string)
        if self._keyword == "msgctxt":
            self._context = (self._context or "") + text
        elif self._message is not None:
            match self._keyword:
                case "msgid":
                    self._message.msgid += text
                case "msgid_plural":
                    self._message.plural = (self._message.plural or "") + text
                case "msgstr":
                    self._message.forms[self._form] += text

    def _note(self, comment: str) -> Iterator[Message]:
        """A comment, which belongs to the message after it; an obsolete message is a comment too."""
        if self._message is not None and self._message.forms and not self._needs:
            yield from self.end()
            self._keyword = ""
        if comment.startswith("#~"):
            self._is_fuzzy = False
        elif _FUZZY.match(comment):
            self._is_fuzzy = True

    def _unescaped(self, string: str) -> str:
        if "\\" not in string:
            return string
        parts: list[bytes] = []
        end = 0
        for escape in _ESCAPE.finditer(string):
            hexadecimal, octal, letter = escape.groups()
            if letter is not None and letter not in _LETTERS:
                raise self._malformed(f"\\{letter} is not an escape")
            parts.append(self._encoded(string[end : escape.start()]))
            if letter is not None:
                parts.append(self._encoded(_LETTERS[letter]))
            else:
                parts.append(bytes([int(hexadecimal, 16) & 255 if hexadecimal else int(octal, 8) & 255]))
            end = escape.end()
        parts.append(self._encoded(string[end:]))
        try:
            return b"".join(parts).decode(self._charset)
        except UnicodeDecodeError:
            raise self._malformed(f"bytes written as escapes that are not {self._charset}") from None

    def _encoded(self, string: str) -> bytes:
        try:
            return string.encode(self._charset)
        except UnicodeEncodeError:  # some charsets read more than they write
            raise self._malformed(f"a character beside an escape that cannot be written in {self._charset}") from None

    def _malformed(self, what: str) -> DataError:
        return DataError(f"{self._path}:{self._line}: malformed PO file: {what}")


def _unknown(rest: str) -> str:
    """What to say of text that is not part of a catalogue."""
    return "a string without its closing quotation mark" if rest.startswith('"') else f"{rest!r:.40} is not a keyword"
