"""Embeddings of a vocabulary that has grown: those of new pieces start from the pieces that spelt them before."""

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mtkit.data.tokens.sides import SPACE
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import ConfigError
from mtkit.languages.codes import base_language

_OF_SOURCE = ("src_embedding.tokens.weight",)
_OF_TARGET = ("tgt_embedding.tokens.weight", "output.weight", "output_bias")
_TAG = re.compile(r"<2?([^\s<>]+)>")

Tags = Mapping[int, str]
"""Codes of languages by the ids of their tags."""


def grown_tensors(
    tensors: Mapping[str, Tensor], before: Tokenizer, after: Tokenizer, *, like: str | None
) -> dict[str, Tensor]:
    """The parameters of a model for a tokenizer with more pieces: the rows that are there stay as they are.

    A new row is the mean of those of the pieces that spelt it before, in the embeddings, the output projection and its
    bias; where none did, the mean of all. The tag of a language starts from the mean of the tags that are there.

    Args:
        tensors: Parameters by their names.
        before: The tokenizer that they belong to.
        after: The same with more pieces.
        like: Language whose tag new tags start from.

    Raises:
        ConfigError: If the model has no tag of the language ``like``.
    """
    old, new = _tags(before), _tags(after)
    alike = [_alike(side, like) for side in old]
    if like is not None and not any(alike):
        known = ", ".join(sorted({code for side in old for code in side.values()})) or "none"
        raise ConfigError(f"tokenizer.extend.like {like}: the model has no tag of it; it has tags of {known}")
    src = _rows(before.encode_src, before, before.src_pieces, after.src_pieces, new[0], alike[0])
    tgt = _rows(before.encode_tgt, before, before.tgt_pieces, after.tgt_pieces, new[1], alike[1])
    grown = dict(tensors)
    for names, rows in ((_OF_SOURCE, src), (_OF_TARGET, tgt)):
        grown |= {name: _with_rows(grown[name], rows) for name in names if name in grown}
    return grown


def _with_rows(table: Tensor, rows: Sequence[Sequence[int]]) -> Tensor:
    """A table with more rows, each the mean of some that it has, of all where none are named."""
    if not rows:
        return table
    means = [(table[list(ids)] if ids else table).float().mean(0).to(table.dtype) for ids in rows]
    return torch.cat([table, torch.stack(means)])


def _rows(
    encode: Callable[[Sequence[str]], list[list[int]]],
    before: Tokenizer,
    pieces: Sequence[str],
    grown: Sequence[str],
    tags: Tags,
    alike: Sequence[int],
) -> list[list[int]]:
    """Of each new piece of a side the ids that it starts from."""
    new = grown[len(pieces) :]
    if not new:
        return []
    found = []
    for place, (piece, ids) in enumerate(zip(new, encode([each.replace(SPACE, " ") for each in new]), strict=True)):
        if len(pieces) + place in tags:
            found.append(list(alike))
            continue
        known = [number for number in ids if number != before.unk_id]
        # SentencePiece puts a space before every text: it says nothing of a piece from within a word, nor of one whose
        # letters are all unknown.
        if known and pieces[known[0]] == SPACE and (not piece.startswith(SPACE) or len(known) == 1):
            del known[0]
        found.append(known)
    return found


def _tags(tokenizer: Tokenizer) -> tuple[Tags, Tags]:
    """The tags of languages of source and target."""
    languages = tokenizer.languages
    if languages is None and tokenizer.vocabulary is not None:
        return {}, {}
    if languages is None:  # of mtkit's own, which are read before a source
        pieces = enumerate(tokenizer.src_pieces)
        side = tokenizer.src_side.processor
        found = {n: tag[1] for n, piece in pieces if (tag := _TAG.fullmatch(piece)) and not _is_special(side, n)}
        return found, found if tokenizer.joint else {}
    maps = [(languages.source, languages.target), (languages.forced,)]
    src, tgt = ({ids[0]: code for each in of_side for code, ids in each.items() if len(ids) == 1} for of_side in maps)
    return (src | tgt, src | tgt) if tokenizer.joint else (src, tgt)


def _is_special(processor: object, number: int) -> bool:
    """Whether a piece in angle brackets is no tag: a byte, the padding or the like."""
    kinds = (getattr(processor, f"is_{kind}") for kind in ("control", "unknown", "byte"))
    return any(kind(number) for kind in kinds)


def _alike(tags: Tags, like: str | None) -> list[int]:
    """The tags that a new one starts from."""
    if like is None:
        return list(tags)
    exact = [number for number, code in tags.items() if code == like]
    return exact or [number for number, code in tags.items() if base_language(code) == base_language(like)][:1]
