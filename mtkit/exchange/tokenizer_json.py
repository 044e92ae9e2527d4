"""``tokenizer.json`` as a SentencePiece model: newer versions of transformers save nothing else.

What it does to a text must be what SentencePiece does; any other step is refused by its name.
"""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtkit.data.tokens.spm_file import Kind, Piece, spm_model
from mtkit.errors import VocabularyError
from mtkit.exchange.foreign_settings import read_settings
from mtkit.exchange.pieces import listed

_CONTROLS = ("<s>", "</s>", "<pad>", "<mask>")


def spm_of_tokenizer_json(path: Path) -> bytes:
    """A SentencePiece model that cuts a text as the tokenizer does: the same pieces, under ids of its own.

    Raises:
        VocabularyError: If it is damaged, or does something that SentencePiece does not.
    """
    tree = read_settings(path)
    model = tree.section("model")
    try:
        charsmap = _charsmap(tree.values.get("normalizer"), path)
        dummy_prefix = _dummy_prefix(tree.values.get("pre_tokenizer"), path)
        added = {each for each in listed(tree.values.get("added_tokens")) if each}
        match model.get("type"):
            case "Unigram":
                pieces, algorithm = _unigram(model), "unigram"
            case "BPE":
                pieces, algorithm = _bpe(model), "bpe"
            case other:
                raise VocabularyError(f"{path}: a tokenizer of type {other!r:.30}; mtkit reads Unigram and BPE")
    except (KeyError, TypeError, ValueError, IndexError, binascii.Error):
        raise VocabularyError(f"{path}: damaged: not a tokenizer that can be read") from None
    has_bytes = bool(model.get("byte_fallback"))
    unknown = str(model.get("unk_token") or "<unk>")
    made = [_piece(text, score, unknown, added, has_bytes) for text, score in pieces.items()]
    if not any(piece.kind is Kind.UNKNOWN for piece in made):
        made.insert(0, Piece(unknown, 0.0, Kind.UNKNOWN))
    return spm_model(
        made,
        "bpe" if algorithm == "bpe" else "unigram",
        charsmap=charsmap,
        dummy_prefix=dummy_prefix,
        byte_fallback=has_bytes,
    )


def _piece(text: str, score: float, unknown: str, added: set[str], has_bytes: bool) -> Piece:
    if text == unknown:
        return Piece(text, 0.0, Kind.UNKNOWN)
    if text in _CONTROLS or text in added:
        return Piece(text, 0.0, Kind.CONTROL)
    is_byte = has_bytes and len(text) == 6 and text.startswith("<0x") and text.endswith(">")
    return Piece(text, score, Kind.BYTE if is_byte else Kind.NORMAL)


def _unigram(model: Mapping[str, Any]) -> dict[str, float]:
    found = {str(piece): float(score) for piece, score in model["vocab"]}
    if not all(map(math.isfinite, found.values())):
        raise ValueError("scores are numbers")
    return found


def _bpe(model: Mapping[str, Any]) -> dict[str, float]:
    """Pieces of byte pair encoding: the earlier two parts are joined, the higher is the score of what they make."""
    found = dict.fromkeys(map(str, sorted(model["vocab"], key=model["vocab"].__getitem__)), 0.0)
    made: dict[str, float] = {}
    for rank, merge in enumerate(model["merges"]):
        one, other = merge.split(" ", 1) if isinstance(merge, str) else merge
        made.setdefault(one + other, -float(rank))
    lowest = -float(len(made))
    return {piece: made.get(piece, lowest) for piece in found}


def _charsmap(normaliser: Any, path: Path) -> bytes:
    """The compiled rules of a normaliser."""
    found = b""
    for step in _steps(normaliser, "normalizers"):
        match step.get("type"):
            case "Precompiled":
                found = base64.b64decode(step["precompiled_charsmap"] or "", validate=True)
            case "Replace" if step.get("content") in (" ", "▁"):  # runs of spaces, which SentencePiece joins too
                pass
            case "Strip":
                pass
            case other:
                raise VocabularyError(f"{path}: normalises by {other!r:.30}, which SentencePiece does not")
    return found


def _dummy_prefix(pre_tokenizer: Any, path: Path) -> bool:
    """Whether a text begins with a space."""
    found = False
    for step in _steps(pre_tokenizer, "pretokenizers"):
        match step.get("type"):
            case "Metaspace":
                found = step.get("prepend_scheme", "always") != "never" and step.get("add_prefix_space", True)
            case "WhitespaceSplit":
                pass
            case other:
                raise VocabularyError(f"{path}: cuts by {other!r:.30}, which SentencePiece does not")
    return bool(found)


def _steps(step: Any, key: str) -> Sequence[Mapping[str, Any]]:
    """The steps of a sequence, or the one step."""
    if step is None:
        return []
    found: Sequence[Any] = step[key] if isinstance(step, dict) and step.get("type") == "Sequence" else [step]
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("steps are named values")
    return found
