"""Segmentations of a text drawn at random, from a generator of our own.

SentencePiece draws from one generator for all, which cannot be seeded for a sentence: a run could not be repeated.
"""

import itertools
import math
import re
from collections.abc import Sequence
from functools import cached_property
from random import Random
from typing import Any, Protocol

from mtkit.data.tokens.sides import SPACE, Side
from mtkit.errors import ConfigError
from mtkit.settings.tokenizer import as_piece


class Segmenter(Protocol):
    """Draws segmentations."""

    def segment(self, text: str, draw: Random) -> list[int]:
        """Ids of a text, without begin and end of sentence."""


class UnigramSampling:
    """Subword regularisation (Kudo 2018): one of the n best segmentations, in proportion to probability ** alpha."""

    def __init__(self, processor: Any, *, alpha: float, n_best: int) -> None:
        """Take a SentencePieceProcessor of type unigram."""
        self._processor, self._alpha, self._n_best = processor, alpha, n_best

    @cached_property
    def _scores(self) -> list[float]:
        return self._processor.get_score(list(range(self._processor.get_piece_size())))

    def candidates(self, text: str) -> tuple[list[list[int]], list[float]]:
        """The n best segmentations and the probability with which each is drawn."""
        found: list[list[int]] = self._processor.nbest_encode(text, nbest_size=self._n_best, out_type=int)
        scores = [self._alpha * sum(map(self._scores.__getitem__, ids)) for ids in found]
        weights = [math.exp(score - max(scores)) for score in scores]
        return found, [weight / sum(weights) for weight in weights]

    def segment(self, text: str, draw: Random) -> list[int]:
        """Ids of a text, without begin and end of sentence."""
        found, probabilities = self.candidates(text)
        if not found:
            return []
        chance = draw.random()
        below = itertools.accumulate(probabilities)
        return next((ids for ids, limit in zip(found, below, strict=True) if chance < limit), found[-1])


class BpeDropout:
    """Byte pair encoding whose merges are left out at random (Provilkov et al. 2020, algorithm 1)."""

    def __init__(self, processor: Any, *, dropout: float, symbols: Sequence[str]) -> None:
        """Take a SentencePieceProcessor of type bpe.

        Args:
            processor: Processor of a model that keeps to word boundaries, as those that mtkit trains do.
            dropout: The probability that a merge is left out.
            symbols: Those that are one piece wherever they stand.
        """
        self._processor, self._dropout = processor, dropout
        numbers = list(range(processor.get_piece_size()))
        pieces, scores = processor.id_to_piece(numbers), processor.get_score(numbers)
        special = {i for i in numbers if processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i)}
        of_text = [i for i in numbers if i not in special]
        self._ids = {pieces[i]: i for i in of_text}
        self._scores = {pieces[i]: scores[i] for i in of_text}
        self._bytes = {pieces[i]: i for i in numbers if processor.is_byte(i)}
        self._unk_id = processor.unk_id()
        longest_first = sorted(map(as_piece, symbols), key=len, reverse=True)
        self._symbols = set(longest_first)
        symbol = "|".join(map(re.escape, longest_first)) or "(?!)"  # which nothing is
        letters = f"(?:(?!{symbol})[^{SPACE}])"
        self._parts = re.compile(f"{symbol}|{SPACE}{letters}*|{letters}+")

    def segment(self, text: str, draw: Random) -> list[int]:
        """Ids of a text, without begin and end of sentence."""
        ids: list[int] = []
        for part in self._parts.findall(self._processor.normalize(text)):
            for piece in [part] if part in self._symbols else self._merged(list(part), draw):
                self._append(piece, ids)
        return ids

    def _merged(self, pieces: list[str], draw: Random) -> list[str]:
        """Merge the best pair that is not left out this time, until there is none."""
        while True:
            best, best_score = -1, -math.inf
            for i, pair in enumerate(itertools.pairwise(pieces)):
                score = self._scores.get(pair[0] + pair[1])
                if score is not None and score > best_score and not self._is_dropped(draw):
                    best, best_score = i, score
            if best < 0:
                return pieces
            pieces[best : best + 2] = [pieces[best] + pieces[best + 1]]

    def _is_dropped(self, draw: Random) -> bool:
        return self._dropout > 0 and draw.random() < self._dropout

    def _append(self, piece: str, ids: list[int]) -> None:
        number = self._ids.get(piece)
        if number is not None:
            ids.append(number)
        elif self._bytes:
            ids.extend(self._bytes[f"<0x{byte:02X}>"] for byte in piece.encode())
        elif ids[-1:] != [self._unk_id]:  # unknown characters that follow each other are one unknown piece
            ids.append(self._unk_id)


class _Mapped:
    """Segmentations in the ids of a vocabulary from elsewhere."""

    def __init__(self, segmenter: Segmenter, side: Side) -> None:
        self._segmenter, self._side = segmenter, side

    def segment(self, text: str, draw: Random) -> list[int]:
        return self._side.mapped(self._segmenter.segment(text, draw))


def segmenter(
    side: Side, kind: str | None, *, alpha: float, n_best: int, dropout: float, symbols: Sequence[str]
) -> Segmenter:
    """What draws segmentations with a tokenizer of type unigram or bpe; None for one from elsewhere.

    Raises:
        ConfigError: If a tokenizer from elsewhere has one segmentation of a text.
    """
    if side.processor is None:
        raise ConfigError(
            "training.sampling.subword: a tokenizer of bytes cuts a text in one way; set its probability to 0"
        )
    of_type = kind or ("unigram" if _is_unigram(side.processor) else "bpe")
    match of_type:
        case "bpe":
            found: Segmenter = BpeDropout(side.processor, dropout=dropout, symbols=symbols)
        case "unigram":
            found = UnigramSampling(side.processor, alpha=alpha, n_best=n_best)
        case _:
            raise ValueError(f"a tokenizer of type {kind} has one segmentation of a text")
    return found if kind is not None else _Mapped(found, side)


def _is_unigram(processor: Any) -> bool:
    try:
        processor.nbest_encode("a", nbest_size=1, out_type=int)
    except RuntimeError:  # by which the other types say that they have one
        return False
    return True
