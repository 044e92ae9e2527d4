"""Text to token ids and back: SentencePiece (Kudo and Richardson, 2018) behind one small class."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from mtkit.data.tokens.language_pieces import LanguagePieces
from mtkit.data.tokens.sides import Bytes, GivenIds, OwnIds, Side, sentencepiece_model
from mtkit.data.tokens.special import OWN, Prefix, SpecialIds
from mtkit.data.tokens.vocabulary_file import VOCABULARY_FILE, Vocabulary
from mtkit.errors import DataError, VocabularyError
from mtkit.files.reading import read_regular
from mtkit.files.whole import atomic_file
from mtkit.machine.threads import available_cores
from mtkit.settings.tokenizer import as_piece

JOINT_FILE = "tokenizer.model"
SRC_FILE, TGT_FILE = "tokenizer.src.model", "tokenizer.tgt.model"
FILES = (JOINT_FILE, SRC_FILE, TGT_FILE, VOCABULARY_FILE)
"""All that a tokenizer may consist of."""

_MAX_BYTES = 1_000_000_000  # a model of a million long pieces has some fifty million
_MANY_TEXTS = 1000


class Tokenizer:
    """One SentencePiece model for both languages, or one for each; or the bytes of the text.

    The ids of mtkit's own are SentencePiece's, ``special.OWN`` among them. A tokenizer of another program has a
    ``Vocabulary`` that says which id each piece has.
    """

    def __init__(
        self, src_model: bytes | None, tgt_model: bytes | None = None, *, vocabulary: Vocabulary | None = None
    ) -> None:
        """Take serialised SentencePiece models.

        Args:
            src_model: None for a tokenizer of bytes.
            tgt_model: None where one model serves both languages.
            vocabulary: None for SentencePiece's own ids.

        Raises:
            VocabularyError: If a model is damaged, numbers the special tokens otherwise, or does not go with the
                vocabulary.
        """
        self._models = [model for model in (src_model, tgt_model) if model is not None]
        self.vocabulary = vocabulary
        self.special: SpecialIds = OWN if vocabulary is None else vocabulary.special
        self._src: Side
        self._tgt: Side
        if vocabulary is None:
            if src_model is None:
                raise VocabularyError("the tokenizer has no model, and no vocabulary of bytes")
            self._src = OwnIds(sentencepiece_model(src_model))
            self._tgt = self._src if tgt_model is None else OwnIds(sentencepiece_model(tgt_model))
        else:
            self._src, self._tgt = _given(vocabulary, src_model, tgt_model)

    @classmethod
    def load(cls, directory: Path) -> "Tokenizer":
        """Read what ``save`` wrote.

        Raises:
            VocabularyError: If the files are absent, unreadable or damaged.
        """
        vocabulary = Vocabulary.load(directory)
        joint = (directory / JOINT_FILE).exists() or not (directory / SRC_FILE).exists()
        names = [JOINT_FILE] if joint else [SRC_FILE, TGT_FILE]
        if vocabulary is not None and vocabulary.kind == "bytes":
            names = [name for name in names if (directory / name).exists()]
        try:
            models = [read_regular(directory / name, max_bytes=_MAX_BYTES) for name in names]
        except DataError as error:
            raise VocabularyError(str(error)) from error
        try:
            return cls(models[0] if models else None, *models[1:], vocabulary=vocabulary)
        except VocabularyError as error:
            raise VocabularyError(f"{directory}: {error}") from None

    def save(self, directory: Path) -> None:
        """Write the files that it consists of: the SentencePiece models as they are, and ``vocabulary.json``."""
        for name, content in self._files().items():
            with atomic_file(directory / name) as file:
                file.write(content)

    @property
    def models(self) -> Sequence[bytes]:
        """The serialised SentencePiece models: one for both sides, one for each, or none where the tokens are bytes."""
        return tuple(self._models)

    @property
    def file_names(self) -> set[str]:
        """The files that ``save`` writes."""
        return set(self._files())

    def _files(self) -> dict[str, bytes]:
        names = [SRC_FILE, TGT_FILE] if len(self._models) > 1 else [JOINT_FILE]
        files = dict(zip(names, self._models, strict=False))
        return files if self.vocabulary is None else files | {VOCABULARY_FILE: self.vocabulary.content}

    @property
    def joint(self) -> bool:
        """Whether one vocabulary serves both languages."""
        return self._tgt is self._src if self.vocabulary is None else self.vocabulary.tgt is None

    @property
    def src_vocab_size(self) -> int:
        """Ids of the source vocabulary, special ones included."""
        return len(self.src_pieces)

    @property
    def tgt_vocab_size(self) -> int:
        """Ids of the target vocabulary, special ones included."""
        return len(self.tgt_pieces)

    @property
    def pad_id(self) -> int:
        """Id of padding."""
        return self.special.pad

    @property
    def unk_id(self) -> int:
        """Id of what no piece spells."""
        return self.special.unk

    @property
    def eos_id(self) -> int:
        """Id of the end of sentence."""
        return self.special.eos

    @property
    def start_id(self) -> int:
        """Id of what the decoder reads first."""
        return self.special.start

    @property
    def languages(self) -> LanguagePieces | None:
        """The ids that tell the languages, in a tokenizer that has such of its own."""
        return None if self.vocabulary is None else self.vocabulary.language_ids

    def sha256(self) -> str:
        """Hex digest of the files, one after the other."""
        return hashlib.sha256(b"".join(self._files().values())).hexdigest()

    def encode_src(self, texts: Sequence[str], *, num_threads: int | None = None) -> list[list[int]]:
        """Source ids of each text, without begin or end of sentence.

        Args:
            texts: Segments.
            num_threads: CPU threads; by default one per core for many texts, one for few.
        """
        return self._src.encode(texts, _threads(texts, num_threads))

    def encode_tgt(self, texts: Sequence[str], *, num_threads: int | None = None) -> list[list[int]]:
        """Target ids of each text, as ``encode_src`` does for the source."""
        return self._tgt.encode(texts, _threads(texts, num_threads))

    def src_unknown(self, text: str) -> list[str]:
        """What of a source no piece spells, in its order, each once.

        Characters that become bytes, and runs (of a word tokenizer: words) that become the unknown token.
        """
        return self._src.unknown(text)

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of target ids; special tokens and languages' tags are left out."""
        # SentencePiece takes an empty list for one empty sequence.
        return self._tgt.decode(ids) if len(ids) else []

    @property
    def src_side(self) -> Side:
        """The source alone."""
        return self._src

    @property
    def tgt_side(self) -> Side:
        """The target alone."""
        return self._tgt

    def tag_ids(self, tags: Sequence[str]) -> list[int]:
        """The source id of each tag, which is one piece.

        Raises:
            VocabularyError: If the source vocabulary has no such piece.
        """
        return self._ids_of(tags, self._src_ids)

    def prefix(self, tags: Sequence[str], forced: Sequence[str]) -> Prefix:
        """The ids of pieces that stand before a source and before a target; errors as for ``tag_ids``."""
        return Prefix(tuple(self.tag_ids(tags)), tuple(self._ids_of(forced, self._tgt_ids) if forced else ()))

    def _ids_of(self, tags: Sequence[str], known: Mapping[str, int]) -> list[int]:
        for tag in tags:
            if known.get(as_piece(tag), self.unk_id) == self.unk_id:
                raise VocabularyError(f"the tokenizer has no piece for the tag {tag}: it was trained without it")
        return [known[as_piece(tag)] for tag in tags]

    @cached_property
    def _tgt_ids(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self.tgt_pieces)}

    @cached_property
    def _src_ids(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self.src_pieces)}

    @property
    def src_pieces(self) -> Sequence[str]:
        """The piece that each source id stands for, special ones included."""
        return self._src.pieces

    @property
    def tgt_pieces(self) -> Sequence[str]:
        """The piece that each target id stands for, special ones included."""
        return self._tgt.pieces

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The pieces that target ids stand for, special ones included."""
        pieces = self.tgt_pieces
        return [pieces[i] for i in ids]

    def src_tokens(self, ids: Sequence[int]) -> list[str]:
        """The pieces that source ids stand for, special ones included."""
        pieces = self.src_pieces
        return [pieces[i] for i in ids]


def _given(vocabulary: Vocabulary, src_model: bytes | None, tgt_model: bytes | None) -> tuple[Side, Side]:
    """Source and target of a tokenizer with ids from elsewhere."""
    if vocabulary.kind == "bytes":
        if src_model is not None:
            raise VocabularyError(
                f"{VOCABULARY_FILE} is that of a tokenizer of bytes, which has no SentencePiece model"
            )
        side = Bytes(vocabulary.src)
        return side, side
    if src_model is None:
        raise VocabularyError("the tokenizer has no SentencePiece model")
    src = sentencepiece_model(src_model)
    tgt = src if tgt_model is None else sentencepiece_model(tgt_model)
    languages, special = vocabulary.language_ids, vocabulary.special
    tags: set[int] = set()
    forced: set[int] = set()
    if languages is not None:
        tags = {number for each in (languages.source, languages.target) for ids in each.values() for number in ids}
        forced = {number for ids in languages.forced.values() for number in ids}
    tgt_pieces = vocabulary.src if vocabulary.tgt is None else vocabulary.tgt
    return (
        GivenIds(src, vocabulary.src, vocabulary.src_ids, special, tags=tags),
        GivenIds(tgt, tgt_pieces, vocabulary.tgt_ids, special, tags=forced),
    )


def _threads(texts: Sequence[str], asked: int | None) -> int:
    if asked is not None:
        return asked
    return available_cores() if len(texts) >= _MANY_TEXTS else 1
