"""A whole bundle whose tokenizer has ids and languages of its own, as imported ones do; random weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mtkit.bundle.bundle import MANIFEST
from mtkit.bundle.languages import LANGUAGES_NEEDED
from mtkit.bundle.writing import save_bundle
from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.files.reading import read_json
from mtkit.files.whole import write_json
from mtkit.model.encoder_decoder import EncoderDecoder
from tests.data.tokens.foreign import START_IS_EOS, foreign_tokenizer
from tests.tiny import tiny_config

Names = Mapping[str, Sequence[str]]

M2M_LIKE: dict[str, Names] = {
    "source": {"deu_Latn": ["__de__"], "eng_Latn": ["__en__"], "fra_Latn": ["__fr__"]},
    "forced": {"deu_Latn": ["__de__"], "eng_Latn": ["__en__"], "fra_Latn": ["__fr__", "__de__"]},
}
MARIAN_LIKE: dict[str, Names] = {"target": {"deu": ["__de__"], "fra": ["__fr__"]}}


def save_foreign_bundle(
    directory: Path,
    *,
    special: SpecialIds = START_IS_EOS,
    languages: Mapping[str, Names] | None = None,
    direction: tuple[str, str] = ("eng_Latn", "deu_Latn"),
    needed: bool = False,
    tokenizer: Tokenizer | None = None,
    eos_bias: float = -0.5,
    **shape: Any,
) -> Path:
    """Write a bundle that knows the words of ``tests.data.tokens.foreign.LINES``."""
    torch.set_num_threads(1)
    config = tiny_config(**{"n_decoder_layers": 2, "max_length": 60, "output_bias": True, **shape})
    data = config.data.model_copy(update=dict(zip(("src_lang", "tgt_lang"), direction, strict=True)))
    config = config.model_copy(update={"data": data})
    named: Any = M2M_LIKE if languages is None else languages
    tokenizer = tokenizer or foreign_tokenizer(special, **named)
    torch.manual_seed(4)
    model = EncoderDecoder.for_tokenizer(config.model, tokenizer)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.mul_(3 if "attention" in name or "output" in name else 1)
        assert model.output_bias is not None
        for token in tokenizer.special.never:  # as in a trained model
            model.output_bias[token] = -30.0
        model.output_bias[tokenizer.eos_id] = eos_bias
    save_bundle(directory, model=model, tokenizer=tokenizer, config=config, data_hashes={}, scores={})
    if needed:
        write_json(directory / MANIFEST, {**read_json(directory / MANIFEST), LANGUAGES_NEEDED: True})
    return directory
