"""Which piece has which id in a model of another program: read from the files of its tokenizer."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sentencepiece

from mtkit.errors import DataError, VocabularyError
from mtkit.exchange.foreign_settings import ForeignSettings, optional_settings, read_settings
from mtkit.files.reading import read_regular

_MAX_BYTES = 1_000_000_000
_MOST = 4_000_000
"""Most pieces of a vocabulary: more than ten times those of any model that is known."""


def read_spm(path: Path) -> bytes:
    """A SentencePiece model, which can be loaded.

    Raises:
        VocabularyError: If it is missing or damaged.
    """
    try:
        content = read_regular(path, max_bytes=_MAX_BYTES)
    except DataError as error:
        raise VocabularyError(str(error)) from None
    spm_pieces(content, path)
    return content


def spm_pieces(model: bytes, path: Path) -> list[str]:
    """The piece of each id of a SentencePiece model's own.

    Raises:
        VocabularyError: If it is damaged; ``path`` names it.
    """
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
        pieces: list[str] = processor.id_to_piece(list(range(processor.get_piece_size())))
    except (RuntimeError, ValueError, OSError):
        raise VocabularyError(f"{path}: not a SentencePiece model, or damaged") from None
    return pieces


def needed_file(directory: Path, *names: str) -> Path:
    """The first of the files that is there.

    Raises:
        VocabularyError: If none is, naming the first.
    """
    for name in names:
        if (directory / name).is_file():
            return directory / name
    others = f" (nor {' or '.join(names[1:])})" if len(names) > 1 else ""
    raise VocabularyError(
        f"{directory / names[0]}: missing{others}: the tokenizer cannot be read without it; copy all files of the model"
    )


def ids_in(path: Path) -> dict[str, int]:
    """A file that holds nothing but pieces and their ids, such as ``vocab.json``.

    Raises:
        VocabularyError: If it holds something else.
    """
    return _checked(read_settings(path).values, path)


def added_ids(directory: Path) -> dict[str, int]:
    """The pieces that were added to a vocabulary, with the ids that the files of a tokenizer give for them.

    Raises:
        VocabularyError: If two files give different ids.
    """
    found: dict[str, int] = {}
    path = directory / "added_tokens.json"
    _join(found, ids_in(path) if path.exists() else {}, path)
    path = directory / "tokenizer_config.json"
    decoder = optional_settings(path).section("added_tokens_decoder")
    told = {}
    for number, entry in decoder.items():
        if not number.isdecimal() or not isinstance(entry, dict) or not isinstance(entry.get("content"), str):
            raise VocabularyError(f"{path}: damaged: added_tokens_decoder.{number!r:.20} is not a piece")
        told[entry["content"]] = int(number)
    _join(found, told, path)
    return found


def tokenizer_json_ids(directory: Path) -> dict[str, int]:
    """The pieces of ``tokenizer.json`` with those that were added; none where it is absent.

    Raises:
        VocabularyError: If it is of a kind that is not known, or gives two ids for a piece.
    """
    path = directory / "tokenizer.json"
    if not path.exists():
        return {}
    tree = read_settings(path)
    vocab, added = tree.section("model").get("vocab"), tree.values.get("added_tokens") or []
    try:
        if isinstance(vocab, list):  # of a unigram model, with the score of each
            found = {piece: number for number, (piece, _) in enumerate(vocab)}
        else:
            found = dict(vocab or {})
        told = {entry["content"]: entry["id"] for entry in added}
    except (TypeError, ValueError, KeyError):
        raise VocabularyError(f"{path}: damaged: it does not list pieces") from None
    _join(found, told, path)
    return _checked(found, path)


def joined_ids(*parts: tuple[Mapping[str, int], Path]) -> dict[str, int]:
    """The pieces of several files.

    Raises:
        VocabularyError: If two files give different ids for a piece.
    """
    found: dict[str, int] = {}
    for ids, path in parts:
        _join(found, ids, path)
    return found


def by_id(ids: Mapping[str, int], size: int, path: Path, what: str = "vocab_size") -> list[str]:
    """The piece of each id below ``size``; rows that no piece has get names that nothing is spelt with.

    Raises:
        VocabularyError: If an id is beyond ``size``, two pieces have it, or no vocabulary is so large.
    """
    if size > _MOST:
        raise VocabularyError(f"{path}: the model's {what} is {size:,}: no vocabulary is so large")
    pieces: list[str | None] = [None] * size
    for piece, number in ids.items():
        if number >= size:
            raise VocabularyError(f"{path}: {piece!r:.40} has the id {number:,}, but the model's {what} is {size:,}")
        if pieces[number] is not None:
            raise VocabularyError(f"{path}: {piece!r:.40} and {pieces[number]!r:.40} have the same id {number:,}")
        pieces[number] = piece
    return [piece or f"<unused {number}>" for number, piece in enumerate(pieces)]


def id_of(ids: Mapping[str, int], piece: str, path: Path) -> int:
    """The id of a piece that every vocabulary of its kind has.

    Raises:
        VocabularyError: If it is not there.
    """
    if piece not in ids:
        raise VocabularyError(f"{path}: has no {piece}")
    return ids[piece]


def agreed(settings: ForeignSettings, name: str, number: int, piece: str) -> None:
    """Refuse a model whose settings and tokenizer number a token differently.

    Raises:
        VocabularyError: If so.
    """
    if settings.has(name) and (told := settings.integer(name)) != number:
        raise VocabularyError(
            f"{settings.path}: {name} is {told}, but the tokenizer numbers {piece} as {number}: files of two models"
        )


def _join(found: dict[str, int], ids: Mapping[str, int], path: Path) -> None:
    for piece, number in ids.items():
        if found.setdefault(piece, number) != number:
            raise VocabularyError(f"{path}: {piece!r:.40} is {number} here, and {found[piece]} in another file")


def _checked(ids: Mapping[str, Any], path: Path) -> dict[str, int]:
    if len(ids) > _MOST:
        raise VocabularyError(f"{path}: {len(ids):,} pieces: not a vocabulary")
    if not all(isinstance(piece, str) and type(number) is int and number >= 0 for piece, number in ids.items()):
        raise VocabularyError(f"{path}: damaged: it does not give an id for each piece")
    return dict(ids)


def listed(value: Any) -> list[str]:
    """The texts of a list, of which some may be written as ``{"content": ...}``; none of anything else."""
    entries: Iterable[Any] = value if isinstance(value, list) else []
    plain = (entry.get("content") if isinstance(entry, dict) else entry for entry in entries)
    return [entry for entry in plain if isinstance(entry, str)]
