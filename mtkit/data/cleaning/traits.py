r"""What can be told of one segment by its characters alone: small, pure, and shared by cleaning and the doctor."""

import re
import unicodedata
from collections.abc import Callable
from itertools import groupby
from typing import Literal

# Nothing here is tried again from the middle of a run that has not matched from its beginning, nor with less of it: the
# time grows with the length of the text, whatever stands in it.
_DIGITS = re.compile(r"\d+")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"]+|(?<![\w.+-])[\w.+-]++@[\w-]++\.[\w.-]+", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_PLACEHOLDER = re.compile(
    r"%(?:\d++\$)?[-+ 0#]*+\d*+(?:\.\d++)?(?:l{0,2}|h{0,2})[sdiufgexXc@](?![A-Za-z])"  # %s, %1$d, %@
    r"|%\([^()\s]+\)[sdifgr]"  # %(name)s
    r"|\$?\{[^{}\s]*\}|\{\{[^{}]*\}\}"  # {name}, ${name}, {{ name }}
)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
# The bytes of a UTF-8 letter or quotation mark, read as Windows-1252 or Latin-1.
_MOJIBAKE = re.compile(r"[ÂÃÅÄ][\x80-\xbf¡-¿€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â(?:€|\x80)[^\s\w]|ï»¿|[ÐÑ][\x80-¿]")
_ZERO_WIDTH = re.compile("[\u200b\u200e\u200f\u2060\ufeff\u00ad]")  # joiners are letters' business in some scripts
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_ENDS = re.compile("[\x0b-\x0d\x85\u2028\u2029]")
_MANY_MARKS = re.compile(r"[^\w\s\x00-\x7f]{32,}")
_NO_LETTER = re.compile(r"[\W\d_]+")


def numbers(text: str) -> list[str]:
    """The runs of digits, sorted, so that 1,000 and 1.000 are alike; digits of other scripts as ours."""
    found = _DIGITS.findall(text)
    if not found:
        return found
    return sorted(run if run.isascii() else "".join(str(unicodedata.decimal(digit)) for digit in run) for run in found)


def urls(text: str) -> list[str]:
    """Web and mail addresses, sorted."""
    if ":" not in text and "@" not in text and "www" not in text.lower():
        return []
    return sorted(found.rstrip(".,;:!?)\"'") for found in _URL.findall(text))


def tags(text: str) -> list[str]:
    """Markup tags such as <b> and </b>, sorted."""
    return sorted(_TAG.findall(text)) if "<" in text else []


def placeholders(text: str) -> list[str]:
    """What a program fills in (%s, %1$d, {name}, ${name}), sorted."""
    return sorted(_PLACEHOLDER.findall(text)) if "%" in text or "{" in text else []


def entities(text: str) -> list[str]:
    """HTML entities such as &amp;amp; and &amp;#39;."""
    return _ENTITY.findall(text) if "&" in text else []


def with_entities(text: str, character: Callable[[str], str]) -> str:
    """The text with each HTML entity replaced by what ``character`` makes of it."""
    return _ENTITY.sub(lambda match: character(match[0]), text) if "&" in text else text


def has_mojibake(text: str) -> bool:
    """Whether UTF-8 seems to have been read as another encoding somewhere: Ã¼ where ü should be."""
    return not text.isascii() and _MOJIBAKE.search(text) is not None


def has_replacement(text: str) -> bool:
    """Whether a character was lost in decoding (U+FFFD)."""
    return "\ufffd" in text


def has_zero_width(text: str) -> bool:
    """Whether it holds characters that nobody sees: zero-width spaces, soft hyphens, direction marks, a BOM."""
    return not text.isascii() and _ZERO_WIDTH.search(text) is not None


def has_control(text: str) -> bool:
    """Whether it holds control characters other than the tab, or what other programs take for the end of a line."""
    return _CONTROL.search(text) is not None


def visible(text: str) -> str:
    """Without the characters of ``has_zero_width`` and ``has_control``; what other programs take for the end of a line
    becomes a space.
    """
    if has_control(text):
        text = _CONTROL.sub("", _LINE_ENDS.sub(" ", text))
    return _ZERO_WIDTH.sub("", text) if has_zero_width(text) else text


def normalised(form: Literal["NFC", "NFKC"], text: str) -> str:
    """A Unicode normal form, also of text with long runs of accents in any order: Python takes the square of their
    number to bring them into their own.
    """
    return unicodedata.normalize(form, _MANY_MARKS.sub(_in_order, text))


def _in_order(match: re.Match[str]) -> str:
    """A run of signs with the accents in it sorted as every normal form has them."""
    parts = [list(part) for _, part in groupby(match[0], key=lambda sign: unicodedata.combining(sign) > 0)]
    return "".join("".join(sorted(part, key=unicodedata.combining)) for part in parts)


def near_key(text: str) -> str:
    """The letters alone, in lower case: segments that differ in case, punctuation, digits or spaces have one key.

    Segments without letters are their own keys.
    """
    text = text if text.isascii() else normalised("NFKC", text)
    return _NO_LETTER.sub("", text.casefold()) or text


def repetitions(text: str, max_words: int = 4) -> int:
    """How often a phrase of up to ``max_words`` words stands there one after the other; 1 where none is repeated."""
    words = text.split()
    most = 1
    for n in range(1, min(max_words, len(words) // 2) + 1):
        matches = 0
        for before, word in zip(words, words[n:], strict=False):
            matches = matches + 1 if word == before else 0
            most = max(most, matches // n + 1)
    return most
