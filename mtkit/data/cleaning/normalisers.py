"""Steps that change text: pure functions of one segment, which change nothing more when they are applied again."""

import re
from collections.abc import Callable
from functools import lru_cache
from html import unescape
from html.entities import html5

from mtkit.data.cleaning import traits
from mtkit.errors import DataError

Normaliser = Callable[[str], str]

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»〝〞", '"') | dict.fromkeys("‘’‚‛‹›´", "'"))
_ESCAPED = re.compile(r"&(?:(?:amp|AMP|#0{0,5}38|#[xX]0{0,4}26);)++")


def normaliser(name: str) -> Normaliser | None:
    """The step of a name; None if it is not a normaliser.

    Raises:
        DataError: If it needs a library that is not installed.
    """
    match name:
        case "nfc":
            return nfc
        case "nfkc":
            return nfkc
        case "quotes":
            return quotes
        case "spaces":
            return spaces
        case "entities":
            return entities
        case "mojibake":
            _fix_encoding()
            return mojibake
        case "invisible":
            return invisible
        case _:
            return None


def nfc(text: str) -> str:
    """Letters and accents composed (Unicode NFC)."""
    return text if text.isascii() else traits.normalised("NFC", text)


def nfkc(text: str) -> str:
    """NFC, and the plain form of ligatures, full-width letters and the like (Unicode NFKC)."""
    return text if text.isascii() else traits.normalised("NFKC", text)


def quotes(text: str) -> str:
    """Typographic quotation marks and apostrophes as on a typewriter."""
    return text if text.isascii() else text.translate(_QUOTES)


def spaces(text: str) -> str:
    """Runs of white space as one space; none at either end."""
    return " ".join(text.split())


def entities(text: str) -> str:
    """HTML entities as characters, also those escaped several times; what is not an entity stays as it is."""
    if "&" not in text:
        return text
    while True:
        # An & that was escaped many times is one again in one go.
        before, text = text, traits.with_entities(_ESCAPED.sub("&", text), _character)
        if text == before:
            return text


def _character(entity: str) -> str:
    if entity[1] == "#" or entity[1:] in html5:
        return unescape(entity).replace("\n", " ")  # a segment never holds a line feed
    return entity


def mojibake(text: str) -> str:
    """Text that was read in a wrong encoding, mended where that is certain (Speer 2019, ftfy)."""
    return text if text.isascii() else _fix_encoding()(text)


def invisible(text: str) -> str:
    """Without zero-width and control characters; those that end a line elsewhere become spaces."""
    return traits.visible(text)


@lru_cache(maxsize=1)
def _fix_encoding() -> Normaliser:
    try:
        from ftfy import fix_encoding
    except ImportError:
        raise DataError("the step mojibake needs ftfy: pip install 'mtkit[repair]'") from None
    return fix_encoding
