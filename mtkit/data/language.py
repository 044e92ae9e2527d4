"""Which language a segment is in, by its letters alone and without a network."""

from functools import lru_cache
from typing import Any

from mtkit.errors import DataError


def languages(segments: list[str]) -> list[tuple[str, float]]:
    """Language code and probability of each segment (Lui and Baldwin 2012, as py3langid has it).

    Raises:
        DataError: If the library is not installed.
    """
    classify = _identifier().classify
    return [classify(segment) for segment in segments]


@lru_cache(maxsize=1)
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise DataError("identifying languages needs py3langid: pip install 'mtkit[langid]'") from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
