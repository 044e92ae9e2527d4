"""The tokenizer in a recipe, and which strings can be pieces of it."""

import re
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from mtkit.settings.section import Mistakes, Section

_SPECIAL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")


_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")


class ExtendConfig(Section):
    """What is added to the tokenizer of the model that training starts from (``training.from``)."""

    pieces: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of pieces to add, learnt from the training text of the languages that the model does not know, or of all
    where it knows them. Their embeddings start from the mean of the pieces that spelt them before."""

    languages: bool = False
    """Whether languages of the recipe that the model does not know get tags of their own."""

    like: str | None = None
    """Language of the model whose tag the new tags start from; by default the mean of the tags of all."""

    @property
    def adds(self) -> bool:
        """Whether anything is added."""
        return bool(self.pieces) or self.languages

    @model_validator(mode="after")
    def _check_like(self) -> Self:
        if self.like is not None and not self.languages:
            raise Mistakes(self, [("like", "does nothing without languages: true")])
        return self


class TokenizerConfig(Section):
    """SentencePiece: how text is cut into the pieces that a model reads."""

    type: Literal["unigram", "bpe", "char", "word"] = "unigram"
    """Kind of SentencePiece model."""

    vocab_size: PositiveInt | None = None
    """Number of pieces, the four special ones included; by default chosen by the number of training pairs."""

    joint: bool = True
    """Whether both languages share one vocabulary. Only then can they share embeddings."""

    character_coverage: Annotated[float, Field(gt=0.9, le=1.0)] = 0.9999
    """Share of all characters of the training text that get their own piece."""

    byte_fallback: bool | None = None
    """Whether characters without a piece are spelt as bytes, so that nothing is unknown; by default on for unigram and
    bpe."""

    user_defined_symbols: list[str] = Field(default_factory=list)
    """Strings that always stay one piece, such as ``<mask>`` or ``New York``."""

    max_sample_characters: PositiveInt = 25_000_000
    """Largest number of characters that each model is trained on, sampled evenly from the corpus. Training a unigram
    model takes about 25 bytes of memory per character."""

    extend: ExtendConfig = ExtendConfig()

    @model_validator(mode="after")
    def _check_fallback(self) -> Self:
        if self.byte_fallback and self.type in ("char", "word"):
            raise ValueError(f"byte_fallback needs type unigram or bpe, not {self.type}")
        return self

    @model_validator(mode="after")
    def _check_symbols(self) -> Self:
        found = []
        for number, symbol in enumerate(self.user_defined_symbols):
            if (mistake := symbol_mistake(symbol, self.type)) is not None:
                found.append((f"user_defined_symbols.{number}", mistake))
            elif as_piece(symbol) in map(as_piece, self.user_defined_symbols[:number]):
                found.append((f"user_defined_symbols.{number}", "given twice"))
        if found:
            raise Mistakes(self, found)
        return self


def is_byte_piece(piece: str) -> bool:
    """Whether a piece stands for one byte."""
    return _BYTE_PIECE.fullmatch(piece) is not None


def as_piece(symbol: str) -> str:
    """A symbol as SentencePiece writes it, which has U+2581 for every blank."""
    return symbol.replace(" ", "\u2581")


def symbol_mistake(symbol: str, kind: str) -> str | None:
    """Why a symbol would never be found in a text; None where it would.

    Args:
        symbol: A string that is to stay one piece.
        kind: Of tokenizer, as ``TokenizerConfig.type``.
    """
    if not symbol.strip("\u2581 ") or symbol.isspace():
        return "empty" if not symbol else "only white space"
    if symbol in _SPECIAL_PIECES or is_byte_piece(symbol):
        return "taken: a special piece is called so"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in symbol):
        return "holds a control character or half of a surrogate pair, which is in no segment"
    blanks = as_piece(symbol)
    if blanks != blanks.strip("\u2581") or "\u2581\u2581" in blanks:
        return "has a blank at its beginning or end, or two in a row: blanks part words, and text has one at a time"
    if kind == "word" and (as_piece(symbol) != symbol or "\u2581" in symbol):
        return "has a blank inside, and to a tokenizer of type word these are two words"
    return None
