"""Segments in another language than their side should be, counted where that can be told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from mtkit.doctor.chunks import N_SAMPLES
from mtkit.doctor.sampling import SampledPair
from mtkit.languages.identification import MIN_BYTES, MIN_CONFIDENCE, is_known, languages, same_language
from mtkit.machine.workers import Workers

_SLICE = 500


@dataclass
class LanguageCount:
    """What was seen of one side of a sample."""

    n_judged: int = 0
    n_told: int = 0
    """Judged segments whose language is certain, the right one or another."""

    wrong: Counter[str] = field(default_factory=Counter)
    """Segments in each other language."""

    by_source: Counter[int] = field(default_factory=Counter)
    """Segments in each other language, by number of the source."""

    judged_by_source: Counter[int] = field(default_factory=Counter)
    """All that were judged, by number of the source."""

    crossed: Counter[int] = field(default_factory=Counter)
    """Segments in the language of the other side, by number of the source."""

    samples: list[tuple[SampledPair, str]] = field(default_factory=list)
    """The first of them, with their language."""


def count_languages(
    sample: Sequence[SampledPair], expected: tuple[str, str], workers: Workers
) -> list[LanguageCount | None]:
    """Judge both sides of a sample.

    Args:
        sample: Pairs.
        expected: Language codes of source and target.
        workers: Do it.

    Returns:
        For source and target; None where the classifier does not know the language.

    Raises:
        DataError: If py3langid is not installed.
    """
    return [_count_side(sample, side, (expected[side], expected[1 - side]), workers) for side in (0, 1)]


def _count_side(
    sample: Sequence[SampledPair], side: int, codes: tuple[str, str], workers: Workers
) -> LanguageCount | None:
    """Judge one side; ``codes`` are its language and that of the other side."""
    judged = [pair for pair in sample if len(_segment(pair, side).encode()) >= MIN_BYTES]
    slices = [judged[start : start + _SLICE] for start in range(0, len(judged), _SLICE)]
    segments = ([_segment(pair, side) for pair in part] for part in slices)
    count = LanguageCount()
    # The classifier is loaded where it works, which takes a few hundred megabytes in each process.
    for part, found in zip(slices, workers.map(partial(_tell, codes[0]), segments), strict=True):
        if found is None:
            return None
        for pair, (language, confidence) in zip(part, found, strict=True):
            _count(count, pair, language, confidence, codes)
    return count


def _tell(expected: str, segments: list[str]) -> list[tuple[str, float]] | None:
    """The language of each segment; None where the one that is expected is not among those that can be told."""
    return languages(segments) if is_known(expected) else None


def _count(count: LanguageCount, pair: SampledPair, language: str, confidence: float, codes: tuple[str, str]) -> None:
    expected, other = codes
    count.n_judged += 1
    count.judged_by_source[pair.source] += 1
    if confidence < MIN_CONFIDENCE:
        return
    count.n_told += 1
    if not same_language(language, expected):
        count.wrong[language] += 1
        count.by_source[pair.source] += 1
        count.crossed[pair.source] += same_language(language, other)
        if len(count.samples) < N_SAMPLES:
            count.samples.append((pair, language))


def _segment(pair: SampledPair, side: int) -> str:
    return pair.tgt if side else pair.src
