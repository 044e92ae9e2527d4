"""Cut a text that the model is not made for where it hurts least, and put the translated parts together again."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtkit.data.corpus.source_lines import SourceLines
from mtkit.languages.sentences import CLOSING, has_ordinals, sentences
from mtkit.settings.decoding import DecodingConfig

_CLAUSES = re.compile(rf"[,;:،؛]{CLOSING}(?=\s)|\S(?=\s[–—]\s)|[，、；：]{CLOSING}")
# Where nothing better is left: whatever may be the end of a sentence, and between words.
_SIGNS = re.compile(rf"[.!?…।؟۔]{CLOSING}(?=\s)|[。！？]++{CLOSING}")
_WORDS = re.compile(r"\S(?=\s)")
_NO_SPACE_AFTER = tuple("。！？，、；：」』】")


@dataclass(frozen=True)
class Segment:
    """A part of a text that the model can read at once."""

    text: str
    ids: list[int]
    """Source ids, without the end of sentence."""

    gap: str
    """White space between this part and the one before it."""


@dataclass(frozen=True)
class Limits:
    """What a model is to be given at once."""

    max_sentences: int | None
    """A text of more sentences is cut into them; None where their number does not matter."""

    usual_tokens: int
    """A text of more tokens is cut at the ends of its sentences and clauses, as far as it has such."""

    max_tokens: int
    """A text of more tokens is cut, wherever that has to be."""

    ordinals: bool = True
    """Whether the source language writes a full stop after an ordinal number."""

    any_script: bool = False
    """Whether the ends of sentences in rarer scripts are known too."""


def limits(decoding: DecodingConfig, lines: SourceLines | None, max_tokens: int, src_lang: str | None = None) -> Limits:
    """What a model is to be given at once.

    Args:
        decoding: Says what is split.
        lines: What the model was trained on; None where that is not known: single sentences, as most models were.
        max_tokens: The most source tokens that it reads.
        src_lang: Code of its source language, where that is known.
    """
    if decoding.split == "never":
        return Limits(None, max_tokens, max_tokens)
    usual = max_tokens if lines is None else min(lines.usual_tokens, max_tokens)
    n = 1 if lines is None or decoding.split == "sentences" else lines.usual_sentences
    return Limits(n, usual, max_tokens, has_ordinals(src_lang), any_script=decoding.split == "sentences")


def split(
    texts: Sequence[str], encode: Callable[[Sequence[str]], list[list[int]]], limits: Limits
) -> list[list[Segment]]:
    """Cut each text into what a model is to read at once: most often one segment.

    A sentence that is too long is cut at the end of a clause, else, where the model cannot read it, between words, else
    between characters; of several such places at the one nearest to the middle. Each half that is still too long is cut
    again.

    Args:
        texts: Without white space around them.
        encode: Texts to ids.
        limits: At least 1 each.

    Returns:
        The segments of each text, none of one without tokens.
    """
    parts = [_whole_or_sentences(text, limits) for text in texts]
    ids = iter(encode([part for of_text in parts for _, part in of_text]))
    return [
        [segment for gap, part in of_text for segment in _fitting(gap, part, next(ids), encode, limits)]
        for of_text in parts
    ]


def _whole_or_sentences(text: str, limits: Limits) -> list[tuple[str, str]]:
    if limits.max_sentences is None:
        return [("", text)]
    found = sentences(text, ordinals=limits.ordinals, any_script=limits.any_script)
    return found if len(found) > limits.max_sentences else [("", text)]


def _fitting(
    gap: str, text: str, ids: list[int], encode: Callable[[Sequence[str]], list[list[int]]], limits: Limits
) -> list[Segment]:
    """A part of a text, cut until all of it fits."""
    if not ids:  # blank, or nothing but characters that the tokenizer drops
        return []
    if len(ids) <= limits.usual_tokens:
        return [Segment(text, ids, gap)]
    done: list[Segment] = []
    todo = [
        (before, part)
        for before, part in reversed(sentences(text, ordinals=limits.ordinals, any_script=limits.any_script))
    ]
    todo[-1] = (gap, todo[-1][1])
    while todo:
        gap, part = todo.pop()
        ids = encode([part])[0]
        cut = None
        if len(ids) > limits.usual_tokens:
            cut = _cut(part, anywhere=len(ids) > limits.max_tokens)
        if cut is None:
            if ids:
                done.append(Segment(part, ids[: limits.max_tokens], gap))
            continue
        left, rest = part[:cut], part[cut:]
        right = rest.lstrip()
        todo.append((rest[: len(rest) - len(right)], right))
        todo.append((gap, left))
    return done


def _cut(text: str, *, anywhere: bool) -> int | None:
    """Where to cut a text, None where nothing offers itself; ``anywhere`` if it has to be, None for one character."""
    middle = len(text) // 2
    for pattern in (_SIGNS, _CLAUSES, _WORDS) if anywhere else (_CLAUSES,):
        ends = (match.end() for match in pattern.finditer(text) if match.end() < len(text))
        best = min(ends, key=lambda end: abs(end - middle), default=None)
        if best is not None:
            return best
    if not anywhere:
        return None
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
