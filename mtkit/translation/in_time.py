"""Translate as much of a text as there is time for: a sample that stands for the whole."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtkit.log import logger, progress_bar
from mtkit.translation.translation import Translation
from mtkit.translation.translator import Translator

MIN_LINES = 50  # fewer say too little about a text to be scored
SHORT = {"max_length_ratio": 1.5, "max_length_offset": 5}
"""Settings of a search whose model does not know yet when to stop, where time is short."""

_FIRST_LINES, _MOST_LINES = 8, 1024  # between two looks at the clock
_SHARE = 1 / 4  # of the time left, for the lines until the next look: they may take longer than those before
_ENDLESS = 1 / 4  # of the lines: above it the model writes on until it is cut off


@dataclass(frozen=True)
class Deadline:
    """The moment by which something is to be done."""

    moment: float
    """Time on ``clock``, in seconds."""

    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds until then; 0 from then on."""
        return max(0.0, self.moment - self.clock())

    def part(self, share: float) -> "Deadline":
        """An earlier one, after a share (0 to 1) of the time that is left now."""
        return Deadline(self.clock() + share * self.left(), self.clock)


@dataclass(frozen=True)
class TranslatedPart:
    """The lines of a text that there was time for."""

    rows: list[int]
    """Numbers of the lines, from 0, ascending; all of them where there was time."""

    hyp_texts: list[list[str]]
    """Texts of each translator, one translation per row."""

    is_short: bool
    """Whether the search was cut off at ``SHORT`` lengths, and not at the model's own."""


def translate_in_time(
    translators: Sequence[Translator], src_text: Sequence[str], deadline: Deadline, *, least: int = MIN_LINES
) -> TranslatedPart | None:
    """Translate lines in a random order, always the same, until all are done or the time is up.

    Where the time is not enough for all and most of it would go to a model that writes on without end, lengths are cut
    to ``SHORT``.

    Args:
        translators: Each translates the same lines.
        src_text: One segment each.
        deadline: Exceeded by the few lines under way at most.
        least: Fewer lines are not worth having, unless they are all.

    Returns:
        None where there was not even time for ``least`` lines.
    """
    order = random.Random(0).sample(range(len(src_text)), len(src_text))
    found: list[list[str]] = []  # of each line in that order, by each translator
    n, is_short = _FIRST_LINES, False
    with progress_bar(total=len(order), description="translating", unit=" lines") as bar:
        while len(found) < len(order) and deadline.left() > 0:
            started = deadline.clock()
            texts = [src_text[row] for row in order[len(found) : len(found) + n]]
            results = [translator.translate(texts) for translator in translators]
            per_line = max(deadline.clock() - started, 1e-9) / len(texts)
            if not (found or is_short) and _is_endless(results) and per_line * len(order) > deadline.left():
                translators, is_short = [_shortened(translator) for translator in translators], True
                continue
            found += [[translation.text for translation in line] for line in zip(*results, strict=True)]
            bar.update(len(texts))
            affordable = int(_SHARE * deadline.left() / per_line)
            n = max(min(affordable, 2 * n, _MOST_LINES), _FIRST_LINES)
            if per_line * min(n, len(order) - len(found)) > deadline.left() and len(found) >= least:
                break
    logger.debug("translated %d of %d lines in time", len(found), len(order))
    if len(found) < min(least, len(order)):
        return None
    by_row = dict(sorted(zip(order, found, strict=False)))
    return TranslatedPart(list(by_row), [list(texts) for texts in zip(*by_row.values(), strict=True)], is_short)


def _is_endless(results: Sequence[Sequence[Translation]]) -> bool:
    """Whether many translations were cut off at the longest length."""
    cut = [not translation.finished for of_translator in results for translation in of_translator]
    return sum(cut) > _ENDLESS * len(cut)


def _shortened(translator: Translator) -> Translator:
    own = translator.decoding
    lower = {name: min(value, getattr(own, name)) for name, value in SHORT.items()}
    return translator.decoding_by(own.model_copy(update=lower))
