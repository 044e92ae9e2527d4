"""A tokenizer whose pieces have ids from elsewhere, as those of imported models do."""

import io
from collections.abc import Mapping, Sequence

import sentencepiece

from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.vocabulary_file import Vocabulary

LINES = [
    "The cat sat on the mat.",
    "A dog, a cat and a bird: all of them sing!",
    "Do birds sing? Yes; but dogs do not.",
    "The mat is red, the bird is blue.",
]
TAGS = ["__de__", "__en__", "__fr__"]

START_IS_EOS = SpecialIds(pad=1, unk=3, bos=0, eos=2, start=2, never=(1, 0))
START_IS_PAD = SpecialIds(pad=9, unk=1, bos=None, eos=0, start=9, never=(9,))


def sentencepiece_bytes(lines: Sequence[str] = LINES, *, size: int = 50) -> bytes:
    """A model that numbers its special pieces as SentencePiece itself does: unk, bos, eos from 0, and no pad."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(lines),
        model_writer=model,
        vocab_size=size,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()


def pieces_of(model: bytes) -> list[str]:
    """The pieces of a model in their order, special ones left out."""
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model)
    return [processor.id_to_piece(number) for number in range(3, processor.get_piece_size())]


def numbered(special: SpecialIds, pieces: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """Every piece at an id of its own, the special ones where they belong, the others backwards around them."""
    names = {special.pad: "<pad>", special.unk: "<unk>", special.eos: "</s>"}
    if special.bos is not None:
        names[special.bos] = "<s>"
    rest = iter([*reversed(pieces), *extra])
    n = len(names) + len(pieces) + len(extra)
    return [names[number] if number in names else next(rest) for number in range(n)]


def foreign_tokenizer(
    special: SpecialIds = START_IS_EOS,
    *,
    source: Mapping[str, Sequence[str]] | None = None,
    target: Mapping[str, Sequence[str]] | None = None,
    forced: Mapping[str, Sequence[str]] | None = None,
    extra: Sequence[str] = (),
    lines: Sequence[str] = LINES,
) -> Tokenizer:
    """One SentencePiece model for both sides, its pieces in another order, and ``TAGS`` after them."""
    model = sentencepiece_bytes(lines)
    vocabulary = Vocabulary.of(
        "sentencepiece",
        special,
        numbered(special, pieces_of(model), [*TAGS, *extra]),
        source=source,
        target=target,
        forced=forced,
    )
    return Tokenizer(model, vocabulary=vocabulary)
