"""Gives the weights of an mtkit model with post-norm to Hugging Face's MarianMT, to CTranslate2 and to JoeyNMT.

    python -m benchmarks.peers.weights BUNDLE DIR

Run by the Python that has ``transformers`` and ``ctranslate2``. The architecture is the same, only the names differ, so
that all of them translate alike and take the same number of steps.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.peers.loops import MAX_LENGTH, marian_config
from benchmarks.peers.reference import D_MODEL, N_LAYERS, PAD, UNK

Tensors = dict[str, Tensor]

# Under "encoder.layers.0." and so on: mtkit's name, Marian's, JoeyNMT's.
_ENCODER = [
    ("residuals.0.norm", "self_attn_layer_norm", "layer_norm"),
    ("residuals.1.norm", "final_layer_norm", "feed_forward.layer_norm"),
    ("feed_forward.inner", "fc1", "feed_forward.pwff_layer.0"),
    ("feed_forward.outer", "fc2", "feed_forward.pwff_layer.3"),
]
_DECODER = [
    ("residuals.0.norm", "self_attn_layer_norm", "x_layer_norm"),
    ("residuals.1.norm", "encoder_attn_layer_norm", "dec_layer_norm"),
    ("residuals.2.norm", "final_layer_norm", "feed_forward.layer_norm"),
    *_ENCODER[2:],
]
_ATTENTION = {
    "encoder": [("self_attention", "self_attn", "src_src_att")],
    "decoder": [("self_attention", "self_attn", "trg_trg_att"), ("cross_attention", "encoder_attn", "src_trg_att")],
}


def positions(n: int) -> Tensor:
    """Sine and cosine in turn, as in mtkit, (n, D)."""
    angle = torch.arange(n, dtype=torch.float64)[:, None]
    angle = angle / 10_000 ** (torch.arange(0, D_MODEL, 2, dtype=torch.float64) / D_MODEL)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()


def translated(ours: Tensors) -> tuple[Tensors, Tensors]:
    """The layers under Marian's names and under JoeyNMT's."""
    marian, joey = {}, {}
    for stack, renamed in (("encoder", _ENCODER), ("decoder", _DECODER)):
        for layer in range(N_LAYERS):
            place = f"{stack}.layers.{layer}."
            for kind in ("weight", "bias"):
                named = [(a, b, c, ours[f"{place}{a}.{kind}"]) for a, b, c in renamed]
                for a, b, c in _ATTENTION[stack]:
                    keys, values = ours[f"{place}{a}.kv_proj.{kind}"].chunk(2)
                    parts = {"q": ours[f"{place}{a}.q_proj.{kind}"], "k": keys, "v": values}
                    named += [(a, f"{b}.{part}_proj", f"{c}.{part}_layer", tensor) for part, tensor in parts.items()]
                    named.append((a, f"{b}.out_proj", f"{c}.output_layer", ours[f"{place}{a}.out_proj.{kind}"]))
                for _, b, c, tensor in named:
                    marian[f"model.{place}{b}.{kind}"] = joey[f"{place}{c}.{kind}"] = tensor.contiguous()
    return marian, joey


def main() -> None:
    """Read, rename, write."""
    from safetensors.torch import load_file

    bundle, directory = Path(sys.argv[1]), Path(sys.argv[2])
    ours = load_file(bundle / "model.safetensors")
    pieces = (directory / "pieces.txt").read_text(encoding="utf-8").splitlines()
    marian, joey = translated(ours)
    _write_marian(directory, ours, marian, pieces)
    _write_joeynmt(directory, ours, joey)


def _write_marian(directory: Path, ours: Tensors, layers: Tensors, pieces: list[str]) -> None:
    from ctranslate2.converters.transformers import BartLoader
    from transformers import MarianMTModel

    model = MarianMTModel(marian_config()).eval()
    embedding = ours["tgt_embedding.tokens.weight"]
    given = layers | {"model.shared.weight": embedding, "lm_head.weight": embedding}
    for stack in ("encoder", "decoder"):
        given[f"model.{stack}.embed_tokens.weight"] = embedding
        given[f"model.{stack}.embed_positions.weight"] = positions(MAX_LENGTH)
    missing, unexpected = model.load_state_dict(given, strict=False)
    assert not unexpected, unexpected
    assert set(missing) <= {"final_logits_bias"}, missing
    model.save_pretrained(directory / "marian")

    # Marian's own loader begins with an empty embedding in place of bos; BART's is the same model without that.
    model.config.normalize_before = model.config.normalize_embedding = False
    spec = BartLoader().get_model_spec(model)
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    spec.config.bos_token = spec.config.decoder_start_token = "<s>"
    spec.config.eos_token, spec.config.unk_token = "</s>", "<unk>"
    spec.config.add_source_eos = True
    spec.validate()
    spec.optimize(quantization=None)
    (directory / "ctranslate2").mkdir(exist_ok=True)
    spec.save(str(directory / "ctranslate2"))


def _write_joeynmt(directory: Path, ours: Tensors, layers: Tensors) -> None:
    """A checkpoint; its vocabulary has the unknown piece before the padding."""
    embedding = ours["tgt_embedding.tokens.weight"].clone()
    embedding[[PAD, UNK]] = embedding[[UNK, PAD]]
    names = ("src_embed.lut.weight", "trg_embed.lut.weight", "decoder.output_layer.weight")
    pe = {f"{stack}.pe.pe": positions(5_000)[None] for stack in ("encoder", "decoder")}
    state = layers | dict.fromkeys(names, embedding) | pe
    (directory / "joeynmt").mkdir(exist_ok=True)
    torch.save({"model_state": state}, directory / "joeynmt" / "weights.ckpt")


if __name__ == "__main__":
    main()
