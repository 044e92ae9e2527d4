"""``vocabulary.json``: the numbers of the pieces in a tokenizer that another program made, and its languages.

A SentencePiece model of another program keeps its bytes; which id each piece has is read from here.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from mtkit.data.tokens.language_pieces import LanguagePieces
from mtkit.data.tokens.special import SpecialIds
from mtkit.errors import DataError, VocabularyError
from mtkit.files.reading import parse_json, read_regular, version_in
from mtkit.files.shapes import shaped

VOCABULARY_FILE = "vocabulary.json"
FORMAT_VERSION = 1

N_BYTES = 256
FIRST_BYTE = 3
"""Id of the byte 0 in a tokenizer of bytes (ByT5: Xue et al. 2022)."""

_MAX_BYTES = 200_000_000  # a million pieces of two languages have some thirty million
_MAX_PREFIX = 64
_MAX_NAME = 64

Kind = Literal["sentencepiece", "bytes"]


@dataclass(frozen=True)
class _Languages:
    """``LanguagePieces``, here in pieces, as the file has them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    source: dict[str, list[str]]
    target: dict[str, list[str]]
    forced: dict[str, list[str]]


@dataclass(frozen=True)
class _Special:
    """``SpecialIds`` as the file has them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    pad: int
    unk: int
    bos: int | None
    eos: int
    start: int
    never: list[int]


@dataclass(frozen=True)
class _File:
    """The whole file."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    format_version: int
    kind: Kind
    special: _Special
    src: list[str]
    tgt: list[str] | None
    languages: _Languages | None


@dataclass(frozen=True)
class Vocabulary:
    """Pieces by their ids, special ids and languages of a tokenizer that numbers them in its own way."""

    kind: Kind
    """What makes pieces of a text: SentencePiece models, or nothing, where each byte is one."""

    special: SpecialIds
    src: Sequence[str]
    """The piece of each source id, special ones and unused rows included; no two are the same."""

    tgt: Sequence[str] | None = None
    """The piece of each target id; None where both sides have one vocabulary."""

    languages: _Languages | None = None
    """The pieces that tell the languages."""

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def of(
        cls,
        kind: Kind,
        special: SpecialIds,
        src: Sequence[str],
        tgt: Sequence[str] | None = None,
        *,
        source: Mapping[str, Sequence[str]] | None = None,
        target: Mapping[str, Sequence[str]] | None = None,
        forced: Mapping[str, Sequence[str]] | None = None,
    ) -> "Vocabulary":
        """A vocabulary with its languages, if it has any: see ``LanguagePieces``, here in pieces.

        Raises:
            VocabularyError: If ids and pieces do not fit together.
        """
        maps = [{name: list(pieces) for name, pieces in (each or {}).items()} for each in (source, target, forced)]
        return cls(kind, special, src, tgt, _Languages(*maps) if any(maps) else None)

    @classmethod
    def load(cls, directory: Path) -> "Vocabulary | None":
        """Read the file of a directory; None where there is none.

        Raises:
            VocabularyError: If it is damaged, or of a newer mtkit.
        """
        path = directory / VOCABULARY_FILE
        if not path.exists():
            return None
        try:
            tree = _parsed(path)
            version = version_in(tree)
            if version > FORMAT_VERSION:
                raise VocabularyError(
                    f"{path}: of a newer mtkit (format {version}, this one reads up to {FORMAT_VERSION}); update mtkit"
                )
            file = shaped(_File, tree)
            special = asdict(file.special) | {"never": tuple(file.special.never)}
            return cls(file.kind, SpecialIds(**special), file.src, file.tgt, file.languages)
        except DataError as error:
            raise VocabularyError(str(error)) from None
        except VocabularyError as error:
            message = str(error)
            raise VocabularyError(message if message.startswith(str(path)) else f"{path}: {message}") from None
        except ValueError as error:
            raise VocabularyError(f"{path}: damaged: {error}") from None

    @cached_property
    def content(self) -> bytes:
        """The file: the same vocabulary gives the same bytes."""
        tree: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "special": asdict(self.special) | {"never": list(self.special.never)},
            "languages": None if self.languages is None else asdict(self.languages),
            "src": list(self.src),
            "tgt": None if self.tgt is None else list(self.tgt),
        }
        return (json.dumps(tree, ensure_ascii=False, indent=0) + "\n").encode()

    @cached_property
    def src_ids(self) -> dict[str, int]:
        """The id of each source piece."""
        return {piece: number for number, piece in enumerate(self.src)}

    @cached_property
    def tgt_ids(self) -> dict[str, int]:
        """The id of each target piece."""
        return self.src_ids if self.tgt is None else {piece: number for number, piece in enumerate(self.tgt)}

    @cached_property
    def language_ids(self) -> LanguagePieces | None:
        """The languages in ids."""
        if self.languages is None:
            return None

        def numbered(pieces: Mapping[str, Sequence[str]], ids: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
            return {name: tuple(ids[piece] for piece in each) for name, each in pieces.items()}

        of_src, of_tgt = self.src_ids, self.tgt_ids
        found = self.languages
        return LanguagePieces(
            numbered(found.source, of_src), numbered(found.target, of_src), numbered(found.forced, of_tgt)
        )


def _parsed(path: Path) -> Any:
    try:
        return parse_json(read_regular(path, max_bytes=_MAX_BYTES))
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON: {error}") from None


def _check(vocabulary: Vocabulary) -> None:
    """Refuse pieces and ids that do not fit together."""
    sides = {"src": vocabulary.src, "tgt": vocabulary.src if vocabulary.tgt is None else vocabulary.tgt}
    for name, pieces in sides.items():
        if len(set(pieces)) < len(pieces):
            twin = Counter(pieces).most_common(1)[0][0]
            raise VocabularyError(f"{name} has the piece {twin!r:.60} twice")
        if any("\ud800" <= character <= "\udfff" for character in set("".join(pieces))):
            raise VocabularyError(f"{name} has a piece with half of a surrogate pair, which is not a character")
        if "" in pieces:
            raise VocabularyError(f"{name} has an empty piece at id {list(pieces).index('')}")
    _check_special(vocabulary.special, min(map(len, sides.values())))
    if vocabulary.kind == "bytes":
        _check_bytes(vocabulary)
    languages = vocabulary.languages
    if languages is not None:
        of_src, of_tgt = vocabulary.src_ids, vocabulary.tgt_ids
        for key, known in (("source", of_src), ("target", of_src), ("forced", of_tgt)):
            _check_languages(key, getattr(languages, key), known)


def _check_special(special: SpecialIds, n_pieces: int) -> None:
    ids = {key: getattr(special, key) for key in ("pad", "unk", "bos", "eos", "start")}
    ids |= {f"never.{number}": token for number, token in enumerate(special.never)}
    for key, token in ids.items():
        if token is not None and not 0 <= token < n_pieces:
            raise VocabularyError(f"special.{key} is {token}, but ids go from 0 to {n_pieces - 1}")
    if len({special.pad, special.unk, special.eos}) < 3:
        raise VocabularyError("special: pad, unk and eos are three different ids")
    if special.eos in special.never:
        raise VocabularyError("special.never holds eos, so that no translation would ever end")


def _check_bytes(vocabulary: Vocabulary) -> None:
    special = vocabulary.special
    if vocabulary.tgt is not None:
        raise VocabularyError("a tokenizer of bytes has one vocabulary for both sides: tgt must be null")
    if len(vocabulary.src) < FIRST_BYTE + N_BYTES:
        raise VocabularyError(
            f"a tokenizer of bytes has at least {FIRST_BYTE + N_BYTES} ids, not {len(vocabulary.src)}"
        )
    if max(special.pad, special.unk, special.eos) >= FIRST_BYTE:
        raise VocabularyError(f"a tokenizer of bytes has pad, unk and eos below {FIRST_BYTE}, where its bytes begin")


def _check_languages(key: str, languages: Mapping[str, Sequence[str]], known: Mapping[str, int]) -> None:
    for name, pieces in languages.items():
        if not 0 < len(name) <= _MAX_NAME or not name.isprintable() or any(map(str.isspace, name)):
            raise VocabularyError(f"languages.{key}: {name!r:.60} is not the code of a language")
        if len(pieces) > _MAX_PREFIX:
            raise VocabularyError(f"languages.{key}.{name} has {len(pieces)} pieces, more than {_MAX_PREFIX}")
        for piece in pieces:
            if piece not in known:
                raise VocabularyError(f"languages.{key}.{name}: the vocabulary has no piece {piece!r:.60}")
