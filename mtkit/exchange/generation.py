"""How ``generate`` of transformers is told the search of a model: ``generation_config.json``."""

from pathlib import Path
from typing import Any

from mtkit.bundle.bundle import Bundle
from mtkit.bundle.foreign import EXPORT
from mtkit.files.reading import read_json
from mtkit.files.whole import write_json
from mtkit.settings.decoding import DecodingConfig

GENERATION = "generation_config.json"


def generation_settings(bundle: Bundle) -> dict[str, Any]:
    """All of the file for a model of mtkit's own: the same hypotheses win there."""
    return {
        **special_ids(bundle),
        "bad_words_ids": [[number] for number in bundle.tokenizer.special.never],
        "max_length": bundle.model.max_length,
        "do_sample": False,
        **_search(bundle.decoding),
    }


def special_ids(bundle: Bundle) -> dict[str, Any]:
    """The tokens that are no text, by their names there."""
    tokenizer = bundle.tokenizer
    return {
        "pad_token_id": tokenizer.pad_id,
        "bos_token_id": tokenizer.special.bos,
        "eos_token_id": tokenizer.eos_id,
        "decoder_start_token_id": tokenizer.start_id,
    }


def write_search(decoding: DecodingConfig, directory: Path) -> None:
    """Write the search of a model into the settings of its first layout; whatever else they say stays.

    Older models have no file of their own for it: ``config.json`` tells it.

    Raises:
        DataError: If the file cannot be read.
        OSError: If it cannot be written.
    """
    path = directory / (GENERATION if (directory / GENERATION).exists() else EXPORT)
    write_json(path, {**read_json(path), **_search(decoding)})


def _search(decoding: DecodingConfig) -> dict[str, Any]:
    settings: dict[str, Any] = {"num_beams": decoding.beam_size}
    if decoding.beam_size > 1:  # a search of mtkit's ends with as many finished hypotheses as the beam is wide
        settings |= {"length_penalty": decoding.length_penalty, "early_stopping": True}
    return settings
