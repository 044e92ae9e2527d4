"""Whether a directory that CTranslate2 is to load is whole, and speaks the vocabulary of the model it lies beside."""

import json
from collections.abc import Mapping
from pathlib import Path

from mtkit.bundle.check import check_files
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import CheckpointError, DataError
from mtkit.files.reading import read_json

_MODEL, _CONFIG = "model.bin", "config.json"  # as CTranslate2 calls them
_SHARED = "shared_vocabulary.json"


def check_conversion(place: Path, files: Mapping[str, str], tokenizer: Tokenizer) -> None:
    """Make sure that a conversion has all its files as they were written, and that they are of this model.

    Args:
        place: Its directory.
        files: The sha256 of each, as they were noted.
        tokenizer: The model's.

    Raises:
        CheckpointError: Naming what is missing or damaged.
    """
    for name in (_MODEL, _CONFIG):
        if name not in files:
            raise CheckpointError(f"{place}: damaged: nothing is noted of its {name}")
    check_files(place, files)
    try:
        config = read_json(place / _CONFIG)
        if not isinstance(config, dict) or not _is_like(config, _expected(tokenizer)):
            raise CheckpointError(f"{place / _CONFIG}: damaged: it is not the model's")
        for side, pieces in (("source", tokenizer.src_pieces), ("target", tokenizer.tgt_pieces)):
            found = next((each for each in (f"{side}_vocabulary.json", _SHARED) if each in files), None)
            if found is None or read_json(place / found) != list(pieces):
                raise CheckpointError(f"{place}: damaged: the {side} vocabulary is not the model's")
    except DataError as error:
        raise CheckpointError(str(error)) from None


def _is_like(config: Mapping[str, object], expected: Mapping[str, object]) -> bool:
    """Whether all that is expected is there, true not being 1."""
    return json.dumps({key: config.get(key) for key in expected}) == json.dumps(expected)


def _expected(tokenizer: Tokenizer) -> dict[str, object]:
    """What ``ctranslate2_spec`` lets the library write of how sequences begin and end."""
    special = tokenizer.special
    first = special.start if special.bos is None else special.bos
    unk, bos, eos, start = tokenizer.tokens([special.unk, first, special.eos, special.start])
    ends = {"add_source_bos": False, "add_source_eos": True}
    return {"unk_token": unk, "bos_token": bos, "eos_token": eos, "decoder_start_token": start, **ends}
