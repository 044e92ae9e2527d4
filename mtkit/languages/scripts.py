"""Scripts: in which one a text is written, and which ones a language is written in."""

import unicodedata
from collections import Counter
from functools import lru_cache


def script_of(text: str) -> str | None:
    """The script of most letters, as Unicode names them (LATIN, CYRILLIC, CJK); None without letters."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else None
    counts: Counter[str] = Counter()
    for character, n in Counter(text).items():
        name = script_of_letter(character)
        if name is not None:
            counts[name] += n
    return counts.most_common(1)[0][0] if counts else None


@lru_cache(maxsize=1 << 16)
def script_of_letter(character: str) -> str | None:
    """The script of a character, as Unicode names it; None where it is not a letter."""
    if not character.isalpha():
        return None
    plain = unicodedata.normalize("NFKC", character)[0]  # a full-width A is Latin
    return unicodedata.name(plain, "UNKNOWN").split(" ")[0].split("-")[0]


_LANGUAGES_OF = {
    "LATIN": "af az bs ca cs cy da de en eo es et eu fi fil fr ga gl ha hr hu id ig is it ku lb lt lv mg mi ms mt nl "
    "no nb nn pl pt qu ro rw sk sl sn so sq st sv sw tl tn tr ts uz vi wo xh yo zu",
    "CYRILLIC": "ba be bg kk ky mk mn ru sah tg tt uk",
    "ARABIC": "ar arz ckb fa ps sd ug ur",
    "HEBREW": "he yi",
    "DEVANAGARI": "bho hi mai mr ne sa",
    "BENGALI": "as bn",
    "CJK": "zh yue",
    "HANGUL": "ko",
    "GREEK": "el",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "ETHIOPIC": "am ti",
    "THAI": "th",
    "LAO": "lo",
    "KHMER": "km",
    "MYANMAR": "my",
    "TIBETAN": "bo",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "ORIYA": "or",
}


UNSPACED = frozenset({"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"})
"""Scripts that are written without spaces between words."""

_SCRIPTS = {language: {name} for name, languages in _LANGUAGES_OF.items() for language in languages.split()}
_SCRIPTS |= {"ja": {"HIRAGANA", "KATAKANA", "CJK"}, "sr": {"CYRILLIC", "LATIN"}}


def scripts_of(language: str) -> set[str] | None:
    """The scripts that a language is written in, by its code (``de``, ``pt-BR``); None where that is not known."""
    return _SCRIPTS.get(language.replace("_", "-").split("-")[0].lower())
