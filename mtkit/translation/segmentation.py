"""Cut a text that is too long for the model where it hurts least, and put the translated parts together again."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_CLOSING = "[\"'”’»›)\\]】」』]*"
_BOUNDARIES = [
    # The end of a sentence; where no space is written after it, its sign is unmistakable.
    re.compile(rf"[.!?…।؟۔]+{_CLOSING}(?=\s)|[。！？]+{_CLOSING}"),
    # The end of a clause.
    re.compile(rf"[,;:،؛]{_CLOSING}(?=\s)|\S(?=\s[–—]\s)|[，、；：]{_CLOSING}"),
    # Between words.
    re.compile(r"\S(?=\s)"),
]
_NO_SPACE_AFTER = tuple("。！？，、；：」』】")


@dataclass(frozen=True)
class Segment:
    """A part of a text that the model can read at once."""

    text: str
    ids: list[int]
    """Source ids, without the end of sentence."""

    gap: str
    """White space between this part and the one before it."""


def split(text: str, encode: Callable[[Sequence[str]], list[list[int]]], max_tokens: int) -> list[Segment]:
    """Cut a text of more than ``max_tokens`` tokens into its sentences, and those that are still too long further.

    A sentence is cut at the end of a clause, else between words, else between characters; of several such places at
    the one nearest to the middle. Each half that is still too long is cut again.

    Args:
        text: Without white space around it.
        encode: Texts to ids.
        max_tokens: At least 1.
    """
    done: list[Segment] = []
    todo = [("", text)]
    if len(encode([text])[0]) > max_tokens:
        todo = _sentences(text)[::-1]
    while todo:
        gap, part = todo.pop()
        ids = encode([part])[0]
        cut = _cut(part) if len(ids) > max_tokens else None
        if cut is None:
            if ids:  # nothing is left of characters that the tokenizer drops
                done.append(Segment(part, ids[:max_tokens], gap))
            continue
        left, rest = part[:cut], part[cut:]
        right = rest.lstrip()
        todo.append((rest[: len(rest) - len(right)], right))
        todo.append((gap, left))
    return done


def _sentences(text: str) -> list[tuple[str, str]]:
    """The sentences of a text, each after the white space before it."""
    ends = [match.end() for match in _BOUNDARIES[0].finditer(text) if match.end() < len(text)]
    parts = [text[start:end] for start, end in itertools.pairwise([0, *ends, len(text)])]
    return [(part[: len(part) - len(part.lstrip())], part.strip()) for part in parts]


def _cut(text: str) -> int | None:
    """Where to cut a text, None where it has one character."""
    middle = len(text) // 2
    for pattern in _BOUNDARIES:
        ends = (match.end() for match in pattern.finditer(text) if match.end() < len(text))
        best = min(ends, key=lambda end: abs(end - middle), default=None)
        if best is not None:
            return best
    while middle < len(text) and unicodedata.combining(text[middle]):
        middle += 1  # a mark stays with its letter
    return middle if 0 < middle < len(text) else len(text) // 2 or None


def join(parts: Sequence[str], gaps: Sequence[str]) -> str:
    """Put translated parts together.

    Args:
        parts: Translations of the segments.
        gaps: White space of the source before each segment; the first is not used.
    """
    text = parts[0]
    for part, gap in zip(parts[1:], gaps[1:], strict=True):
        # What separates sentences is the target language's habit: the source's only where the target has it too.
        text += part if not text or text.endswith(_NO_SPACE_AFTER) else (gap or " ") + part
    return text
