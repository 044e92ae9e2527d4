"""Small random models of transformers, their tensors renamed: ours must compute what theirs compute."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.exchange.bart_names import bart_names
from mtkit.exchange.naming import Layers, Match, converted
from mtkit.exchange.t5_names import t5_names
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy

transformers = pytest.importorskip("transformers")

V, PAD = 211, 1
SIZES: dict[str, Any] = {
    "d_model": 64,
    "n_heads": 4,
    "d_ff": 96,
    "n_encoder_layers": 2,
    "n_decoder_layers": 3,
    "max_length": 160,
}
OF_BART: dict[str, Any] = {
    "vocab_size": V,
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 96,
    "decoder_ffn_dim": 96,
    "max_position_embeddings": 160,
    "pad_token_id": PAD,
    "scale_embedding": True,
}
OF_T5: dict[str, Any] = {
    "vocab_size": V,
    "d_model": 64,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 4,
    "d_ff": 96,
    "pad_token_id": PAD,
    "decoder_start_token_id": PAD,
}
T5: dict[str, Any] = {
    "norm_type": "rms",
    "positions": "t5",
    "shared_positions": True,
    "encoder_attention": "dot",
    "decoder_attention": "dot",
    "cross_attention": "dot",
    "scale_embeddings": False,
    "bias": False,
}
GATED_T5 = T5 | {"activation": "geglu", "tie_embeddings": "inputs"}
LAYERS = Layers(2, 3)

# Class and configuration there; shape, tensors and their names here.
FAMILIES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], list[Match]]] = {
    "marian": (
        "MarianMTModel",
        "MarianConfig",
        OF_BART | {"activation_function": "swish", "decoder_start_token_id": PAD},
        {"norm": "post", "activation": "silu", "sinusoids": "halves", "output_bias": True},
        bart_names(Layers(2, 3, output_bias=True)),
    ),
    "marian, embeddings apart": (
        "MarianMTModel",
        "MarianConfig",
        OF_BART
        | {
            "activation_function": "relu",
            "decoder_start_token_id": PAD,
            "share_encoder_decoder_embeddings": False,
            "decoder_vocab_size": V,
        },
        {"norm": "post", "sinusoids": "halves", "output_bias": True, "tie_embeddings": "decoder"},
        bart_names(Layers(2, 3, output_bias=True, tied="decoder")),
    ),
    "m2m100": (
        "M2M100ForConditionalGeneration",
        "M2M100Config",
        OF_BART | {"activation_function": "relu", "decoder_start_token_id": 2},
        {"sinusoids": "fairseq"},
        bart_names(Layers(2, 3, final_norm=True)),
    ),
    "mbart": (
        "MBartForConditionalGeneration",
        "MBartConfig",
        OF_BART | {"activation_function": "gelu", "decoder_start_token_id": 2},
        {"positions": "learned", "embedding_norm": True, "activation": "gelu"},
        bart_names(Layers(2, 3, final_norm=True, learned_positions=True, embedding_norm=True)),
    ),
    "t5 1.0": (
        "T5ForConditionalGeneration",
        "T5Config",
        OF_T5 | {"d_kv": 16},
        T5 | {"scale_output": True},
        t5_names(LAYERS),
    ),
    "t5 1.1": (
        "T5ForConditionalGeneration",
        "T5Config",
        OF_T5 | {"d_kv": 16, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
        GATED_T5,
        t5_names(Layers(2, 3, tied="inputs", gated=True)),
    ),
    "mt5": (
        "MT5ForConditionalGeneration",
        "MT5Config",
        OF_T5 | {"d_kv": 20, "num_heads": 6, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
        GATED_T5 | {"n_heads": 6, "d_head": 20},
        t5_names(Layers(2, 3, tied="inputs", gated=True)),
    ),
}


def lively(model: torch.nn.Module) -> torch.nn.Module:
    """Weights whose logits are far apart: fresh ones are all near ties."""
    torch.manual_seed(4)
    bart = "T5" not in type(model).__name__
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "relative" in name:
                parameter.normal_()
            elif parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
            elif "shared" in name or "embed_tokens" in name or "lm_head" in name:
                parameter.normal_(std=0.15 if bart else 1.0)
            elif "embed_positions" not in name:
                parameter.mul_(4 if bart else 1.5)
        if type(model).__name__.startswith("Marian"):
            model.final_logits_bias.normal_()  # type: ignore[operator]
    return model.eval()


@pytest.fixture(params=FAMILIES)
def both(request: pytest.FixtureRequest) -> tuple[Any, EncoderDecoder]:
    """The same model there and here."""
    name, config, settings, shape, matches = FAMILIES[request.param]
    torch.manual_seed(2)
    theirs = lively(getattr(transformers, name)(getattr(transformers, config)(**settings)))
    ours = EncoderDecoder(
        ModelConfig.model_validate(SIZES | shape),
        src_vocab_size=V,
        tgt_vocab_size=V,
        pad_id=PAD,
        start_id=settings["decoder_start_token_id"],
    )
    tensors = converted(matches, theirs.state_dict())
    parameters = dict(ours.named_parameters())
    assert tensors.keys() == parameters.keys()
    with torch.no_grad():
        for key, parameter in parameters.items():
            assert parameter.shape == tensors[key].shape, key
            parameter.copy_(tensors[key])
    return theirs, ours.eval()


def batch(start: int) -> tuple[Tensor, Tensor]:
    """Sources of several lengths, one of them past all buckets of T5's positions, and what the decoder reads."""
    torch.manual_seed(1)
    src, tgt_in = torch.randint(3, V, (4, 150)), torch.randint(3, V, (4, 140))
    for row, length in enumerate((150, 40, 7, 1)):
        src[row, length:] = PAD
    tgt_in[:, 0] = start
    return src, tgt_in


def far_apart(logits: Tensor) -> bool:
    top = logits.topk(2).values
    return bool((top[..., 0] - top[..., 1]).median() > 0.1)


@torch.inference_mode()
def test_logits_are_equal(both: tuple[Any, EncoderDecoder]) -> None:
    theirs, ours = both
    src, tgt_in = batch(theirs.config.decoder_start_token_id)
    mask = src == PAD
    expected = theirs(input_ids=src, attention_mask=(~mask).long(), decoder_input_ids=tgt_in).logits
    assert far_apart(expected)
    largest = float(expected.abs().max())
    found = ours.project(ours(src, tgt_in, mask))
    state = ours.start(ours.encode(src, mask))
    steps = torch.stack([ours.project(ours.step(tokens, state)) for tokens in tgt_in.unbind(1)], dim=1)
    difference = [float((each - expected).abs().max()) / largest for each in (found, steps)]
    assert max(difference) < 1e-5, difference


@torch.inference_mode()
def test_the_loss_is_equal(both: tuple[Any, EncoderDecoder]) -> None:
    theirs, ours = both
    src, tgt_in = batch(theirs.config.decoder_start_token_id)
    tgt_out = torch.cat([tgt_in[:, 1:], torch.full((4, 1), 2)], dim=1)
    lengths, n_tgt = (src != PAD).sum(1), tgt_out.numel()
    pairs = Batch(src, tgt_in, tgt_out, lengths, int(lengths.sum()), n_tgt)
    loss = CrossEntropy(pad_id=PAD, smoothing=0.0)(ours, pairs)
    expected = theirs(input_ids=src, attention_mask=(src != PAD).long(), decoder_input_ids=tgt_in, labels=tgt_out).loss
    assert float(loss.total) / n_tgt == pytest.approx(float(expected), rel=1e-5)
