"""Transformers of mtkit's own in the layout of transformers: MarianMT where norm is post, Pegasus where it is pre.

Both have sines in the first half of a position and cosines in the second; ours alternate (Vaswani et al. 2017, section
3.5). The dimensions of the residual stream have no order of their own, so that permuting them everywhere, even ones
first, gives the same model there: no number changes, only its place.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from mtkit.errors import ConfigError
from mtkit.exchange.bart_names import BIAS, bart_names
from mtkit.exchange.giving_back import layers_of
from mtkit.exchange.naming import given_back
from mtkit.model.positions import sinusoidal_positions
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import Side
from mtkit.settings.section import TRAINING_ONLY, marked

Kind = Literal["marian", "pegasus"]

CLASSES: dict[Kind, str] = {"marian": "MarianMTModel", "pegasus": "PegasusForConditionalGeneration"}

# What these classes have a setting for, or always do; of every other setting the default alone.
_KNOWN: dict[str, list[object]] = {
    "architecture": ["transformer"],
    "decoder_architecture": [None, "transformer"],
    "encoder_attention": ["scaled_dot"],
    "decoder_attention": ["scaled_dot"],
    "cross_attention": ["scaled_dot"],
    "norm": ["pre", "post"],
    "activation": ["relu", "gelu", "silu"],
    "positions": ["auto", "sinusoidal"],
    "sinusoids": ["interleaved", "halves"],
    "scale_embeddings": [None, True, False],
    "output_bias": [False, True],
}

_ANY = {"d_model", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers", "max_length", "tie_embeddings"}

# A parameter ends so: the dimensions of the tensor that are those of the residual stream.
_READS, _WRITES = ("q_proj.weight", "kv_proj.weight", "inner.weight"), ("out_proj", "outer", "norm")


def kind_of(config: ModelConfig, *, joint: bool) -> Kind:
    """The class of transformers that computes what a model does.

    Args:
        config: Shape of the model.
        joint: Whether one vocabulary serves both sides.

    Raises:
        ConfigError: Naming the setting that none of them has.
    """
    free = marked(ModelConfig, TRAINING_ONLY) | _ANY
    for name, field in ModelConfig.model_fields.items():
        value = getattr(config, name)
        values = {*value} if isinstance(value, list) else {value}
        if name not in free and not values <= {*_KNOWN.get(name, [field.default])}:
            shown = ", ".join(map(str, sorted(values)))
            raise ConfigError(
                f"neither MarianMT nor Pegasus has model.{name} {shown}: --to safetensors writes any model"
            )
    if config.norm == "pre" and config.tie_embeddings not in ("all", "inputs"):
        reason = (
            "Pegasus, the class for model.norm pre, has one vocabulary and one embedding for both sides, not "
            f"model.tie_embeddings {config.tie_embeddings}"
        )
        raise ConfigError(
            f"{reason}{'' if joint else ' with tokenizer.joint false'}: --to safetensors writes any model"
        )
    return "marian" if config.norm == "post" else "pegasus"


def permuted_tensors(config: ModelConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of a model by their names there, the residual dimensions in their order there.

    Args:
        config: Shape of the model, which ``kind_of`` accepts.
        tensors: Its parameters by mtkit's names.
    """
    order = _order(config)
    moved = {name: tensor if order is None else _permuted(name, tensor, order) for name, tensor in tensors.items()}
    found = given_back(bart_names(layers_of(config)), moved, {})
    found.setdefault(BIAS, torch.zeros(1, _output_rows(tensors)))
    if config.norm == "pre":  # Pegasus stores its table, MarianMT computes it
        table = sinusoidal_positions(config.max_length, config.d_model, "halves")
        found |= {f"model.{side}.embed_positions.weight": table.clone() for side in ("encoder", "decoder")}
    return found


def _output_rows(tensors: Mapping[str, Tensor]) -> int:
    return tensors.get("output.weight", tensors["tgt_embedding.tokens.weight"]).size(0)


def _order(config: ModelConfig) -> Tensor | None:
    """Where each residual dimension there comes from; None where they are as ours."""
    if config.sinusoids != "interleaved":
        return None
    dimensions = torch.arange(config.d_model)
    return torch.cat([dimensions[0::2], dimensions[1::2]])


def _permuted(name: str, tensor: Tensor, order: Tensor) -> Tensor:
    module = name.rpartition(".")[0]
    if name.endswith((*_READS, "tokens.weight")) or name == "output.weight":
        return tensor[:, order]
    return tensor[order] if module.endswith(_WRITES) else tensor


def model_settings(config: ModelConfig, kind: Kind, *, vocab_sizes: tuple[int, int]) -> dict[str, Any]:
    """The part of ``config.json`` that says what is computed.

    Args:
        config: Shape of the model.
        kind: As ``kind_of`` says.
        vocab_sizes: Of source and target.
    """
    src_vocab_size, tgt_vocab_size = vocab_sizes
    sides: tuple[Side, Side] = ("encoder", "decoder")
    settings: dict[str, Any] = {
        "architectures": [CLASSES[kind]],
        "model_type": kind,
        "is_encoder_decoder": True,
        "d_model": config.d_model,
        **{f"{side}_attention_heads": config.n_heads for side in sides},
        **{f"{side}_ffn_dim": config.d_ff for side in sides},
        "encoder_layers": config.n_encoder_layers,
        "decoder_layers": config.n_decoder_layers,
        "num_hidden_layers": config.n_encoder_layers,
        "activation_function": config.activation,
        "max_position_embeddings": config.max_length,
        "scale_embedding": config.scales_embeddings("encoder"),
        "dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "activation_dropout": config.activation_dropout,
        "vocab_size": src_vocab_size,
        "tie_word_embeddings": config.tie_embeddings in ("all", "decoder"),
    }
    if kind == "marian":
        settings["share_encoder_decoder_embeddings"] = config.tie_embeddings in ("all", "inputs")
        settings["decoder_vocab_size"] = tgt_vocab_size
    return settings
