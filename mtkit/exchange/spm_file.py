"""A SentencePiece model, written: the few fields of its protocol buffer that a finished tokenizer needs.

Numbers of fields and kinds are those of ``sentencepiece_model.proto``.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Kind(IntEnum):
    """What a piece is."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True)
class Piece:
    """A piece of a SentencePiece model."""

    text: str
    score: float
    kind: Kind = Kind.NORMAL


_MODELS = {"unigram": 1, "bpe": 2}


def spm_model(
    pieces: Iterable[Piece],
    algorithm: Literal["unigram", "bpe"],
    *,
    charsmap: bytes,
    dummy_prefix: bool,
    byte_fallback: bool,
) -> bytes:
    """A serialised SentencePiece model.

    Args:
        pieces: In the order of their ids; one of them is unknown.
        algorithm: How a text is cut.
        charsmap: Compiled rules that normalise a text; empty for none.
        dummy_prefix: Whether a text begins with a space.
        byte_fallback: Whether unknown characters become bytes, each of which is a piece.
    """
    listed = list(pieces)
    unknown = next(number for number, piece in enumerate(listed) if piece.kind is Kind.UNKNOWN)
    ids = {piece.text: number for number, piece in enumerate(listed) if piece.kind is Kind.CONTROL}
    trainer = _number(3, _MODELS[algorithm]) + _number(4, len(listed)) + _number(35, byte_fallback)
    trainer += _number(40, unknown) + _text(45, listed[unknown].text)
    for field, name in ((41, "<s>"), (42, "</s>"), (43, "<pad>")):
        trainer += _number(field, ids.get(name, -1))
    normaliser = _bytes(2, charsmap) + _number(3, dummy_prefix) + _number(4, True) + _number(5, True)
    return b"".join(_bytes(1, _piece(piece)) for piece in listed) + _bytes(2, trainer) + _bytes(3, normaliser)


def _piece(piece: Piece) -> bytes:
    return _text(1, piece.text) + _varint(2 << 3 | 5) + struct.pack("<f", piece.score) + _number(3, piece.kind)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
