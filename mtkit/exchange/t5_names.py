"""Names of the tensors of T5, mT5, ByT5 and MADLAD-400 in transformers."""

from collections.abc import Iterator

from mtkit.exchange.naming import Layers, Match

SHARED = "shared.weight"
OUTPUT = "lm_head.weight"


def t5_names(layers: Layers) -> list[Match]:
    """Every parameter of a model, and its name there; positions are one table of each side."""
    return [*_ends(layers), *_layers(layers)]


def _ends(layers: Layers) -> Iterator[Match]:
    yield Match("tgt_embedding.tokens.weight", (SHARED,))
    if layers.tied == "inputs":
        yield Match("output.weight", (OUTPUT,))
    for side in ("encoder", "decoder"):
        yield Match(f"{side}.norm.weight", (f"{side}.final_layer_norm.weight",))
        table = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        yield Match(POSITIONS.format(side=side), (table,))


POSITIONS = "{side}.positions.weight"
"""The one table of each side, as ``model.shared_positions`` has it."""


def _layers(layers: Layers) -> Iterator[Match]:
    for side, number in layers.sides():
        ours, theirs = f"{side}.layers.{number}", f"{side}.block.{number}.layer"
        sublayers = [("self_attention", "SelfAttention")]
        if side == "decoder":
            sublayers.append(("cross_attention", "EncDecAttention"))
        for place, (name, their_name) in enumerate(sublayers):
            yield from _attention(f"{ours}.{name}", f"{theirs}.{place}.{their_name}")
            yield Match(f"{ours}.residuals.{place}.norm.weight", (f"{theirs}.{place}.layer_norm.weight",))
        last = len(sublayers)
        inner, block = f"{ours}.feed_forward", f"{theirs}.{last}.DenseReluDense"
        if layers.gated:
            yield Match(f"{inner}.inner.weight", (f"{block}.wi_0.weight",))
            yield Match(f"{inner}.linear.weight", (f"{block}.wi_1.weight",))
        else:
            yield Match(f"{inner}.inner.weight", (f"{block}.wi.weight",))
        yield Match(f"{inner}.outer.weight", (f"{block}.wo.weight",))
        yield Match(f"{ours}.residuals.{last}.norm.weight", (f"{theirs}.{last}.layer_norm.weight",))


def _attention(ours: str, theirs: str) -> Iterator[Match]:
    yield Match(f"{ours}.q_proj.weight", (f"{theirs}.q.weight",))
    yield Match(f"{ours}.kv_proj.weight", (f"{theirs}.k.weight", f"{theirs}.v.weight"))
    yield Match(f"{ours}.out_proj.weight", (f"{theirs}.o.weight",))
