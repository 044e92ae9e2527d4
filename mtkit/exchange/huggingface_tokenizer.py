"""A tokenizer of mtkit's own as the files of transformers' MarianTokenizer.

That one runs SentencePiece itself and looks its pieces up in ``vocab.json``: the same ids for every text, whatever the
type of the model, bytes for unknown characters included.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import ConfigError
from mtkit.files.whole import atomic_file, write_json
from mtkit.settings.data import DataConfig
from mtkit.settings.tokenizer import as_piece

SOURCE, TARGET = "source.spm", "target.spm"
VOCABULARY, TARGET_VOCABULARY = "vocab.json", "target_vocab.json"

_LANGUAGE_TAG = re.compile(r"<2(.+)>")


def check_tags(data: DataConfig | None) -> None:
    """Refuse a model that reads more than one tag before a text.

    Raises:
        ConfigError: Naming the setting.
    """
    if data is not None and data.language_tags == "both":
        raise ConfigError(
            "MarianTokenizer puts one tag before a text, data.language_tags both two: --to safetensors writes any model"
        )


def code_of(tag: str) -> str:
    """What a tag before a source text is called there: ``<2de>`` is ``>>de<<``."""
    found = _LANGUAGE_TAG.fullmatch(tag)
    return f">>{found[1] if found else tag.strip('<>')}<<"


def write_tokenizer(
    tokenizer: Tokenizer, data: DataConfig | None, directory: Path, *, languages: tuple[str, str], max_tokens: int
) -> None:
    """Write the files that ``AutoTokenizer`` reads.

    Args:
        tokenizer: Of the model.
        data: Of its recipe, whose tags become codes such as ``>>de<<``.
        directory: Where they go.
        languages: Codes of source and target.
        max_tokens: The longest sequence that the model takes.

    Raises:
        OSError: If a file cannot be written.
    """
    for name, model in ((SOURCE, tokenizer.models[0]), (TARGET, tokenizer.models[-1])):
        with atomic_file(directory / name) as file:
            file.write(model)
    codes = {} if data is None else {as_piece(tag): code_of(tag) for tag in data.all_tags}
    src_pieces = [codes.get(piece, piece) for piece in tokenizer.src_pieces]
    _write_vocabulary(directory / VOCABULARY, src_pieces)
    if not tokenizer.joint:
        _write_vocabulary(directory / TARGET_VOCABULARY, tokenizer.tgt_pieces)
    pad, unk, eos = tokenizer.tokens([tokenizer.pad_id, tokenizer.unk_id, tokenizer.eos_id])
    settings: dict[str, Any] = {
        "tokenizer_class": "MarianTokenizer",
        "source_lang": languages[0],
        "target_lang": languages[1],
        "pad_token": pad,
        "unk_token": unk,
        "eos_token": eos,
        "model_max_length": max_tokens,
        "separate_vocabs": not tokenizer.joint,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,  # </s> in a text is text, as it is here
    }
    write_json(directory / "tokenizer_config.json", settings)


def _write_vocabulary(path: Path, pieces: Sequence[str]) -> None:
    with atomic_file(path) as file:
        numbered = {piece: number for number, piece in enumerate(pieces)}
        file.write(json.dumps(numbered, ensure_ascii=False, indent=0).encode())
