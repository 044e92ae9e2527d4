"""Visible faults of a translation, found by simple rules, so that some findings are not faults."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mtkit.data.cleaning.traits import near_key, numbers, placeholders, repetitions, tags, urls
from mtkit.report.words import is_word, words

FAULTS = {
    "empty": "nothing was written, though the reference is not empty",
    "repetition": "words are repeated three times or more in a row, and more often than in the reference",
    "untranslated": "a copy of the source, which the reference is not",
    "number": "its digits are neither those of the source nor those of the reference",
    "placeholder": "placeholders, markup or addresses are neither those of the source nor those of the reference",
    "too long": "more than twice as many characters as the reference, and at least 20 more",
    "too short": "fewer than half the characters of the reference, and at least 20 fewer",
}
"""Name of each kind, and its rule."""

_MOST_REPETITIONS = 2
_LENGTH_FACTOR = 2
_LENGTH_DIFFERENCE = 20


@dataclass(frozen=True)
class Fault:
    """How often a system made a mistake of one kind, and where."""

    name: str
    rule: str
    lines: list[list[int]]
    """Lines with the fault for each system, counted from 1."""


def faults(src: str | None, ref: str, hyp: str) -> list[str]:
    """The names of what is wrong with one translation.

    Args:
        src: The source; without it only the reference is compared with.
        ref: The reference.
        hyp: The translation.
    """
    return list(_faults(src, ref, hyp))


def _faults(src: str | None, ref: str, hyp: str) -> Iterator[str]:
    if not hyp.strip():
        if ref.strip():
            yield "empty"
        return
    repeated = _repetitions(hyp)
    if repeated > _MOST_REPETITIONS and repeated > _repetitions(ref):
        yield "repetition"
    if src is not None and _is_copy(src, hyp) and not _is_copy(src, ref):
        yield "untranslated"
    if _differs(numbers, src, ref, hyp):
        yield "number"
    if any(_differs(trait, src, ref, hyp) for trait in (placeholders, tags, urls)):
        yield "placeholder"
    longer = len(hyp) - len(ref)
    if len(hyp) > _LENGTH_FACTOR * len(ref) and longer >= _LENGTH_DIFFERENCE:
        yield "too long"
    if _LENGTH_FACTOR * len(hyp) < len(ref) and -longer >= _LENGTH_DIFFERENCE:
        yield "too short"


def _repetitions(text: str) -> int:
    """Repetitions of words only: a row of dots is style."""
    return repetitions(" ".join(filter(is_word, words(text))))


def _is_copy(src: str, tgt: str) -> bool:
    return any(map(str.isalpha, src)) and near_key(src) == near_key(tgt)


def _differs(trait: Callable[[str], list[str]], src: str | None, ref: str, hyp: str) -> bool:
    found = trait(hyp)
    return found != trait(ref) and (src is None or found != trait(src))
