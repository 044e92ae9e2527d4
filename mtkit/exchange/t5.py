"""T5 1.0 and 1.1, mT5, ByT5 and MADLAD-400 in the layout of transformers (Raffel et al. 2020, Xue et al. 2021 and 2022,
Kudugunta et al. 2023).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sentencepiece

from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.vocabulary_file import FIRST_BYTE, N_BYTES, Vocabulary
from mtkit.errors import CheckpointError, VocabularyError
from mtkit.exchange.bart import aliases_of, generation
from mtkit.exchange.foreign_settings import ForeignSettings, optional_settings
from mtkit.exchange.found import Found, Pieces
from mtkit.exchange.naming import Layers, Tied, renamed
from mtkit.exchange.pieces import (
    added_ids,
    agreed,
    by_id,
    joined_ids,
    needed_file,
    read_spm,
    spm_pieces,
    tokenizer_json_ids,
)
from mtkit.exchange.t5_names import OUTPUT, SHARED, t5_names
from mtkit.exchange.tokenizer_json import spm_of_tokenizer_json
from mtkit.exchange.weights import Weights

FILES = ("spiece.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_ENCODER, _DECODER = "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"
_CLASSES = ("T5Tokenizer", "T5TokenizerFast", "MT5Tokenizer", "MT5TokenizerFast", "ByT5Tokenizer")
_FEED_FORWARD = {"relu": "relu", "gated-gelu": "geglu", "gated-silu": "swiglu", "gelu": "gelu", "silu": "silu"}
_NEVER_READ = "EncDecAttention.relative_attention_bias.weight"
"""End of the name of a tensor that old files have and no version of the model computes with."""

_LENGTH = 512  # tokens that all of them were trained on, at the most
_BYTES_LENGTH = 1024
_TAG = re.compile(r"<2([A-Za-z][A-Za-z0-9_-]{1,20})>")
_TASK = re.compile(r"translation_([a-z]{2,3})_to_([a-z]{2,3})")


def read_t5(directory: Path, settings: ForeignSettings, weights: Weights) -> Found:
    """A model of the type ``t5`` or ``mt5``.

    Raises:
        CheckpointError: If its files cannot be read, or it cannot be expressed.
        VocabularyError: If its tokenizer cannot be read.
    """
    config = optional_settings(directory / "tokenizer_config.json")
    for source in (settings, config):
        source.only("tokenizer_class", *_CLASSES)
    is_bytes = "ByT5Tokenizer" in (config.values.get("tokenizer_class"), settings.values.get("tokenizer_class"))
    name = _shared_name(weights)
    aliases, others = aliases_of(weights, dict.fromkeys((SHARED, _ENCODER, _DECODER, OUTPUT), name))
    if unlike := [other for other in others if other != OUTPUT]:
        raise CheckpointError(f"{weights.files[0]}: {unlike[0]} is another matrix than {name}; mtkit shares it")
    tied: Tied = "inputs" if OUTPUT in others else "all"
    model = _model(settings, tied, is_bytes=is_bytes)
    gated = model["activation"] in ("geglu", "swiglu")
    layers = Layers(model["n_encoder_layers"], model["n_decoder_layers"], tied=tied, gated=gated)
    pieces, task = (_bytes(settings), None) if is_bytes else _pieces(directory, settings)
    languages = pieces.vocabulary.language_ids
    return Found(
        "t5",
        "huggingface",
        model,
        renamed(t5_names(layers), {SHARED: name}),
        weights,
        pieces,
        task or (None, None),
        multilingual=languages is not None,
        decoding=generation(ForeignSettings(settings.path, _task(settings)), _generated(directory)),
        names={} if name == SHARED else {SHARED: name},
        aliases=aliases,
        unused=frozenset(name for name in weights.tensors if name.endswith(_NEVER_READ)),
        files=[directory / name for name in FILES],
    )


def _model(settings: ForeignSettings, tied: str, *, is_bytes: bool) -> dict[str, Any]:
    """Settings of the ``model`` section."""
    settings.only("relative_attention_num_buckets", 32)
    settings.only("relative_attention_max_distance", 128)
    settings.only("layer_norm_epsilon", 1e-6)
    kind = settings.text("feed_forward_proj", "relu" if settings.values.get("model_type") == "t5" else "gated-gelu")
    if kind not in _FEED_FORWARD:
        raise settings.refused("feed_forward_proj", f"mtkit computes with {', '.join(_FEED_FORWARD)}")
    d_model, n_heads, n_layers = (
        settings.integer("d_model"),
        settings.integer("num_heads"),
        settings.layers("num_layers"),
    )
    d_head = settings.integer("d_kv", 64)
    dropout = settings.number("dropout_rate", 0.1)
    # Version 1.0 scales what it projects; since version 5 transformers says so by itself, before by the tying.
    is_first = settings.values.get("model_type") == "t5" and settings.values.get("tie_word_embeddings") is not False
    scales = settings.flag("scale_decoder_outputs", is_first and tied == "all")
    return {
        "d_model": d_model,
        "n_heads": n_heads,
        "d_head": None if d_head * n_heads == d_model else d_head,
        "d_ff": settings.integer("d_ff"),
        "n_encoder_layers": n_layers,
        "n_decoder_layers": settings.layers("num_decoder_layers", n_layers),
        "activation": _FEED_FORWARD[kind],
        "norm": "pre",
        "norm_type": "rms",
        "positions": "t5",
        "shared_positions": True,
        "bias": False,
        "scale_embeddings": False,
        "scale_output": scales,
        "tie_embeddings": tied,
        "max_length": max(settings.integer("n_positions", 0), _BYTES_LENGTH if is_bytes else _LENGTH),
        "dropout": dropout,
        "attention_dropout": dropout,
        "activation_dropout": dropout,
        **dict.fromkeys(("encoder_attention", "decoder_attention", "cross_attention"), "dot"),
    }


def _shared_name(weights: Weights) -> str:
    for name in (SHARED, _ENCODER, _DECODER):
        if name in weights.tensors:
            return name
    raise CheckpointError(f"{weights.files[0]}: lacks {SHARED}")


def _pieces(directory: Path, settings: ForeignSettings) -> tuple[Pieces, tuple[str, str] | None]:
    """Pieces, and the direction of the first task that the settings name."""
    path = directory / "tokenizer.json"
    told = joined_ids((tokenizer_json_ids(directory), path), (added_ids(directory), path))
    if (directory / "spiece.model").is_file() or not path.is_file():
        spm = needed_file(directory, "spiece.model", "tokenizer.json")
        model = read_spm(spm)
        ids = joined_ids(({piece: number for number, piece in enumerate(spm_pieces(model, spm))}, spm), (told, path))
    else:
        model, ids = spm_of_tokenizer_json(path), told
    size = settings.integer("vocab_size")
    special = _special(settings, ids, directory)
    tags = {found[1]: [piece] for piece in ids if (found := _TAG.fullmatch(piece))}
    source, target, task = _tasks(settings, model, ids) if not tags else ({}, tags, None)
    known = by_id(ids, size, path)
    vocabulary = Vocabulary.of("sentencepiece", special, known, source=source, target=target)
    return Pieces((model,), vocabulary), task


def _special(settings: ForeignSettings, ids: Mapping[str, int], directory: Path) -> SpecialIds:
    size = settings.integer("vocab_size")
    pad, eos = settings.token("pad_token_id", 0, size), settings.token("eos_token_id", 1, size)
    for name, number, piece in (("pad_token_id", pad, "<pad>"), ("eos_token_id", eos, "</s>")):
        if piece in ids and ids[piece] != number:
            agreed(settings, name, ids[piece], piece)
    if "<unk>" not in ids:
        raise VocabularyError(f"{directory}: the tokenizer has no <unk>")
    return SpecialIds(pad, ids["<unk>"], None, eos, settings.token("decoder_start_token_id", pad, size), (pad,))


def _bytes(settings: ForeignSettings) -> Pieces:
    """A byte is its number plus three; before them padding, end and unknown (Xue et al. 2022)."""
    size = settings.integer("vocab_size")
    if size < FIRST_BYTE + N_BYTES:
        raise settings.refused("vocab_size", f"{FIRST_BYTE + N_BYTES} at least for bytes")
    named = ["<pad>", "</s>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(N_BYTES))]
    pieces = by_id({piece: number for number, piece in enumerate(named)}, size, settings.path)
    for name, number, piece in (("pad_token_id", 0, "<pad>"), ("eos_token_id", 1, "</s>")):
        agreed(settings, name, number, piece)
    special = SpecialIds(0, 2, None, 1, settings.token("decoder_start_token_id", 0, size), (0,))
    return Pieces((), Vocabulary.of("bytes", special, pieces))


def _tasks(
    settings: ForeignSettings, model: bytes, ids: Mapping[str, int]
) -> tuple[dict[str, list[str]], dict[str, list[str]], tuple[str, str] | None]:
    """The words before a source, by its language and by the target's, as ``task_specific_params`` has them.

    ``translate English to German: `` is ``translate English to`` and ``German:``.
    """
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model)

    def pieces(words: str) -> list[str]:
        return [piece if piece in ids else "<unk>" for piece in processor.encode(words, out_type=str)]

    source: dict[str, list[str]] = {}
    target: dict[str, list[str]] = {}
    first = None
    for name, params in settings.section("task_specific_params").items():
        prefix = params.get("prefix") if isinstance(params, dict) else None
        if (found := _TASK.fullmatch(name)) is None or not isinstance(prefix, str) or " to " not in prefix:
            continue
        before, _, after = prefix.partition(" to ")
        words = pieces(f"{before} to")
        if source.setdefault(found[1], words) == words:
            target[found[2]] = pieces(after.strip())
            first = first or (found[1], found[2])
    return source, target, first


def _task(settings: ForeignSettings) -> Mapping[str, Any]:
    """The settings of the search of the first task that translates."""
    for name, params in settings.section("task_specific_params").items():
        if _TASK.fullmatch(name) and isinstance(params, dict):
            return params
    return settings.values


def _generated(directory: Path) -> ForeignSettings:
    return optional_settings(directory / "generation_config.json")
