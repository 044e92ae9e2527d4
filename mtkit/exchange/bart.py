"""Models of BART's kind in transformers, in mtkit's terms: what MarianMT, M2M-100, NLLB-200 and mBART-50 share."""

from collections.abc import Mapping
from typing import Any

import torch

from mtkit.errors import CheckpointError
from mtkit.exchange.bart_names import OUTPUT, SHARED
from mtkit.exchange.foreign_settings import ForeignSettings
from mtkit.exchange.weights import Weights

ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "swish": "silu", "silu": "silu"}
"""By transformers' names."""

POSITIONS = ".embed_positions.weight"
"""In the names of tables of positions."""

_EMBEDDINGS = {"encoder": "model.encoder.embed_tokens.weight", "decoder": "model.decoder.embed_tokens.weight"}


def sizes(settings: ForeignSettings) -> dict[str, Any]:
    """The settings of the ``model`` section that all of these models have.

    Raises:
        CheckpointError: If a size is missing, or something cannot be expressed.
    """
    settings.same("encoder_attention_heads", "decoder_attention_heads")
    settings.same("encoder_ffn_dim", "decoder_ffn_dim")
    activation = settings.text("activation_function", "gelu")
    if activation not in ACTIVATIONS:
        raise settings.refused("activation_function", f"mtkit computes with {', '.join(ACTIVATIONS)}")
    return {
        "d_model": settings.integer("d_model"),
        "n_heads": settings.integer("encoder_attention_heads"),
        "d_ff": settings.integer("encoder_ffn_dim"),
        "n_encoder_layers": settings.layers("encoder_layers"),
        "n_decoder_layers": settings.layers("decoder_layers"),
        "activation": ACTIVATIONS[activation],
        "max_length": settings.integer("max_position_embeddings", 1024),
        "scale_embeddings": settings.flag("scale_embedding", False),
        "dropout": settings.number("dropout", 0.1),
        "attention_dropout": settings.number("attention_dropout", 0.0),
        "activation_dropout": settings.number("activation_dropout", 0.0),
    }


def check_places(settings: ForeignSettings, *, pre_norm: bool, embedding_norm: bool) -> None:
    """Refuse a model whose older settings say that it normalises at other places than its family does.

    Raises:
        CheckpointError: Naming the setting.
    """
    settings.only("normalize_before", pre_norm)
    settings.only("normalize_embedding", embedding_norm)
    settings.only("add_final_layer_norm", pre_norm)
    settings.only("extra_pos_embeddings", 2)
    settings.only("add_bias_logits", False)


def shared_name(weights: Weights) -> str:
    """What the embedding that both sides share is called: files that keep one of its names differ in which.

    Raises:
        CheckpointError: If there is none.
    """
    for name in (SHARED, *_EMBEDDINGS.values(), OUTPUT):
        if name in weights.tensors:
            return name
    raise CheckpointError(f"{weights.files[0]}: lacks {SHARED}")


def aliases_of(weights: Weights, names: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Of tensors that repeat another one in some files: those that do, and those that differ from it.

    Args:
        weights: What the files hold.
        names: By the name of such a tensor that of the one that it may repeat.

    Returns:
        Names with the names that they repeat, and the names of the others.
    """
    same, others = {}, []
    for name, of in names.items():
        if name == of or not {name, of} <= weights.tensors.keys():  # what is missing is said where all are looked for
            continue
        one, other = weights.tensors[name], weights.tensors[of]
        if (one.shape, one.dtype) == (other.shape, other.dtype) and torch.equal(weights.read(name), weights.read(of)):
            same[name] = of
        else:
            others.append(name)
    return same, others


def positions_in(weights: Weights) -> frozenset[str]:
    """The tables of sinusoids that older files have; they are computed."""
    return frozenset(name for name in weights.tensors if POSITIONS in name)


def generation(settings: ForeignSettings, generated: ForeignSettings) -> dict[str, Any]:
    """Settings of the search: from ``generation_config.json``, in older models from ``config.json``.

    Args:
        settings: Of ``config.json``.
        generated: Of ``generation_config.json``.
    """
    found: dict[str, Any] = {}
    for source in (settings, generated):
        if source.has("num_beams"):
            found["beam_size"] = source.integer("num_beams")
        if source.has("length_penalty"):
            found["length_penalty"] = source.number("length_penalty", 1.0)
    return found
