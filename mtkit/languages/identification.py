"""Which language a segment is in, by py3langid: offline, from its bytes alone."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from mtkit.errors import DataError

# What the classifier takes for one another even in long sentences, and codes that mean the same.
_ALIKE = ("no nb nn", "bs hr sr sh", "id ms", "fil tl", "zh yue cmn wuu", "sq als", "fa prs", "et ekk", "lv lvs")
_GROUP = {code: group.split()[0] for group in _ALIKE for code in group.split()}

MIN_BYTES = 20
"""Shorter segments are not judged: most of them would suit several languages."""

MIN_CONFIDENCE = 0.7
"""Least confidence of the classifier. With it, under 0.15 % of clean captions, everyday sentences, news
and documentation in English, German, French, Spanish and Swahili seem to be in another language, and of such text in a
wrong language 85 to 99 % is found, so that the share is right to a seventh without a correction."""

MANY = 200
"""Segments that show which language a text is in."""

_FEWEST = 20


def other_language(segments: Sequence[str], expected: str) -> str | None:
    """The language that most segments of a text are in, where that is not the expected one.

    Args:
        segments: Of the text; ``MANY`` of them, evenly spaced, are looked at.
        expected: Code of the language that it should be in.

    Returns:
        Its ISO 639 code. None where the text is in the expected language or in none that most of it has, where fewer
        than 20 segments tell theirs, where the classifier does not know the expected one, and without py3langid.
    """
    judged = [segment for segment in segments if len(segment.encode()) >= MIN_BYTES]
    if len(judged) < _FEWEST:
        return None
    looked_at = [judged[len(judged) * n // MANY] for n in range(MANY)] if len(judged) > MANY else judged
    try:
        if not is_known(expected):
            return None
        told = Counter(code for code, confidence in languages(looked_at) if confidence >= MIN_CONFIDENCE)
    except DataError:
        return None
    code, n = next(iter(told.most_common(1)), ("", 0))
    return code if told.total() >= _FEWEST and 2 * n > told.total() and not same_language(code, expected) else None


def languages(segments: list[str]) -> list[tuple[str, float]]:
    """The likeliest language of each segment, and the classifier's confidence in it.

    Args:
        segments: Text; the longer a segment, the surer its language. Below some 20 letters it often cannot be told.

    Returns:
        ISO 639 codes as ``same_language`` compares them, and probabilities among all languages that the classifier
        knows, from 0 to 1.

    Raises:
        DataError: If py3langid is not installed.
    """
    classify = _identifier().classify
    return [classify(segment) for segment in segments]


def is_known(language: str) -> bool:
    """Whether the classifier can tell a language, given its code (``de``, ``pt-BR``).

    Raises:
        DataError: If py3langid is not installed.
    """
    return _group(language) in {_group(label) for label in _identifier().labels}


def same_language(one: str, other: str) -> bool:
    """Whether two codes are one language, or languages so close that no classifier of segments tells them apart."""
    return _group(one) == _group(other)


def _group(language: str) -> str:
    code = language.replace("_", "-").split("-")[0].lower()
    return _GROUP.get(code, code)


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise DataError("identifying languages needs py3langid: pip install 'mtkit[langid]'") from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
