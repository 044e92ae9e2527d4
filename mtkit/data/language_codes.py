"""Codes of languages: what looks like one, and what may be meant by a name."""

import re
from functools import cache

from mtkit.log import logger

CODE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
"""Two or three letters (ISO 639), and perhaps a script or region: en, deu, zh-Hant, pt-BR, sr_Latn. Which letters
is not asked: codes that are made up are of use too."""

_CODES = {
    "arabic": "ar", "bengali": "bn", "chinese": "zh", "czech": "cs", "dutch": "nl", "english": "en", "french": "fr",
    "german": "de", "hindi": "hi", "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko",
    "persian": "fa", "polish": "pl", "portuguese": "pt", "russian": "ru", "spanish": "es", "swahili": "sw",
    "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi",
}  # fmt: skip


@cache
def warn_of(language: str) -> None:
    """Say once of a language that it is no code: it is taken as it is, but nothing is known of it."""
    if CODE.fullmatch(language):
        return
    meant = _CODES.get(language.lower()) or (language.lower() if CODE.fullmatch(language.lower()) else None)
    hint = f"; did you mean {meant}?" if meant else ", such as en, deu or pt-BR"
    logger.warning("%s is no language code: steps that need the language do not know it%s", language, hint)
