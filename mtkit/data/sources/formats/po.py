"""Pairs in Gettext PO files, read as a stream."""

import codecs
import gettext
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from mtkit.data.sources.formats.po_messages import Message, read_messages
from mtkit.data.sources.pairs import FileSource, Pairs, in_chunks, one_line
from mtkit.errors import DataError
from mtkit.files.not_text import what_is_wrong
from mtkit.files.text import BOM, MAX_LINE_BYTES, read_blocks
from mtkit.languages.matching import closeness
from mtkit.log import logger
from mtkit.wording import counted, visible

_CHARSET = re.compile(r"^Content-Type:.*charset=\s*([^\s;]+)", re.MULTILINE | re.IGNORECASE)
_PLURALS = re.compile(r"^Plural-Forms:.*plural\s*=\s*([^;\n]+)", re.MULTILINE | re.IGNORECASE)
_HINT = re.compile(r"_: .*?\n(?=.)", re.DOTALL)
"""How old catalogues of KDE say what a message means."""

_ASCII = "".join(map(chr, (*range(0x20, 0x5C), *range(0x5D, 0x7E))))
"""What a PO file is made of; the backslash and the tilde are other signs in Japanese and Korean charsets."""

_COUNTS = range(1000)
"""Numbers of things that show which form of a plural is the usual one."""


@dataclass
class PoSource(FileSource):
    """The translated messages of a catalogue: without its header, and what is fuzzy or obsolete."""

    languages: tuple[str, str]
    _told: bool = False

    def chunks(self) -> Iterator[Pairs]:
        """Read messages and translations, swapped where the header says that these are in the source language.

        A message with plural forms gives two pairs: the singular with the form for one thing, the plural with the form
        for most numbers of things, both as ``Plural-Forms`` in the header says.

        Raises:
            DataError: If the file cannot be read, is malformed or not in its charset.
        """
        return in_chunks(self._pairs())

    def named_language(self, field: str = "Language") -> str | None:
        """What the header says in a field, such as the language of the translations."""
        return _field(self._header(self._first_block()), field)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        header = self._header(self._first_block())
        is_swapped = self._is_swapped(_field(header, "Language"))
        form_of_one, usual_form = self._plural_forms(header)
        n = n_skipped = n_formless = 0
        for message in self._messages(self._charset(header)):
            if not message.msgid:
                continue
            n += 1
            sides = [(message.msgid, 0)]
            if message.plural is not None:
                sides = [(message.msgid, form_of_one), (message.plural, usual_form)]
            texts = ((_text(src), one_line(message.forms.get(form, ""))) for src, form in sides)
            found = [] if message.is_fuzzy else [(src, tgt) for src, tgt in texts if src and tgt]
            is_translated = not message.is_fuzzy and any(message.forms.values())
            n_formless += is_translated and any(not message.forms.get(form) for _, form in sides)
            n_skipped += not found and not is_translated
            yield from ((tgt, src) if is_swapped else (src, tgt) for src, tgt in found)
        if self._told:
            return
        self._told = True
        if n_skipped:
            logger.warning("%s: skipped %s of %s, fuzzy or not translated", self.path, n_skipped, counted(n, "message"))
        if n_formless:
            asked = f"form {form_of_one} for one thing and {usual_form} for most numbers of things"
            of = f"{n_formless:,} of {counted(n, 'message')}"
            logger.warning("%s: %s lack a form that Plural-Forms asks for (%s): left out there", self.path, of, asked)

    def _first_block(self) -> bytes:
        return next(read_blocks(self.path), b"")

    def _header(self, block: bytes) -> str:
        """What the catalogue says about itself, in its first entry; nothing where it has no header."""
        lines = block.decode("latin-1").removeprefix("\xef\xbb\xbf").split("\n")
        try:
            first = next(read_messages(lines, "latin-1", self.path), None)
        except DataError:  # said with its line when all is read
            return ""
        return first.forms.get(0, "") if first is not None and first.is_header else ""

    def _charset(self, header: str) -> str:
        named = _CHARSET.search(header)
        charset = "utf-8" if named is None or named[1] == "CHARSET" else named[1]
        try:
            keeps_ascii = _ASCII.encode(charset).removeprefix(b"\xef\xbb\xbf") == _ASCII.encode()
            if keeps_ascii and rb"\u0041".decode(charset) != "A":  # as an encoding of Python's own texts reads it
                return charset
        except (LookupError, ValueError):  # UnicodeError, from encodings of host names; an embedded NUL
            pass
        shown = f"{visible(charset):.40}"
        raise DataError(f"{self.path}: the header names the charset {shown}, which is unknown or not one of PO files")

    def _messages(self, charset: str) -> Iterator[Message]:
        return read_messages(self._lines(charset), charset, self.path)

    def _lines(self, charset: str) -> Iterator[str]:
        """The lines of the file, decoded."""
        decoder = codecs.getincrementaldecoder(charset)()
        n_lines, rest = 0, ""
        for block in chain(read_blocks(self.path), [b""]):
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                wrong = what_is_wrong(self._first_block(), str(self.path), may_be_named=True)
                if wrong is not None:
                    raise DataError(f"{self.path}: {wrong}") from None
                line = n_lines + 1 + error.object.count(b"\n", 0, error.start)
                says = "the charset of its header or, if it names none, of PO files"
                raise DataError(f"{self.path}:{line}: not {charset}, {says}; correct the header") from None
            *lines, rest = f"{rest}{text if n_lines else text.removeprefix(BOM)}".split("\n")
            n_lines += len(lines)
            if len(rest) > MAX_LINE_BYTES:
                raise DataError(f"{self.path}:{n_lines + 1}: no line feed within {MAX_LINE_BYTES // 10**6} MB")
            yield from lines
        yield rest

    def _plural_forms(self, header: str) -> tuple[int, int]:
        """The form for one thing, and that for most numbers of things, by the formula of the header.

        Without one it is as Gettext takes it: one thing is form 0, any other number form 1.
        """
        named = _PLURALS.search(header)
        if named is None:
            return 0, 1
        try:
            form_of: Callable[[int], int] = gettext.c2py(named[1].strip())  # parses the formula before it makes code
            forms = [int(form_of(n)) for n in _COUNTS]
        except (ValueError, ArithmeticError, RecursionError) as error:
            if not self._told:
                shown = named[1].strip()
                logger.warning("%s: its Plural-Forms %.60s cannot be evaluated: %s", self.path, shown, error)
            return 0, 1
        return forms[1], Counter(forms[:1] + forms[2:]).most_common(1)[0][0]

    def _is_swapped(self, language: str | None) -> bool:
        """Whether the translations are in the recipe's source language."""
        src, tgt = (closeness(wanted, language) for wanted in self.languages) if language else (0, 0)
        if language and not src and not tgt and not self._told:
            logger.warning("%s: its header says %s, taken for %s", self.path, language, self.languages[1])
        return src > tgt


def _field(header: str, name: str) -> str | None:
    """What stands in a header under a name."""
    found = re.search(rf"^{name}:[ \t]*(\S.*?)\s*$", header, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else None


def _text(msgid: str) -> str:
    """A message as it is translated: on one line, without a hint before it."""
    return one_line(_HINT.sub("", msgid, count=1) if msgid.startswith("_: ") else msgid)
