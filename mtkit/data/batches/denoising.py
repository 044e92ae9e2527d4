"""Noise that a model learns to undo: text infilling, sentence permutation, one masked span.

Text infilling and sentence permutation are those of BART (Lewis et al. 2020, section 2.2), the masked span that of MASS
(Song et al. 2019). A word is what stands between spaces; in a script without spaces it is a character. Every function
takes its randomness from ``draw.random()`` alone.
"""

import math
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from random import Random

from mtkit.data.batches.augment import below
from mtkit.languages.scripts import UNSPACED, script_of
from mtkit.languages.sentences import sentences
from mtkit.settings.sampling import MASK

_TAIL = 1e-9  # of the Poisson distribution: its table ends there


def infilled(text: str, draw: Random, *, share: float, mean_span: float) -> str:
    """A text with spans of words replaced by one ``<mask>`` each.

    The lengths of the spans are drawn from the Poisson distribution until ``share`` of the words are used up; the last
    span is cut to that. A span of no word is a ``<mask>`` inserted between two words. Spans never overlap, so that of n
    words, m of them masked in k spans, n - m + k are left. All ways to lay them out are equally likely.

    Args:
        text: A segment.
        draw: Where the randomness comes from.
        share: Of the words that are masked, on average.
        mean_span: Mean of the Poisson distribution, in words.
    """
    words, space = _words(text)
    n_masked = _rounded(share * len(words), draw)
    spans = _spans(n_masked, mean_span, draw)
    places = _shuffled(len(words) - n_masked + len(spans), draw)[: len(spans)]
    span_at = dict(zip(places, spans, strict=True))
    left, rest = [], iter(words)
    for place in range(len(words) - n_masked + len(spans)):
        if place in span_at:
            left.append(MASK)
            for _ in range(span_at[place]):
                next(rest)
        else:
            left.append(next(rest))
    return space.join(left)


def permuted(text: str, draw: Random) -> str:
    """A text with its sentences in random order."""
    parts = sentences(text)
    order = _shuffled(len(parts), draw)
    return "".join(blank + parts[n][1] for (blank, _), n in zip(parts, order, strict=True))


def span_masked(text: str, draw: Random, *, share: float) -> tuple[str, str]:
    """A text with ``share`` of its words masked in one span, a ``<mask>`` for each word, and the words of the span.

    The span begins at any word, all equally likely, and has at least one word.
    """
    words, space = _words(text)
    n_masked = min(max(_rounded(share * len(words), draw), 1), len(words))
    start = below(len(words) - n_masked + 1, draw)
    span = slice(start, start + n_masked)
    masked = [*words[:start], *[MASK] * n_masked, *words[span.stop :]]
    return space.join(masked), space.join(words[span])


def _words(text: str) -> tuple[list[str], str]:
    """The words of a text, and what stands between them."""
    return (list(text), "") if script_of(text) in UNSPACED else (text.split(), " ")


def _rounded(number: float, draw: Random) -> int:
    """A whole number that is ``number`` on average, so that short texts have the same share masked as long ones."""
    return math.floor(number + draw.random())


def _spans(n_words: int, mean: float, draw: Random) -> list[int]:
    """Lengths of spans that have ``n_words`` words together; those of none are drawn on the way there."""
    spans: list[int] = []
    table = _poisson(mean)
    while n_words > 0:
        length = min(bisect_right(table, draw.random()), n_words)
        spans.append(length)
        n_words -= length
    return spans


@cache
def _poisson(mean: float) -> list[float]:
    """The probability of 0, of at most 1, of at most 2, ... events."""
    probabilities = [math.exp(-mean)]
    while len(probabilities) <= mean or probabilities[-1] > _TAIL:
        probabilities.append(probabilities[-1] * mean / len(probabilities))
    return list(accumulate(probabilities))


def _shuffled(n: int, draw: Random) -> list[int]:
    """The numbers below ``n`` in random order."""
    keys = [draw.random() for _ in range(n)]
    return sorted(range(n), key=keys.__getitem__)
