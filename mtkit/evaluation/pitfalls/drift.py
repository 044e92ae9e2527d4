"""Where two texts that should belong together line by line part company, when one of them has more lines.

A line is compared with the one that stands as far from the beginning, and with the one that stands as far from the
end, by the pairs of characters that both have: translations of a text share these, and across languages its names,
numbers and punctuation. As long as the first is the better partner, nothing is missing yet.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

_MIN_LINES = 20  # of the shorter text; the eye finds it in fewer
_MAX_LINES = 20_000  # looked at; a second or two
_FAR = 17  # lines that are strangers
_CLEARLY = 1.2
"""How much more alike lines that belong together must be than strangers, for anything to be said."""

_LEAST = 0.02  # of two scripts no line is alike


def first_drift(one: Sequence[str], other: Sequence[str]) -> int | None:
    """The line, counted from 1, from which on two texts of different length do not fit any more, right to a few lines.

    Returns:
        One more than the shorter text has lines where it fits to its end; None where it cannot be told.
    """
    n, shift = min(len(one), len(other)), len(other) - len(one)
    if n < _MIN_LINES or n > _MAX_LINES or shift == 0:
        return None
    sides = [list(map(_character_pairs, text)) for text in (one, other)]
    from_end = [0, shift] if shift > 0 else [-shift, 0]
    front = [_likeness(a, b) for a, b in zip(*sides, strict=False)]
    back = [_likeness(a, b) for a, b in zip(sides[0][from_end[0] :], sides[1][from_end[1] :], strict=True)]
    strangers = [_likeness(sides[0][i], sides[1][(i + _FAR) % len(other)]) for i in range(len(one))]
    usual = sum(strangers) / len(strangers)
    # Of lines before the drift the front is alike, after the last one the back; between two drifts neither is.
    level = max(sum(front) / n, sum(back) / n, _best_stretch(front), _best_stretch(back))
    if level < max(_CLEARLY * usual, _LEAST):
        return None
    threshold = (level + usual) / 2
    gains = list(accumulate(likeness - threshold for likeness in front))
    best = max(range(n), key=gains.__getitem__)
    return 1 if gains[best] <= 0 else best + 2


def _character_pairs(line: str) -> frozenset[str]:
    return frozenset(a + b for a, b in pairwise(line.casefold()))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of the pairs of characters that both lines have, from 0 to 1."""
    return len(one & other) / max(len(one | other), 1)


def _best_stretch(likeness: Sequence[float]) -> float:
    """The mean of the stretch of some lines that fits best."""
    means = [sum(likeness[i : i + _MIN_LINES]) / _MIN_LINES for i in range(0, len(likeness) - _MIN_LINES + 1, 10)]
    return max(means, default=0.0)
