"""A SentencePiece model, written and extended: the few fields of its protocol buffer that a finished tokenizer needs.

Numbers of fields and kinds are those of ``sentencepiece_model.proto``.
"""

import struct
from collections.abc import Iterable, Iterator
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


Algorithm = Literal["unigram", "bpe", "word", "char"]

_ALGORITHMS: dict[Algorithm, int] = {"unigram": 1, "bpe": 2, "word": 3, "char": 4}


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
    trainer = _number(3, _ALGORITHMS[algorithm]) + _number(4, len(listed)) + _number(35, byte_fallback)
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


def with_pieces(model: bytes, pieces: Iterable[Piece]) -> bytes:
    """A serialised model with more pieces, whose ids follow those that it has.

    Fields of a protocol buffer may come in any order, and those that repeat are read in theirs: the pieces go to the
    end, and every other byte stays.
    """
    return model + b"".join(_bytes(1, _piece(piece)) for piece in pieces)


def algorithm_of(model: bytes) -> Algorithm:
    """How a serialised model, which SentencePiece can load, cuts a text."""
    for field, value in _fields(model):
        if field == _TRAINER and isinstance(value, bytes):
            for inner, number in _fields(value):
                if inner == _MODEL_TYPE and isinstance(number, int):
                    return next((name for name, each in _ALGORITHMS.items() if each == number), "unigram")
    return "unigram"  # as SentencePiece takes it where nothing is said


_TRAINER, _MODEL_TYPE = 2, 3


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protocol buffer, in its order."""
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        match key & 7:
            case 0:
                value, place = _read_varint(message, place)
                yield key >> 3, value
            case 2:
                length, place = _read_varint(message, place)
                yield key >> 3, message[place : place + length]
                place += length
            case kind:
                size = {1: 8, 5: 4}[kind]
                yield key >> 3, message[place : place + size]
                place += size


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return value, place
