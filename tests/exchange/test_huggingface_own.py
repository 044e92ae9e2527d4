from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtkit.bundle.bundle import load_bundle
from mtkit.errors import ConfigError
from mtkit.exchange.bart_names import bart_names
from mtkit.exchange.giving_back import layers_of
from mtkit.exchange.huggingface_own import kind_of, model_settings, permuted_tensors
from mtkit.exchange.naming import converted
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_rules import without_idle
from tests.tiny import save_tiny_bundle


def shape(**values: Any) -> ModelConfig:
    return ModelConfig.model_validate({**without_idle({"d_model": 16, "n_heads": 2, "d_ff": 32}, values), **values})


def test_the_place_of_the_norm_decides_the_class() -> None:
    assert kind_of(shape(norm="pre"), joint=True) == "pegasus"
    assert kind_of(shape(norm="post"), joint=True) == "marian"
    assert kind_of(shape(norm="post", tie_embeddings="decoder"), joint=False) == "marian"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"architecture": "rnn"}, "model.architecture rnn"),
        ({"architecture": "conv"}, "model.architecture conv"),
        ({"decoder_architecture": "rnn"}, "model.decoder_architecture rnn"),
        ({"decoder_attention": "ssru"}, "model.decoder_attention ssru"),
        ({"encoder_attention": ["scaled_dot"] * 5 + ["dot"]}, "model.encoder_attention dot, scaled_dot"),
        ({"activation": "swiglu"}, "model.activation swiglu"),
        ({"norm": "sandwich"}, "model.norm sandwich"),
        ({"norm_type": "rms"}, "model.norm_type rms"),
        ({"positions": "rotary"}, "model.positions rotary"),
        ({"positions": "learned"}, "model.positions learned"),
        ({"n_kv_heads": 1}, "model.n_kv_heads 1"),
        ({"d_embedding": 8}, "model.d_embedding 8"),
        ({"n_unique_layers": 2}, "model.n_unique_layers 2"),
        ({"tie_embeddings": "none"}, "model.tie_embeddings none"),
        ({"tie_embeddings": "decoder"}, "model.tie_embeddings decoder"),
    ],
    ids=str,
)
def test_what_transformers_has_nothing_for_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        kind_of(shape(**values), joint=True)
    assert "--to safetensors" in str(caught.value)


def test_settings_of_training_do_not_matter() -> None:
    assert kind_of(shape(dropout=0.3, layer_drop=0.1, initialisation="xavier", preset="tiny"), joint=True) == "pegasus"


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_no_number_changes_but_in_its_place(tmp_path: Path, norm: str) -> None:
    bundle = load_bundle(save_tiny_bundle(tmp_path / "model", norm=norm, tie_embeddings="all"))
    ours = load_file(bundle.directory / "model.safetensors")
    theirs = permuted_tensors(bundle.model, ours)
    made_up = {name for name in theirs if name.endswith(("final_logits_bias", "embed_positions.weight"))}
    kept = [tensor for name, tensor in theirs.items() if name not in made_up]
    before, after = (torch.cat([each.flatten() for each in tensors]).sort()[0] for tensors in (ours.values(), kept))
    assert torch.equal(before, after)
    embedding = ours["tgt_embedding.tokens.weight"]
    assert torch.equal(theirs["model.shared.weight"][:, :8], embedding[:, 0::2])
    assert torch.equal(theirs["model.shared.weight"][:, 8:], embedding[:, 1::2])


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_with_sines_before_cosines_it_computes_the_same(tmp_path: Path, norm: str) -> None:
    bundle = load_bundle(save_tiny_bundle(tmp_path / "model", norm=norm, tie_embeddings="all", n_decoder_layers=2))
    theirs = permuted_tensors(bundle.model, load_file(bundle.directory / "model.safetensors"))
    halves = bundle.model.model_copy(update={"sinusoids": "halves"})
    other = EncoderDecoder.for_tokenizer(halves, bundle.tokenizer).eval()
    other.load_state_dict(converted(bart_names(layers_of(halves)), theirs), strict=False)
    src, tgt = torch.tensor([[5, 9, 20, 3], [7, 3, 0, 0]]), torch.tensor([[2, 8, 11], [2, 30, 6]])
    model = bundle.build_model()
    with torch.inference_mode():
        ours, there = (each.project(each(src, tgt, src == 0)) for each in (model, other))
    assert torch.allclose(ours, there, atol=1e-5)


def test_positions_are_sines_then_cosines_there(tmp_path: Path) -> None:
    bundle = load_bundle(save_tiny_bundle(tmp_path / "model", norm="pre", tie_embeddings="all"))
    tensors = permuted_tensors(bundle.model, load_file(bundle.directory / "model.safetensors"))
    table = tensors["model.decoder.embed_positions.weight"]
    angles = torch.arange(40.0)[:, None] / 10000 ** (torch.arange(0, 16, 2) / 16)
    assert torch.allclose(table, torch.cat([angles.sin(), angles.cos()], dim=1), atol=1e-5)


def test_what_is_tied_is_said() -> None:
    for tied, words, shared in (("all", True, True), ("decoder", True, False), ("none", False, False)):
        settings = model_settings(shape(norm="post", tie_embeddings=tied), "marian", vocab_sizes=(7, 9))
        assert (settings["tie_word_embeddings"], settings["share_encoder_decoder_embeddings"]) == (words, shared)
        assert (settings["vocab_size"], settings["decoder_vocab_size"]) == (7, 9)
