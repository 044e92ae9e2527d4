"""Which pieces make a word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mtkit.data.tokens.sides import SPACE

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana and Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SPACE_BYTE = "<0x20>"
_FIRST_BYTE_OF_UNSPACED = range(0xE3, 0xEA)  # in UTF-8


@dataclass(frozen=True)
class Word:
    """Pieces that stand side by side."""

    text: str
    first: int
    """First piece of the word, counted from 0."""

    n_pieces: int


def words(pieces: Sequence[str], *, first: int = 0) -> list[Word]:
    """Group the pieces of a sentence, from the one numbered ``first``, into words.

    A word begins after a space. Where a script writes none, each piece is a word.
    """
    starts = [
        i for i, piece in enumerate(pieces) if i >= first and _begins(piece, pieces[i - 1] if i > first else None)
    ]
    ends = [*starts[1:], len(pieces)][: len(starts)]
    return [Word(text(pieces[start:end]), start, end - start) for start, end in zip(starts, ends, strict=True)]


def spelt(pieces: Sequence[str]) -> list[Word]:
    """Each piece by itself, but those that are bytes of one word together, and spelt where they are UTF-8."""
    within = {i for word in words(pieces) for i in range(word.first + 1, word.first + word.n_pieces)}
    starts = [i for i in range(len(pieces)) if i not in within or not _continues(pieces[i - 1], pieces[i])]
    found: list[Word] = []
    for start, end in zip(starts, [*starts, len(pieces)][1:], strict=True):
        letters = text(pieces[start:end])
        if end - start == 1 or "\ufffd" in letters:
            found += [Word(pieces[i], i, 1) for i in range(start, end)]
        else:
            found.append(Word((SPACE if pieces[start] == SPACE else "") + letters, start, end - start))
    return found


def _continues(before: str, piece: str) -> bool:
    """Whether a piece is a byte after a byte, or the first one of its word."""
    return _BYTE.fullmatch(piece) is not None and (before == SPACE or _BYTE.fullmatch(before) is not None)


def text(pieces: Sequence[str]) -> str:
    """The text of pieces; bytes that are not UTF-8 show as U+FFFD."""
    spelt = bytearray()
    for piece in pieces:
        byte = _BYTE.fullmatch(piece)
        spelt += bytes([int(byte[1], 16)]) if byte else piece.replace(SPACE, " ").encode("utf-8", "replace")
    return spelt.decode("utf-8", "replace").strip()


def _begins(piece: str, before: str | None) -> bool:
    if before is None:
        return True
    if before == _SPACE_BYTE:  # of a tokenizer of bytes
        return True
    if before == SPACE:
        return False
    byte = _BYTE.fullmatch(piece)
    if piece.startswith(SPACE):
        return True
    if byte is not None:
        return int(byte[1], 16) in _FIRST_BYTE_OF_UNSPACED
    return bool(_UNSPACED.match(piece) or (_UNSPACED.search(before) and piece.isalnum()))
