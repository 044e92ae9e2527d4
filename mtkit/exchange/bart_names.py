"""Names of the tensors of BART's kind in transformers: MarianMT, M2M-100, NLLB, mBART and Pegasus."""

from collections.abc import Iterator

from mtkit.exchange.naming import Layers, Match

_PARTS = ("weight", "bias")
SHARED = "model.shared.weight"
OUTPUT = "lm_head.weight"
BIAS = "final_logits_bias"


def bart_names(layers: Layers) -> list[Match]:
    """Every parameter of a model, and its name there."""
    return [*_embeddings(layers), *_layers(layers)]


def _embeddings(layers: Layers) -> Iterator[Match]:
    match layers.tied:
        case "all":
            yield Match("tgt_embedding.tokens.weight", (SHARED,))
        case "decoder":
            yield from _each_side()
        case "inputs":
            yield Match("tgt_embedding.tokens.weight", (SHARED,))
            yield Match("output.weight", (OUTPUT,))
        case "none":
            yield from _each_side()
            yield Match("output.weight", (OUTPUT,))
    if layers.output_bias:
        yield Match("output_bias", (BIAS,), row=True)
    for side, ours in (("encoder", "src_embedding"), ("decoder", "tgt_embedding")):
        if layers.learned_positions:
            yield Match(f"{ours}.positions", (f"model.{side}.embed_positions.weight",), offset=True)
        if layers.embedding_norm:
            yield from _both(f"{ours}.norm", f"model.{side}.layernorm_embedding")
        if layers.final_norm:
            yield from _both(f"{side}.norm", f"model.{side}.layer_norm")


def _each_side() -> Iterator[Match]:
    yield Match("tgt_embedding.tokens.weight", ("model.decoder.embed_tokens.weight",))
    yield Match("src_embedding.tokens.weight", ("model.encoder.embed_tokens.weight",))


def _layers(layers: Layers) -> Iterator[Match]:
    for side, number in layers.sides():
        ours = f"{side}.layers.{number}"
        theirs = f"model.{ours}"
        yield from _attention(f"{ours}.self_attention", f"{theirs}.self_attn")
        yield from _both(f"{ours}.residuals.0.norm", f"{theirs}.self_attn_layer_norm")
        if side == "decoder":
            yield from _attention(f"{ours}.cross_attention", f"{theirs}.encoder_attn")
            yield from _both(f"{ours}.residuals.1.norm", f"{theirs}.encoder_attn_layer_norm")
        yield from _both(f"{ours}.feed_forward.inner", f"{theirs}.fc1")
        yield from _both(f"{ours}.feed_forward.outer", f"{theirs}.fc2")
        last = 2 if side == "decoder" else 1
        yield from _both(f"{ours}.residuals.{last}.norm", f"{theirs}.final_layer_norm")


def _attention(ours: str, theirs: str) -> Iterator[Match]:
    for part in _PARTS:
        yield Match(f"{ours}.q_proj.{part}", (f"{theirs}.q_proj.{part}",))
        yield Match(f"{ours}.kv_proj.{part}", (f"{theirs}.k_proj.{part}", f"{theirs}.v_proj.{part}"))
        yield Match(f"{ours}.out_proj.{part}", (f"{theirs}.out_proj.{part}",))


def _both(ours: str, theirs: str) -> Iterator[Match]:
    yield from (Match(f"{ours}.{part}", (f"{theirs}.{part}",)) for part in _PARTS)
