"""A whole model bundle with random weights: it translates nonsense, but by all the rules."""

from pathlib import Path

import torch

from mtkit.bundle.writing import save_bundle
from mtkit.data.tokens.training import train_tokenizer
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model_rules import without_idle
from mtkit.settings.recipe import Config
from mtkit.settings.tokenizer import TokenizerConfig

LINES = [
    "The cat sat on the mat.",
    "A dog, a cat and a bird: all of them sing!",
    "Do birds sing? Yes; but dogs do not.",
    "The mat is red, the bird is blue.",
]
MAX_SRC_TOKENS = 28


def tiny_config(*, joint: bool = True, **shape: object) -> Config:
    sizes = {"d_model": 16, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1, "max_length": 40}
    files = [{"src": "train.en", "tgt": "train.xx"}]
    return Config.model_validate(
        {
            "name": "tiny",
            "data": {
                "src_lang": "en",
                "tgt_lang": "xx",
                "train": files,
                "valid": files,
                "cleaning": {"max_tokens": MAX_SRC_TOKENS},
            },
            "tokenizer": {"joint": joint},
            "model": {**without_idle(sizes, shape), "tie_embeddings": "none", **shape},
            "decoding": {"beam_size": 3, "max_length_ratio": 1.5, "max_length_offset": 3},
        }
    )


def save_tiny_bundle(directory: Path, *, joint: bool = True, **shape: object) -> Path:
    """Write a bundle; its tokenizer knows the words of LINES."""
    torch.set_num_threads(1)  # the model is so small that a second thread only waits
    config = tiny_config(joint=joint, **shape)
    tokenizer = train_tokenizer(
        LINES, LINES, TokenizerConfig(type="unigram", joint=joint, byte_fallback=False), 60, exact=False
    )
    torch.manual_seed(3)
    model = EncoderDecoder(
        config.model,
        src_vocab_size=tokenizer.src_vocab_size,
        tgt_vocab_size=tokenizer.tgt_vocab_size,
        pad_id=tokenizer.pad_id,
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # livelier than at the start of training
            parameter.mul_(2 if "attention" in name or "output" in name else 1)
    hashes, scores = {"train.en": "0" * 64}, {"test": [{"bleu": 12.5}]}
    save_bundle(
        directory, model=model, tokenizer=tokenizer, config=config, data_hashes=hashes, scores=scores, updates=[7]
    )
    return directory
