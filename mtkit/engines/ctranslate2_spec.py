"""A model of ours as CTranslate2 describes one: its ``TransformerSpec``, filled from our weights.

CTranslate2's specifications import torch, so this is imported only where a model is converted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ctranslate2.specs import TransformerSpec, common_spec, transformer_spec
from torch import Tensor, nn

from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.model.positions import T5_MAX_DISTANCE, sinusoidal_positions
from mtkit.model.transformer import RMS_EPSILON
from mtkit.model.weights import load_tensors
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import GATED, Side

_ACTIVATIONS = {
    "relu": common_spec.Activation.RELU,
    "gelu": common_spec.Activation.GELU,
    "silu": common_spec.Activation.SWISH,
    "swiglu": common_spec.Activation.SWISH,
    "geglu": common_spec.Activation.GELUTanh,
}
_NORM_EPSILON = nn.LayerNorm(1).eps


def save_ctranslate2(
    weights: Path, config: ModelConfig, tokenizer: Tokenizer, *, quantization: str, directory: Path
) -> None:
    """Write a model directory that CTranslate2 loads: weights, configuration and vocabularies.

    Args:
        weights: ``model.safetensors``.
        config: Shape of the model.
        tokenizer: The one that the model was trained with.
        quantization: int8, int16, float16, bfloat16 or float32.
        directory: An empty directory.

    Raises:
        CheckpointError: If the weights are damaged.
        OSError: If the directory cannot be written.
    """
    tensors = {name: tensor.float() for name, tensor in load_tensors(weights).items()}
    spec = build_spec(tensors, config, tokenizer)
    spec.validate()
    spec.optimize(quantization=quantization)
    spec.save(str(directory))


def build_spec(tensors: Mapping[str, Tensor], config: ModelConfig, tokenizer: Tokenizer) -> TransformerSpec:
    """Our weights, by their names in ``model.safetensors``, in CTranslate2's places.

    Tied matrices are set twice; ``optimize`` finds equal ones and stores them once.
    """
    options: dict[str, Any] = {
        "num_heads": config.n_heads,
        "pre_norm": config.norm == "pre",
        "activation": _ACTIVATIONS[config.activation],
        "ffn_glu": config.activation in GATED,
        "rms_norm": config.norm_type == "rms",
        "layernorm_embedding": config.embedding_norm,
        "relative_attention_bias": config.positions == "t5",
        "head_dim": config.d_head,
    }
    spec = TransformerSpec(
        transformer_spec.TransformerEncoderSpec(config.n_encoder_layers, **options),
        transformer_spec.TransformerDecoderSpec(config.n_decoder_layers, **options),
    )
    tgt_embedding = tensors["tgt_embedding.tokens.weight"]
    spec.encoder.embeddings[0].weight = tensors.get("src_embedding.tokens.weight", tgt_embedding)
    spec.decoder.embeddings.weight = tgt_embedding
    spec.decoder.projection.weight = tensors.get("output.weight", tgt_embedding)
    if config.output_bias:
        spec.decoder.projection.bias = tensors["output_bias"]
    if config.scale_output:
        spec.decoder.scale_outputs = np.float32(config.d_model**-0.5)
    _set_side(spec.encoder, tensors, config, "encoder")
    _set_side(spec.decoder, tensors, config, "decoder")
    special = tokenizer.special
    spec.register_source_vocabulary(list(tokenizer.src_pieces))
    spec.register_target_vocabulary(list(tokenizer.tgt_pieces))
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = tokenizer.tokens(
        [special.unk, special.start if special.bos is None else special.bos, special.eos]
    )
    spec.config.decoder_start_token = tokenizer.tgt_pieces[special.start]
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = RMS_EPSILON if config.norm_type == "rms" else _NORM_EPSILON
    return spec


def _set_side(spec: Any, tensors: Mapping[str, Tensor], config: ModelConfig, side: Side) -> None:
    """Encoder or decoder, but for the tokens and the output."""
    spec.scale_embeddings = config.scales_embeddings(side)
    embedding = "src_embedding" if side == "encoder" else "tgt_embedding"
    match config.positions_of(side):
        case "sinusoidal":
            # Ours interleave sine and cosine; the library would write all sines before all cosines.
            sizes = config.max_length, config.d_model
            spec.position_encodings.encodings = sinusoidal_positions(*sizes, config.sinusoids)
        case "learned":
            spec.position_encodings.encodings = tensors[f"{embedding}.positions"]
    if config.embedding_norm:
        _set_norm(spec.layernorm_embedding, tensors, f"{embedding}.norm")
    if config.norm == "pre":
        _set_norm(spec.layer_norm, tensors, f"{side}.norm")
    for index, layer in enumerate(spec.layer):
        _set_layer(layer, tensors, f"{side}.layers.{index}")
        _set_scores(layer, tensors, config, side, index)


def _set_scores(layer: Any, tensors: Mapping[str, Tensor], config: ModelConfig, side: Side, index: int) -> None:
    """How the attention of a layer makes its scores: scaled or not, and what is added for the distance."""
    parts = [(layer.self_attention, config.attention_of(side)[index])]
    if side == "decoder":
        parts.append((layer.attention, config.attention_of("cross")[index]))
    for attention, name in parts:
        if name == "dot":
            attention.queries_scale = np.float32(1)
    if config.positions == "t5":
        own = f"{side}.layers.{index}.self_attention.relative.weight"
        table = tensors[f"{side}.positions.weight" if config.shared_positions else own]
        layer.self_attention.relative_attention_bias = table
        layer.self_attention.relative_attention_max_distance = np.int32(T5_MAX_DISTANCE)


def _set_layer(layer: Any, tensors: Mapping[str, Tensor], name: str) -> None:
    """One layer of either side: in the library a sublayer holds the normalisation that stands before or after it."""
    sublayers = [layer.self_attention, layer.ffn]
    # Queries, keys and values of self-attention are one matrix there; elsewhere keys and values are, as with us.
    self_attention, out = layer.self_attention.linear
    for part in ("weight", "bias"):
        names = [f"{name}.self_attention.{projection}.{part}" for projection in ("q_proj", "kv_proj")]
        if names[0] in tensors:
            setattr(self_attention, part, torch.cat([tensors[each] for each in names]))
    _set_linear(out, tensors, f"{name}.self_attention.out_proj")
    if hasattr(layer, "attention"):
        sublayers.insert(1, layer.attention)
        for linear, projection in zip(layer.attention.linear, ("q_proj", "kv_proj", "out_proj"), strict=True):
            _set_linear(linear, tensors, f"{name}.cross_attention.{projection}")
    _set_linear(layer.ffn.linear_0, tensors, f"{name}.feed_forward.inner")
    _set_linear(layer.ffn.linear_1, tensors, f"{name}.feed_forward.outer")
    if hasattr(layer.ffn, "linear_0_noact"):
        _set_linear(layer.ffn.linear_0_noact, tensors, f"{name}.feed_forward.linear")
    for index, sublayer in enumerate(sublayers):
        _set_norm(sublayer.layer_norm, tensors, f"{name}.residuals.{index}.norm")


def _set_linear(spec: common_spec.LinearSpec, tensors: Mapping[str, Tensor], name: str) -> None:
    spec.weight = tensors[f"{name}.weight"]
    if f"{name}.bias" in tensors:
        spec.bias = tensors[f"{name}.bias"]


def _set_norm(spec: common_spec.LayerNormSpec, tensors: Mapping[str, Tensor], name: str) -> None:
    spec.gamma = tensors[f"{name}.weight"]
    if f"{name}.bias" in tensors:  # RMSNorm has none
        spec.beta = tensors[f"{name}.bias"]
