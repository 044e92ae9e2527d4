"""One side of a tokenizer: text to ids and back, with SentencePiece's own ids, with others, or byte by byte."""

from collections.abc import Mapping, Sequence, Set
from functools import cached_property
from typing import Any, Protocol

import sentencepiece

from mtkit.data.tokens.special import OWN, SpecialIds
from mtkit.data.tokens.vocabulary_file import FIRST_BYTE, N_BYTES
from mtkit.errors import VocabularyError

SPACE = "\u2581"
"""How SentencePiece writes the space before a word."""


class Side(Protocol):
    """What a tokenizer asks of its source and its target."""

    @property
    def pieces(self) -> Sequence[str]:
        """The piece of each id, special ones included."""

    @property
    def processor(self) -> Any:
        """SentencePiece's own object; None where there is none."""

    def mapped(self, ids: Sequence[int]) -> list[int]:
        """SentencePiece's ids as those of the vocabulary."""

    def encode(self, texts: Sequence[str], num_threads: int) -> list[list[int]]:
        """Ids of each text."""

    def encode_words(self, words: Sequence[str]) -> list[list[int]]:
        """Ids of each word of one text: end to end they are those of the text."""

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of ids, of which there is one at least."""

    def unknown(self, text: str) -> list[str]:
        """What no piece spells, in its order."""


class OwnIds:
    """A SentencePiece model that numbers its pieces as mtkit's do."""

    def __init__(self, processor: Any) -> None:
        """Take SentencePiece's own object.

        Raises:
            VocabularyError: If it numbers the special tokens otherwise.
        """
        self.processor = processor
        ids = tuple(getattr(self.processor, f"{name}_id")() for name in ("pad", "unk", "bos", "eos"))
        expected = (OWN.pad, OWN.unk, OWN.bos, OWN.eos)
        if ids != expected:
            raise VocabularyError(f"the tokenizer numbers pad, unk, bos, eos as {ids}; mtkit needs {expected}")

    @cached_property
    def pieces(self) -> list[str]:
        """See ``Side``."""
        return _pieces(self.processor)

    def mapped(self, ids: Sequence[int]) -> list[int]:
        """See ``Side``."""
        return list(ids)

    def encode(self, texts: Sequence[str], num_threads: int) -> list[list[int]]:
        """See ``Side``."""
        return self.processor.encode(list(texts), out_type=int, num_threads=num_threads)

    def encode_words(self, words: Sequence[str]) -> list[list[int]]:
        """See ``Side``: SentencePiece joins nothing across spaces."""
        return self.encode(words, 1)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """See ``Side``."""
        # On one thread: otherwise it starts a pool of them at each call.
        return self.processor.decode([[int(i) for i in sequence] for sequence in ids], num_threads=1)

    def unknown(self, text: str) -> list[str]:
        """See ``Side``."""
        ids, pieces = self.processor.encode(text), self.processor.encode(text, out_type=str)
        known = [number != OWN.unk for number in ids]
        return _unspelt([self.processor.is_byte(number) for number in ids], known, pieces)


class GivenIds:
    """A SentencePiece model whose pieces have ids from elsewhere: each is looked up by its string.

    A piece that the vocabulary lacks is unknown, and what SentencePiece does not know has an id where the vocabulary
    has that very string, as Marian's tokenizers have characters of the other side.
    """

    def __init__(
        self, processor: Any, pieces: Sequence[str], ids: Mapping[str, int], special: SpecialIds, *, tags: Set[int]
    ) -> None:
        """Take a model of another program's and the vocabulary.

        Args:
            processor: SentencePiece's own object.
            pieces: The piece of each id.
            ids: The id of each piece.
            special: What is no text.
            tags: Ids that tell languages. A text that has the same letters does not become one, and those of the target
                are not shown.
        """
        self.processor = processor
        self.pieces = pieces
        self._ids, self._unk = ids, special.unk
        self._own_unk = processor.unk_id()
        no_text = {special.pad, special.eos, special.start, special.bos} - {None, special.unk}
        self._left_out = no_text | tags
        spelt = _pieces(processor)
        found = [ids.get(piece, special.unk) for piece in spelt]
        self._map = [special.unk if number in no_text else number for number in found]
        self._shown = list(pieces)
        self._shown[special.unk] = spelt[self._own_unk]

    def encode(self, texts: Sequence[str], num_threads: int) -> list[list[int]]:
        """See ``Side``."""
        found = self.processor.encode(list(texts), out_type=int, num_threads=num_threads)
        own_unk = self._own_unk
        return [
            self._looked_up(text) if own_unk in ids else self.mapped(ids)
            for text, ids in zip(texts, found, strict=True)
        ]

    def mapped(self, ids: Sequence[int]) -> list[int]:
        """See ``Side``."""
        return [self._map[number] for number in ids]

    def _looked_up(self, text: str) -> list[int]:
        ids, pieces = self.processor.encode(text), self.processor.encode(text, out_type=str)
        return [
            self._by_string(piece) if number == self._own_unk else self._map[number]
            for number, piece in zip(ids, pieces, strict=True)
        ]

    def _by_string(self, piece: str) -> int:
        number = self._ids.get(piece, self._unk)
        return self._unk if number in self._left_out else number

    def encode_words(self, words: Sequence[str]) -> list[list[int]]:
        """See ``Side``: SentencePiece joins nothing across spaces."""
        return self.encode(words, 1)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """See ``Side``."""
        shown, left_out = self._shown, self._left_out
        pieces = [[shown[number] for number in sequence if number not in left_out] for sequence in ids]
        texts = self.processor.decode(pieces, num_threads=1)
        # What SentencePiece does not know it leaves as it is.
        return [text.replace(SPACE, " ") for text in texts]

    def unknown(self, text: str) -> list[str]:
        """See ``Side``."""
        pieces = self.processor.encode(text, out_type=str)
        known = [number != self._unk for number in self.encode([text], 1)[0]]
        return _unspelt([self.processor.is_byte(number) for number in self.processor.encode(text)], known, pieces)


class Bytes:
    """Each byte of UTF-8 is one token (ByT5: Xue et al. 2022)."""

    def __init__(self, pieces: Sequence[str]) -> None:
        """Take the names of the ids."""
        self.pieces = pieces
        self.processor = None

    def mapped(self, ids: Sequence[int]) -> list[int]:
        """See ``Side``."""
        return list(ids)

    def encode(self, texts: Sequence[str], num_threads: int) -> list[list[int]]:
        """See ``Side``."""
        del num_threads
        return [[byte + FIRST_BYTE for byte in text.encode()] for text in texts]

    def encode_words(self, words: Sequence[str]) -> list[list[int]]:
        """See ``Side``; the space before a word is its first token."""
        return self.encode([" " * bool(number) + word for number, word in enumerate(words)], 1)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """See ``Side``; what is not UTF-8 is left out."""
        end = FIRST_BYTE + N_BYTES
        rows = (bytes(number - FIRST_BYTE for number in row if FIRST_BYTE <= number < end) for row in ids)
        return [row.decode("utf-8", "ignore") for row in rows]

    def unknown(self, text: str) -> list[str]:
        """See ``Side``."""
        del text
        return []


def _unspelt(are_bytes: Sequence[bool], known: Sequence[bool], pieces: Sequence[str]) -> list[str]:
    """Characters that became bytes, and unknown runs, each once."""
    found: list[str] = []
    spelt = bytearray()
    for is_byte, is_known, piece in zip([*are_bytes, False], [*known, True], [*pieces, ""], strict=True):
        if is_byte:
            spelt.append(int(piece[3:5], 16))
            continue
        found += spelt.decode("utf-8", "replace")
        spelt.clear()
        if not is_known:
            found.append(piece.removeprefix(SPACE))
    return list(dict.fromkeys(found))


def sentencepiece_model(model: bytes) -> Any:
    """SentencePiece's own object for a serialised model whose pieces are text.

    Raises:
        VocabularyError: If the model is damaged.
    """
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
        _pieces(processor)
    except UnicodeDecodeError:
        raise VocabularyError("damaged tokenizer model: a piece is not UTF-8") from None
    except (RuntimeError, ValueError, OSError) as error:
        raise VocabularyError(f"damaged tokenizer model: {error}") from None
    return processor


def _pieces(processor: Any) -> list[str]:
    return processor.id_to_piece(list(range(processor.get_piece_size())))
