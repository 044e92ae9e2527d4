"""Training of mtkit's own tokenizers: SentencePiece (Kudo and Richardson 2018)."""

import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain

import sentencepiece

from mtkit.data.tokens.special import OWN
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import VocabularyError
from mtkit.settings.tokenizer import TokenizerConfig, as_piece, symbol_mistake

# Unigram training sums in an order that depends on the number of threads: one number for every machine.
_TRAINING_THREADS = 4
_ERRORS_ONLY = 2


class VocabularyTooSmallError(VocabularyError):
    """The characters and symbols of the text need more pieces than were asked for."""

    def __init__(self, vocab_size: int, needed: int) -> None:
        """Say what was asked for and the least that works."""
        super().__init__(
            f"tokenizer.vocab_size {vocab_size} is too small: characters and special symbols alone take {needed}; "
            f"raise tokenizer.vocab_size to more than that, or lower tokenizer.character_coverage"
        )
        self.needed = needed


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
        return Tokenizer(train_model(chain(src_lines, tgt_lines), config, vocab_size, exact=exact))
    src_model = train_model(src_lines, config, vocab_size, exact=exact)
    return Tokenizer(src_model, train_model(tgt_lines, config, vocab_size, exact=exact))


def train_model(
    lines: Iterable[str], config: TokenizerConfig, vocab_size: int, *, exact: bool, normalises: bool = True
) -> bytes:
    """A serialised SentencePiece model of lines, which are read once; arguments and errors as of ``train_tokenizer``.

    ``normalises`` is False where the lines are normalised already, and the model is to leave them so.
    """
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
            pad_id=OWN.pad,
            unk_id=OWN.unk,
            bos_id=OWN.bos,
            eos_id=OWN.eos,
            num_threads=_TRAINING_THREADS,
            normalization_rule_name="nmt_nfkc" if normalises else "identity",
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
