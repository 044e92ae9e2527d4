"""A model of ours as CTranslate2 describes one: its ``TransformerSpec``, filled from our weights.

CTranslate2's specifications import torch, so this is imported only where a model is converted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ctranslate2.specs import TransformerSpec, common_spec
from torch import Tensor, nn

from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.model.positions import sinusoidal_positions
from mtkit.model.weights import load_tensors
from mtkit.settings.model import ModelConfig

_ACTIVATIONS = {"relu": common_spec.Activation.RELU, "gelu": common_spec.Activation.GELU}
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
    spec = TransformerSpec.from_config(
        (config.n_encoder_layers, config.n_decoder_layers),
        config.n_heads,
        pre_norm=config.norm == "pre",
        activation=_ACTIVATIONS[config.activation],
    )
    tgt_embedding = tensors["tgt_embedding.tokens.weight"]
    spec.encoder.embeddings[0].weight = tensors.get("src_embedding.tokens.weight", tgt_embedding)
    spec.decoder.embeddings.weight = tgt_embedding
    spec.decoder.projection.weight = tensors.get("output.weight", tgt_embedding)
    for side, name in ((spec.encoder, "encoder"), (spec.decoder, "decoder")):
        # Ours interleave sine and cosine; the library would write all sines before all cosines.
        sizes = config.max_length, config.d_model
        side.position_encodings.encodings = sinusoidal_positions(*sizes, config.sinusoids)
        if config.norm == "pre":
            _set_norm(side.layer_norm, tensors, f"{name}.norm")
        for index, layer in enumerate(side.layer):
            _set_layer(layer, tensors, f"{name}.layers.{index}")
    special = tokenizer.special
    spec.register_source_vocabulary(list(tokenizer.src_pieces))
    spec.register_target_vocabulary(list(tokenizer.tgt_pieces))
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = tokenizer.tokens(
        [special.unk, special.start if special.bos is None else special.bos, special.eos]
    )
    spec.config.decoder_start_token = tokenizer.tgt_pieces[special.start]
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = _NORM_EPSILON
    return spec


def _set_layer(layer: Any, tensors: Mapping[str, Tensor], name: str) -> None:
    """One layer of either side: in the library a sublayer holds the normalisation that stands before or after it."""
    sublayers = [layer.self_attention, layer.ffn]
    # Queries, keys and values of self-attention are one matrix there; elsewhere keys and values are, as with us.
    self_attention, out = layer.self_attention.linear
    for part in ("weight", "bias"):
        rows = [tensors[f"{name}.self_attention.{projection}.{part}"] for projection in ("q_proj", "kv_proj")]
        setattr(self_attention, part, torch.cat(rows))
    _set_linear(out, tensors, f"{name}.self_attention.out_proj")
    if hasattr(layer, "attention"):
        sublayers.insert(1, layer.attention)
        for linear, projection in zip(layer.attention.linear, ("q_proj", "kv_proj", "out_proj"), strict=True):
            _set_linear(linear, tensors, f"{name}.cross_attention.{projection}")
    _set_linear(layer.ffn.linear_0, tensors, f"{name}.feed_forward.inner")
    _set_linear(layer.ffn.linear_1, tensors, f"{name}.feed_forward.outer")
    for index, sublayer in enumerate(sublayers):
        _set_norm(sublayer.layer_norm, tensors, f"{name}.residuals.{index}.norm")


def _set_linear(spec: common_spec.LinearSpec, tensors: Mapping[str, Tensor], name: str) -> None:
    spec.weight, spec.bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def _set_norm(spec: common_spec.LayerNormSpec, tensors: Mapping[str, Tensor], name: str) -> None:
    spec.gamma, spec.beta = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
