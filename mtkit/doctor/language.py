"""Segments in another language than their side should be, counted where that can be told."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mtkit.data.language import is_known, languages, same_language
from mtkit.doctor.chunks import N_SAMPLES
from mtkit.doctor.sampling import SampledPair
from mtkit.doctor.workers import ordered_map

MIN_BYTES = 20
"""Shorter segments are not judged: most of them would suit several languages."""

MIN_CONFIDENCE = 0.7
"""Of the classifier in the language that it names. At this, under 0.15 % of clean captions, everyday sentences, news
and documentation in English, German, French, Spanish and Swahili seem to be in another language, and of such text in a
wrong language 85 to 99 % is found, so that the share is right to a seventh without a correction."""

_SLICE = 500


@dataclass
class LanguageCount:
    """What was seen of one side of a sample."""

    n_judged: int = 0
    n_told: int = 0
    """Of those, segments whose language is sure, the right one or another."""

    wrong: Counter[str] = field(default_factory=Counter)
    """Segments in each other language."""

    by_source: Counter[int] = field(default_factory=Counter)
    """The same by number of the source."""

    samples: list[tuple[SampledPair, str]] = field(default_factory=list)
    """The first of them, with their language."""


def count_languages(
    sample: Sequence[SampledPair], expected: tuple[str, str], *, n_workers: int
) -> list[LanguageCount | None]:
    """Judge both sides of a sample.

    Args:
        sample: Pairs.
        expected: Language codes of source and target.
        n_workers: Processes.

    Returns:
        For source and target; None where the classifier does not know the language.

    Raises:
        DataError: If py3langid is not installed.
    """
    counts = [LanguageCount() if is_known(language) else None for language in expected]
    for side, count in enumerate(counts):
        if count is None:
            continue
        judged = (pair for pair in sample if len(_segment(pair, side).encode()) >= MIN_BYTES)
        slices = list(_slices(list(judged)))
        segments = ([_segment(pair, side) for pair in part] for part in slices)
        for part, found in zip(slices, ordered_map(languages, segments, n_workers=n_workers), strict=True):
            for pair, (language, confidence) in zip(part, found, strict=True):
                _count(count, pair, language, confidence, expected[side])
    return counts


def _count(count: LanguageCount, pair: SampledPair, language: str, confidence: float, expected: str) -> None:
    count.n_judged += 1
    if confidence < MIN_CONFIDENCE:
        return
    count.n_told += 1
    if not same_language(language, expected):
        count.wrong[language] += 1
        count.by_source[pair.source] += 1
        if len(count.samples) < N_SAMPLES:
            count.samples.append((pair, language))


def _segment(pair: SampledPair, side: int) -> str:
    return pair.tgt if side else pair.src


def _slices(pairs: list[SampledPair]) -> Iterator[list[SampledPair]]:
    for start in range(0, len(pairs), _SLICE):
        yield pairs[start : start + _SLICE]
