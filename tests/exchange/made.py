"""Models in the layouts of other programs, made by hand: few numbers in each tensor, and a tokenizer of few pieces."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from safetensors.torch import save_file
from torch import Tensor

from mtkit.exchange.marian_file import CONFIG, MULTIPLIER, write_bin
from tests.tiny import LINES

D, HEADS, FF = 8, 2, 12


def spm(path: Path, size: int = 50, **options: Any) -> list[str]:
    """Write a SentencePiece model of a few lines; returns its pieces."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(LINES * 4),
        model_writer=written,
        vocab_size=size,
        minloglevel=2,
        hard_vocab_limit=False,
        **options,
    )
    path.write_bytes(written.getvalue())
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(written.getvalue())
    found: list[str] = processor.id_to_piece(list(range(processor.get_piece_size())))
    return found


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _linear(name: str, n_out: int, n_in: int) -> dict[str, Tensor]:
    return {f"{name}.weight": torch.randn(n_out, n_in) * 0.4, f"{name}.bias": torch.randn(n_out) * 0.1}


def _norm(name: str) -> dict[str, Tensor]:
    return {f"{name}.weight": 1 + torch.randn(D) * 0.1, f"{name}.bias": torch.randn(D) * 0.1}


def bart_tensors(rows: int, *, final_norm: bool = False) -> dict[str, Tensor]:
    """One layer a side, under the names of transformers."""
    torch.manual_seed(1)
    found = {"model.shared.weight": torch.randn(rows, D) * 0.5}
    for side in ("encoder", "decoder"):
        layer = f"model.{side}.layers.0"
        for attention in ("self_attn", "encoder_attn") if side == "decoder" else ("self_attn",):
            for part in "qkv":
                found |= _linear(f"{layer}.{attention}.{part}_proj", D, D)
            found |= _linear(f"{layer}.{attention}.out_proj", D, D) | _norm(f"{layer}.{attention}_layer_norm")
        found |= _linear(f"{layer}.fc1", FF, D) | _linear(f"{layer}.fc2", D, FF) | _norm(f"{layer}.final_layer_norm")
        found |= _norm(f"model.{side}.layer_norm") if final_norm else {}
    return found


def bart_settings(kind: str, rows: int, **more: Any) -> dict[str, Any]:
    """``config.json`` of such a model."""
    sizes = {"d_model": D, "vocab_size": rows, "max_position_embeddings": 32, "activation_function": "relu"}
    for side in ("encoder", "decoder"):
        sizes |= {f"{side}_layers": 1, f"{side}_attention_heads": HEADS, f"{side}_ffn_dim": FF}
    return {"model_type": kind, "scale_embedding": True, **sizes, **more}


def marian(directory: Path, *, tags: tuple[str, ...] = (), **changes: Any) -> Path:
    """OPUS-MT in the layout of transformers."""
    directory.mkdir(parents=True)
    pieces = [*spm(directory / "source.spm"), *spm(directory / "target.spm", 40)]
    plain = [piece for piece in dict.fromkeys(pieces) if piece not in ("<unk>", "<s>", "</s>")]
    vocabulary = {piece: number for number, piece in enumerate(["</s>", "<unk>", *tags, *plain, "<pad>"])}
    write_json(directory / "vocab.json", vocabulary)
    write_json(directory / "tokenizer_config.json", {"source_lang": "en", "target_lang": "de"})
    rows, pad = len(vocabulary), len(vocabulary) - 1
    settings = bart_settings("marian", rows, pad_token_id=pad, eos_token_id=0, decoder_start_token_id=pad)
    write_json(directory / "config.json", {**settings, "activation_function": "swish", "num_beams": 6, **changes})
    tensors = bart_tensors(rows) | {"final_logits_bias": torch.randn(1, rows)}
    save_file(tensors, directory / "model.safetensors")
    return directory


def m2m100(directory: Path, languages: tuple[str, ...] = ("de", "en", "fr"), **changes: Any) -> Path:
    """M2M-100, of which ``special_tokens_map.json`` lists the languages."""
    directory.mkdir(parents=True)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *spm(directory / "sentencepiece.bpe.model", model_type="bpe")[3:]]
    write_json(directory / "vocab.json", {piece: number for number, piece in enumerate(pieces)})
    tags = [f"__{code}__" for code in languages]
    write_json(directory / "tokenizer_config.json", {"tokenizer_class": "M2M100Tokenizer", "num_madeup_words": 8})
    write_json(directory / "special_tokens_map.json", {"additional_special_tokens": tags})
    rows = len(pieces) + len(tags) + 8
    write_json(directory / "config.json", bart_settings("m2m_100", rows, pad_token_id=1, eos_token_id=2, **changes))
    save_file(bart_tensors(rows, final_norm=True), directory / "model.safetensors")
    return directory


def t5(directory: Path, **changes: Any) -> Path:
    """T5 1.0, which is told in words what to translate."""
    directory.mkdir(parents=True)
    lines = spm(directory / "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    rows = len(lines) + 10
    torch.manual_seed(2)
    tensors = {"shared.weight": torch.randn(rows, D)}
    for side in ("encoder", "decoder"):
        block = f"{side}.block.0.layer"
        attentions = ["0.SelfAttention", *(["1.EncDecAttention"] if side == "decoder" else [])]
        for name in attentions:
            tensors |= {f"{block}.{name}.{part}.weight": torch.randn(D, D) * 0.4 for part in "qkvo"}
        last = len(attentions)
        tensors |= {f"{block}.{n}.layer_norm.weight": torch.ones(D) for n in range(last + 1)}
        tensors[f"{block}.{last}.DenseReluDense.wi.weight"] = torch.randn(FF, D) * 0.4
        tensors[f"{block}.{last}.DenseReluDense.wo.weight"] = torch.randn(D, FF) * 0.4
        tensors[f"{block}.0.SelfAttention.relative_attention_bias.weight"] = torch.randn(32, HEADS)
        tensors[f"{side}.final_layer_norm.weight"] = torch.ones(D)
    tasks = {"translation_en_to_fr": {"prefix": "translate English to French: ", "num_beams": 4}}
    sizes = {"d_model": D, "d_kv": D // HEADS, "num_heads": HEADS, "d_ff": FF, "num_layers": 1, "vocab_size": rows}
    settings = {"model_type": "t5", **sizes, "pad_token_id": 0, "eos_token_id": 1, "task_specific_params": tasks}
    write_json(directory / "config.json", {**settings, **changes})
    save_file(tensors, directory / "model.safetensors")
    return directory


def _marian_tensors(rows: int, *, recurrent: bool) -> dict[str, Tensor]:
    """One layer a side, under the names of Marian, with inputs as rows."""
    torch.manual_seed(3)

    def linear(name: str, letter: str, n_in: int, n_out: int) -> dict[str, Tensor]:
        return {f"{name}_W{letter}": torch.randn(n_in, n_out) * 0.4, f"{name}_b{letter}": torch.randn(1, n_out) * 0.1}

    def norm(name: str) -> dict[str, Tensor]:
        return {f"{name}_ln_scale": 1 + torch.randn(1, D) * 0.1, f"{name}_ln_bias": torch.randn(1, D) * 0.1}

    def attention(name: str) -> dict[str, Tensor]:
        found = norm(f"{name}_Wo")
        for letter in "qkvo":
            found |= linear(name, letter, D, D)
        return found

    found = {"Wemb": torch.randn(rows, D) * 0.5, "decoder_ff_logit_out_b": torch.randn(1, rows)}
    for side in ("encoder", "decoder"):
        layer = f"{side}_l1"
        if side == "decoder" and recurrent:
            found |= linear(f"{layer}_rnn", "f", D, D) | norm(f"{layer}_rnn_ffn")
            found[f"{layer}_rnn_W"] = torch.randn(D, D) * 0.4
        else:
            found |= attention(f"{layer}_self")
        found |= attention(f"{layer}_context") if side == "decoder" else {}
        found |= linear(f"{layer}_ffn", "1", D, FF) | linear(f"{layer}_ffn", "2", FF, D) | norm(f"{layer}_ffn_ffn")
    return found


def marian_settings(rows: int, *, recurrent: bool = False, **changes: Any) -> bytes:
    """The settings among the tensors of Marian."""
    values: Mapping[str, Any] = {
        "type": "transformer",
        "dim-vocabs": [rows, rows],
        "dim-emb": D,
        "enc-depth": 1,
        "dec-depth": 1,
        "transformer-heads": HEADS,
        "transformer-dim-ffn": FF,
        "transformer-ffn-activation": "relu" if recurrent else "swish",
        "transformer-decoder-autoreg": "rnn" if recurrent else "self-attention",
        "transformer-preprocess": "",
        "transformer-postprocess": "dan",
        "dec-cell": "ssru" if recurrent else "gru",
        "dec-cell-base-depth": 2,
        "tied-embeddings-all": True,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items()).encode() + b"\0"


def student(directory: Path, **changes: Any) -> Path:
    """A student as in Firefox: int8, one vocabulary, a recurrent decoder."""
    directory.mkdir(parents=True)
    rows = len(spm(directory / "vocab.ende.spm", eos_id=0, unk_id=1, bos_id=-1))
    tensors = _marian_tensors(rows, recurrent=True)
    for name in [name for name in tensors if name == "Wemb" or name.rpartition("_W")[1]]:
        if "_ln_" not in name:
            tensors[name + MULTIPLIER] = 127 / tensors[name].abs().max().view(1, 1)
    write_bin(directory / "model.ende.intgemm.bin", tensors, marian_settings(rows, recurrent=True, **changes))
    names = "models: [model.ende.intgemm.bin]\nvocabs: [vocab.ende.spm, vocab.ende.spm]\nbeam-size: 1\nnormalize: 0.5\n"
    (directory / "config.intgemm8bit.yml").write_text(names + "max-length-factor: 2.5\n")
    return directory


def opus(directory: Path, **changes: Any) -> Path:
    """OPUS-MT in Marian's own layout: ``.npz`` and ``.vocab.yml``."""
    directory.mkdir(parents=True)
    pieces = [*spm(directory / "source.spm"), *spm(directory / "target.spm", 40), 'say "a"', "back\\slash", ": 7", "no"]
    plain = [piece for piece in dict.fromkeys(pieces) if piece not in ("<unk>", "<s>", "</s>")]
    lines = [f"{json.dumps(piece, ensure_ascii=False)}: {n}" for n, piece in enumerate(["</s>", "<unk>", *plain])]
    (directory / "opus.vocab.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = "models: [/train/opus.npz]\nvocabs: [/train/opus.vocab.yml, /train/opus.vocab.yml]\n"
    (directory / "decoder.yml").write_text(names + "beam-size: 6\nnormalize: 1\n")
    arrays: dict[str, Any] = {n: t.numpy() for n, t in _marian_tensors(len(lines), recurrent=False).items()}
    arrays[CONFIG] = np.frombuffer(marian_settings(len(lines), **changes), dtype=np.int8)
    np.savez(directory / "opus.npz", **arrays)
    return directory
