"""An imported model whose vocabulary has grown since, in its first layout.

The tokenizers of Marian in transformers run SentencePiece themselves and look each piece up in ``vocab.json``, so that
they cut new pieces as mtkit does. Those of the other families are made of one list in which the new pieces would come
before what is numbered after it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.foreign import EXPORT
from mtkit.errors import ConfigError
from mtkit.exchange.huggingface_tokenizer import SOURCE, TARGET, TARGET_VOCABULARY, VOCABULARY
from mtkit.exchange.origin import Origin
from mtkit.exchange.pieces import ids_in
from mtkit.files.reading import read_json
from mtkit.files.whole import atomic_file, write_json

_FAMILIES = ("marian", "pegasus")


def has_grown(bundle: Bundle, origin: Origin) -> bool:
    """Whether pieces were added since the model was imported."""
    n_pieces = max(bundle.tokenizer.src_vocab_size, bundle.tokenizer.tgt_vocab_size)
    return bool(origin.n_pieces) and n_pieces > origin.n_pieces


def check_can_grow(bundle: Bundle, origin: Origin) -> None:
    """Refuse pieces that were added to a tokenizer which cannot be told to cut them as mtkit does.

    Raises:
        ConfigError: Naming the family.
    """
    if origin.layout != "huggingface" or origin.family not in _FAMILIES:
        raise ConfigError(
            f"{bundle.directory}: its vocabulary has grown since it was imported, by tokenizer.extend, and the "
            f"tokenizer of its family, {origin.family}, cannot cut the new pieces as mtkit does: --to safetensors "
            "writes any model"
        )


def write_grown(bundle: Bundle, directory: Path) -> None:
    """Write the tokenizer and the sizes of a vocabulary over those of the model as it was.

    Args:
        bundle: The model, which ``check_can_grow`` accepts.
        directory: Holds the files that were imported.

    Raises:
        DataError: If these cannot be read.
        OSError: If they cannot be written.
    """
    tokenizer, config = bundle.tokenizer, read_json(directory / EXPORT)
    for name, model in ((SOURCE, tokenizer.models[0]), (TARGET, tokenizer.models[-1])):
        with atomic_file(directory / name) as file:
            file.write(model)
    _add_ids(directory / VOCABULARY, tokenizer.src_pieces, config["vocab_size"])
    if not tokenizer.joint:
        _add_ids(directory / TARGET_VOCABULARY, tokenizer.tgt_pieces, config["decoder_vocab_size"])
    sizes = {"vocab_size": tokenizer.src_vocab_size, "decoder_vocab_size": tokenizer.tgt_vocab_size}
    write_json(directory / EXPORT, {**config, **{name: size for name, size in sizes.items() if config.get(name)}})


def _add_ids(path: Path, pieces: Sequence[str], n_before: int) -> None:
    """Number the pieces that are new; those that were there keep their ids, and rows without a piece stay so."""
    new = {piece: n_before + place for place, piece in enumerate(pieces[n_before:])}
    with atomic_file(path) as file:
        file.write(json.dumps({**ids_in(path), **new}, ensure_ascii=False, indent=0).encode())
