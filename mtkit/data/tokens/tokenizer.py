"""Text to token ids and back: SentencePiece (Kudo and Richardson, 2018) behind one small class."""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import sentencepiece

from mtkit.data.tokens.subwords import SPACE
from mtkit.errors import DataError, VocabularyError
from mtkit.files.reading import read_regular
from mtkit.files.whole import atomic_file
from mtkit.machine.threads import available_cores
from mtkit.settings.tokenizer import TokenizerConfig, as_piece, symbol_mistake

JOINT_FILE = "tokenizer.model"
SRC_FILE, TGT_FILE = "tokenizer.src.model", "tokenizer.tgt.model"

# Unigram training sums in an order that depends on the number of threads: one number for every machine.
_TRAINING_THREADS = 4
_ERRORS_ONLY = 2
_MAX_BYTES = 1_000_000_000  # a model of a million long pieces has some fifty million
_MANY_TEXTS = 1000


class VocabularyTooSmallError(VocabularyError):
    """The characters and symbols of the text need more pieces than were asked for."""

    def __init__(self, vocab_size: int, needed: int) -> None:
        """Say what was asked for and the least that works."""
        super().__init__(
            f"tokenizer.vocab_size {vocab_size} is too small: characters and special symbols alone take {needed}; "
            f"raise tokenizer.vocab_size to more than that, or lower tokenizer.character_coverage"
        )
        self.needed = needed


class Tokenizer:
    """One SentencePiece model for both languages, or one for each.

    Ids 0 to 3 are the same in every vocabulary: padding, unknown, begin and end of sentence.
    """

    pad_id, unk_id, bos_id, eos_id = 0, 1, 2, 3
    start_id = bos_id

    def __init__(self, src_model: bytes, tgt_model: bytes | None = None) -> None:
        """Take serialised SentencePiece models; ``tgt_model`` is None where one serves both languages.

        Raises:
            VocabularyError: If a model is damaged or numbers the special tokens otherwise.
        """
        self._models = [src_model] if tgt_model is None else [src_model, tgt_model]
        self._src = _processor(src_model)
        self._tgt = self._src if tgt_model is None else _processor(tgt_model)

    @classmethod
    def load(cls, directory: Path) -> "Tokenizer":
        """Read what ``save`` wrote.

        Raises:
            VocabularyError: If the files are absent, unreadable or damaged.
        """
        joint = (directory / JOINT_FILE).exists() or not (directory / SRC_FILE).exists()
        names = [JOINT_FILE] if joint else [SRC_FILE, TGT_FILE]
        try:
            models = [read_regular(directory / name, max_bytes=_MAX_BYTES) for name in names]
        except DataError as error:
            raise VocabularyError(str(error)) from error
        try:
            return cls(*models)
        except VocabularyError as error:
            raise VocabularyError(f"{directory}: {error}") from None

    def save(self, directory: Path) -> None:
        """Write ``tokenizer.model``, or ``tokenizer.src.model`` and ``tokenizer.tgt.model``."""
        for name, model in zip([JOINT_FILE] if self.joint else [SRC_FILE, TGT_FILE], self._models, strict=True):
            with atomic_file(directory / name) as file:
                file.write(model)

    @property
    def joint(self) -> bool:
        """Whether one vocabulary serves both languages."""
        return len(self._models) == 1

    @property
    def src_vocab_size(self) -> int:
        """Pieces of the source vocabulary, special ones included."""
        return self._src.get_piece_size()

    @property
    def tgt_vocab_size(self) -> int:
        """Pieces of the target vocabulary, special ones included."""
        return self._tgt.get_piece_size()

    def sha256(self) -> str:
        """Hex digest of the model file (of both, one after the other, where there are two)."""
        return hashlib.sha256(b"".join(self._models)).hexdigest()

    def encode_src(self, texts: Sequence[str], *, num_threads: int | None = None) -> list[list[int]]:
        """Source ids of each text, without begin or end of sentence.

        Args:
            texts: Segments.
            num_threads: CPU threads; by default one per core for many texts, one for few.
        """
        return _encode(self._src, texts, num_threads)

    def encode_tgt(self, texts: Sequence[str], *, num_threads: int | None = None) -> list[list[int]]:
        """Target ids of each text, as ``encode_src`` does for the source."""
        return _encode(self._tgt, texts, num_threads)

    def src_unknown(self, text: str) -> list[str]:
        """What of a source no piece spells, in its order, each once.

        Characters that become bytes, and runs (of a word tokenizer: words) that become the unknown token.
        """
        found: list[str] = []
        spelt = bytearray()
        ids = [*self._src.encode(text), self.eos_id]
        for piece_id, surface in zip(ids, [*self._src.encode(text, out_type=str), ""], strict=True):
            if self._src.is_byte(piece_id):
                spelt.append(int(surface[3:5], 16))
                continue
            found += spelt.decode("utf-8", "replace")
            spelt.clear()
            if piece_id == self.unk_id:
                found.append(surface.removeprefix(SPACE))
        return list(dict.fromkeys(found))

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of target ids; padding, begin and end of sentence are left out."""
        # SentencePiece takes an empty list for one empty sequence.
        if not len(ids):
            return []
        # On one thread: otherwise it starts a pool of them at each call.
        return self._tgt.decode([[int(i) for i in sequence] for sequence in ids], num_threads=1)

    @property
    def src_processor(self) -> Any:
        """SentencePiece's own object for the source, for ``mtkit.data.tokens.subwords``."""
        return self._src

    @property
    def tgt_processor(self) -> Any:
        """SentencePiece's own object for the target."""
        return self._tgt

    def tag_ids(self, tags: Sequence[str]) -> list[int]:
        """The source id of each tag, which is one piece.

        Raises:
            VocabularyError: If the source vocabulary has no such piece.
        """
        ids = [self._src.piece_to_id(as_piece(tag)) for tag in tags]
        for tag, piece in zip(tags, ids, strict=True):
            if piece == self.unk_id:
                raise VocabularyError(f"the tokenizer has no piece for the tag {tag}: it was trained without it")
        return ids

    @cached_property
    def src_pieces(self) -> list[str]:
        """The piece that each source id stands for, special ones included."""
        return _pieces(self._src)

    @cached_property
    def tgt_pieces(self) -> list[str]:
        """The piece that each target id stands for, special ones included."""
        return self.src_pieces if self.joint else _pieces(self._tgt)

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The pieces that target ids stand for, special ones included."""
        pieces = self.tgt_pieces
        return [pieces[i] for i in ids]

    def src_tokens(self, ids: Sequence[int]) -> list[str]:
        """The pieces that source ids stand for, special ones included."""
        pieces = self.src_pieces
        return [pieces[i] for i in ids]


def train_tokenizer(
    src_lines: Iterable[str],
    tgt_lines: Iterable[str],
    config: TokenizerConfig,
    vocab_size: int,
    *,
    exact: bool = True,
) -> Tokenizer:
    """Train one SentencePiece model on both sides, or one on each. The same lines give the same bytes.

    Args:
        src_lines: Source text, read once.
        tgt_lines: Target text, read once, after ``src_lines``.
        config: Kind of model, coverage and symbols; its own ``vocab_size`` is not looked at.
        vocab_size: Pieces of each vocabulary, special ones included.
        exact: Refuse a text that cannot fill the vocabulary; otherwise take as many pieces as there are. A
            character model always takes as many as there are, up to ``vocab_size``.

    Raises:
        VocabularyError: If the text does not allow this size (naming one that works), or a symbol is not valid.
    """
    for symbol in config.user_defined_symbols:  # tags of the corpus among them
        if (mistake := symbol_mistake(symbol, config.type)) is not None:
            raise VocabularyError(f"the symbol {symbol!r} cannot be one piece: {mistake}")
    if config.joint:
        return Tokenizer(_train(chain(src_lines, tgt_lines), config, vocab_size, exact=exact))
    src_model = _train(src_lines, config, vocab_size, exact=exact)
    return Tokenizer(src_model, _train(tgt_lines, config, vocab_size, exact=exact))


def _train(lines: Iterable[str], config: TokenizerConfig, vocab_size: int, *, exact: bool) -> bytes:
    """Serialised SentencePiece model."""
    model = io.BytesIO()
    failures: list[BaseException] = []

    def guarded() -> Iterator[str]:
        # SentencePiece turns whatever the iterator raises into a message.
        try:
            yield from lines
        except BaseException as error:
            failures.append(error)
            raise

    try:
        sentencepiece.SentencePieceTrainer.Train(
            sentence_iterator=guarded(),
            model_writer=model,
            model_type=config.type,
            vocab_size=vocab_size,
            hard_vocab_limit=exact,
            character_coverage=config.character_coverage,
            byte_fallback=config.type in ("unigram", "bpe") if config.byte_fallback is None else config.byte_fallback,
            user_defined_symbols=[as_piece(symbol) for symbol in config.user_defined_symbols],
            pad_id=Tokenizer.pad_id,
            unk_id=Tokenizer.unk_id,
            bos_id=Tokenizer.bos_id,
            eos_id=Tokenizer.eos_id,
            num_threads=_TRAINING_THREADS,
            minloglevel=_ERRORS_ONLY,
        )
    except (RuntimeError, ValueError, OSError) as error:
        if failures:
            raise failures[0] from None
        raise _explained(str(error), vocab_size) from None
    return model.getvalue()


def _explained(message: str, vocab_size: int) -> VocabularyError:
    """What SentencePiece says, in terms of our settings."""
    if found := re.search(r"too high.*<= (\d+)", message):
        return VocabularyError(
            f"tokenizer.vocab_size {vocab_size} is more than the training text allows; "
            f"lower tokenizer.vocab_size to {found[1]} or less"
        )
    if found := re.search(r"smaller than required_chars\. \d+ vs (\d+)", message):
        return VocabularyTooSmallError(vocab_size, int(found[1]))
    if "sentences_.empty()" in message:
        return VocabularyError("the tokenizer has no text to train on: every line is empty or longer than 4,192 bytes")
    return VocabularyError(f"the tokenizer cannot be trained: {message.rpartition('] ')[2] or message}")


def _processor(model: bytes) -> Any:
    """Load a serialised model and check that its special tokens are where ours are."""
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
        ids = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
        _pieces(processor)
    except UnicodeDecodeError:
        raise VocabularyError("damaged tokenizer model: a piece is not UTF-8") from None
    except (RuntimeError, ValueError, OSError) as error:
        raise VocabularyError(f"damaged tokenizer model: {error}") from None
    expected = (Tokenizer.pad_id, Tokenizer.unk_id, Tokenizer.bos_id, Tokenizer.eos_id)
    if ids != expected:
        raise VocabularyError(f"the tokenizer numbers pad, unk, bos, eos as {ids}; mtkit needs {expected}")
    return processor


def _pieces(processor: Any) -> list[str]:
    return processor.id_to_piece(list(range(processor.get_piece_size())))


def _encode(processor: Any, texts: Sequence[str], num_threads: int | None) -> list[list[int]]:
    if num_threads is None:
        num_threads = available_cores() if len(texts) >= _MANY_TEXTS else 1
    return processor.encode(list(texts), out_type=int, num_threads=num_threads)
