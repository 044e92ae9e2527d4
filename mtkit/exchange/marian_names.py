"""Names of the tensors in Marian's own files: ``.npz``, and the ``.bin`` of Firefox and Bergamot.

Matrices lie there with inputs as rows, vectors as one row. Sources and targets have no padding: its row is ours.
"""

from collections.abc import Iterator

from mtkit.exchange.naming import Layers, Match

SHARED, SRC, TGT, OUTPUT = "Wemb", "encoder_Wemb", "decoder_Wemb", "decoder_ff_logit_out_W"
OUTPUT_ROWS = "decoder_ff_logit_out_Wt"
"""The same as ``OUTPUT`` in newer files, with outputs as rows."""

BIAS = "decoder_ff_logit_out_b"


def marian_names(layers: Layers, *, output_rows: bool = False) -> list[Match]:
    """Every parameter of a model, and its name there.

    Args:
        layers: The model.
        output_rows: Whether an output projection of its own is ``OUTPUT_ROWS``.
    """
    return [*_ends(layers, output_rows=output_rows), *_layers(layers)]


def _ends(layers: Layers, *, output_rows: bool) -> Iterator[Match]:
    of_src, of_tgt = layers.grown
    if layers.tied in ("all", "inputs"):
        yield Match("tgt_embedding.tokens.weight", (SHARED,), grown=of_tgt)
    else:
        yield Match("tgt_embedding.tokens.weight", (TGT,), grown=of_tgt)
        yield Match("src_embedding.tokens.weight", (SRC,), grown=of_src)
    if layers.tied in ("inputs", "none"):
        name = OUTPUT_ROWS if output_rows else OUTPUT
        yield Match("output.weight", (name,), transposed=not output_rows, grown=of_tgt)
    if layers.output_bias:
        yield Match("output_bias", (BIAS,), row=True, grown=of_tgt)
    for side in ("encoder", "decoder"):
        if layers.final_norm:
            yield from _norm(f"{side}.norm", f"{side}_top")


def _layers(layers: Layers) -> Iterator[Match]:
    ending = "_pre" if layers.final_norm else ""
    for side, number in layers.sides():
        ours, theirs = f"{side}.layers.{number}", f"{side}_l{number + 1}"
        if side == "decoder" and layers.recurrent:
            yield from _recurrent_unit(f"{ours}.self_attention", f"{theirs}_rnn")
            yield from _norm(f"{ours}.residuals.0.norm", f"{theirs}_rnn_ffn", ending)
        else:
            yield from _attention(f"{ours}.self_attention", f"{theirs}_self")
            yield from _norm(f"{ours}.residuals.0.norm", f"{theirs}_self_Wo", ending)
        if side == "decoder":
            yield from _attention(f"{ours}.cross_attention", f"{theirs}_context")
            yield from _norm(f"{ours}.residuals.1.norm", f"{theirs}_context_Wo", ending)
        for name, number_there in (("inner", 1), ("outer", 2)):
            yield Match(f"{ours}.feed_forward.{name}.weight", (f"{theirs}_ffn_W{number_there}",), transposed=True)
            yield Match(f"{ours}.feed_forward.{name}.bias", (f"{theirs}_ffn_b{number_there}",), row=True)
        yield from _norm(f"{ours}.residuals.{2 if side == 'decoder' else 1}.norm", f"{theirs}_ffn_ffn", ending)


def _recurrent_unit(ours: str, theirs: str) -> Iterator[Match]:
    yield Match(f"{ours}.gate.weight", (f"{theirs}_Wf",), transposed=True)
    yield Match(f"{ours}.gate.bias", (f"{theirs}_bf",), row=True)
    yield Match(f"{ours}.candidate.weight", (f"{theirs}_W",), transposed=True)


def _attention(ours: str, theirs: str) -> Iterator[Match]:
    for name, letters in (("q_proj", "q"), ("kv_proj", "kv"), ("out_proj", "o")):
        yield Match(f"{ours}.{name}.weight", tuple(f"{theirs}_W{letter}" for letter in letters), transposed=True)
        yield Match(f"{ours}.{name}.bias", tuple(f"{theirs}_b{letter}" for letter in letters), row=True)


def _norm(ours: str, theirs: str, ending: str = "") -> Iterator[Match]:
    yield Match(f"{ours}.weight", (f"{theirs}_ln_scale{ending}",), row=True)
    yield Match(f"{ours}.bias", (f"{theirs}_ln_bias{ending}",), row=True)
