"""Which language a segment is in, by py3langid: offline, from its bytes alone."""

from functools import cache
from typing import Any

from mtkit.errors import DataError

# What the classifier takes for one another even in long sentences, and codes that mean the same.
_ALIKE = ("no nb nn", "bs hr sr sh", "id ms", "fil tl", "zh yue cmn wuu", "sq als", "fa prs", "et ekk", "lv lvs")
_GROUP = {code: group.split()[0] for group in _ALIKE for code in group.split()}


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
