"""What a tokenizer makes of a corpus: tokens per word, and characters that it has no piece for."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.tokenizer import Tokenizer

_MANY = 2_000
_BYTE_PIECES = frozenset(f"<0x{byte:02X}>" for byte in range(256))


@dataclass(frozen=True)
class TokenCount:
    """One side of a sample, in tokens."""

    n_segments: int
    n_words: int
    n_tokens: int
    n_unknown: int
    """Tokens that are unknown, or spell a character without a piece as bytes."""

    n_characters: int
    """Spaces not counted."""

    uncovered: Counter[str]
    """Characters without a piece, by how often they occur."""

    @property
    def tokens_per_word(self) -> float:
        """Tokens per word: 1 where every word is one piece."""
        return self.n_tokens / max(self.n_words, 1)


def count_tokens(tokenizer: Tokenizer, src: Sequence[str], tgt: Sequence[str]) -> tuple[TokenCount, TokenCount]:
    """Tokenize both sides of a sample."""
    return (
        _count(src, tokenizer.encode_src, tokenizer.src_pieces, tokenizer.special),
        _count(tgt, tokenizer.encode_tgt, tokenizer.tgt_pieces, tokenizer.special),
    )


def _count(
    segments: Sequence[str],
    encode: Callable[[Sequence[str]], list[list[int]]],
    pieces: Sequence[str],
    special: SpecialIds,
) -> TokenCount:
    unknown = {number for number, piece in enumerate(pieces) if piece in _BYTE_PIECES} | {special.unk}
    n_tokens = n_unknown = 0
    characters: Counter[str] = Counter()
    for start in range(0, len(segments), _MANY):
        some = segments[start : start + _MANY]
        for ids in encode(some):
            n_tokens += len(ids)
            n_unknown += sum(number in unknown for number in ids)
        characters.update("".join(some))
    for space in [character for character in characters if character.isspace()]:
        del characters[space]
    # What is part of a piece is covered, as in a vocabulary of words, and so is what is normalised into pieces.
    no_text = {special.pad, special.unk, special.bos, special.eos, special.start}
    spelling = (piece for number, piece in enumerate(pieces) if number not in no_text and piece not in _BYTE_PIECES)
    within = {character for piece in spelling for character in piece}
    alone = [character for character in characters if character not in within]
    uncovered = Counter(
        {c: characters[c] for c, ids in zip(alone, encode(alone), strict=True) if not unknown.isdisjoint(ids)}
    )
    return TokenCount(
        n_segments=len(segments),
        n_words=sum(len(segment.split()) for segment in segments),
        n_tokens=n_tokens,
        n_unknown=n_unknown,
        n_characters=characters.total(),
        uncovered=uncovered,
    )
