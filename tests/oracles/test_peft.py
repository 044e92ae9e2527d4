"""Adapters between mtkit and PEFT, for models of every family: the same logits on both sides."""

from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.bundle.writing import save_bundle
from mtkit.data.tokens.training import train_tokenizer
from mtkit.exchange.naming import converted
from mtkit.exchange.peft import read_adapter, write_adapter
from mtkit.files.reading import read_json
from mtkit.files.whole import write_json
from mtkit.model.adapters import LowRankShape, adapt, adapter_tensors, add_adapters, merge_adapters
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.tokenizer import TokenizerConfig
from tests.oracles.test_logits import FAMILIES, SIZES, lively
from tests.tiny import LINES, tiny_config

transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

TARGETS = {
    "t5": ["q", "k", "v", "o", "wi_0", "wi_1", "wo"],
    "bart": ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"],
}


@pytest.fixture(params=["marian", "m2m100", "mbart", "t5 1.1"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, EncoderDecoder, Path]:
    """A model of transformers, the same here, and a bundle of it; its vocabulary is that of a tiny tokenizer."""
    name, config, settings, shape, matches = FAMILIES[request.param]
    tokenizer = train_tokenizer(LINES, LINES, TokenizerConfig(byte_fallback=False), 60, exact=False)
    size = tokenizer.tgt_vocab_size
    # The positions of M2M-100 begin after the number of its padding.
    pad_id = 1 if request.param == "m2m100" else tokenizer.pad_id
    settings = settings | {"vocab_size": size, "pad_token_id": pad_id, "decoder_start_token_id": 2}
    settings |= {"eos_token_id": 3, "bos_token_id": 2, "forced_eos_token_id": None}
    torch.manual_seed(2)
    theirs = lively(getattr(transformers, name)(getattr(transformers, config)(**settings)))
    ours = EncoderDecoder.for_tokenizer(ModelConfig.model_validate(SIZES | shape), tokenizer)
    tensors = converted(matches, theirs.state_dict())
    with torch.no_grad():
        for key, parameter in ours.named_parameters():
            parameter.copy_(tensors[key])
    recipe = tiny_config().model_copy(update={"model": ours.config})
    save_bundle(tmp_path / "base", model=ours, tokenizer=tokenizer, config=recipe, data_hashes={}, scores={})
    family = request.param.split()[0]
    manifest = read_json(tmp_path / "base" / "mtkit.json")
    origin = {"family": family, "layout": "huggingface", "source": "somebody/something"}
    write_json(tmp_path / "base" / "mtkit.json", {**manifest, "origin": origin})
    return theirs, ours.eval(), tmp_path


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    """Of one and the same batch, without padding, as theirs number it otherwise."""
    src, tgt_in = torch.tensor([[4, 9, 30, 7, 3]]), torch.tensor([[2, 8, 9, 11, 5, 20]])
    if isinstance(model, EncoderDecoder):
        return model.project(model(src, tgt_in))
    found: torch.Tensor = model(input_ids=src, attention_mask=torch.ones_like(src), decoder_input_ids=tgt_in).logits
    return found


def assert_equal(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


def test_peft_reads_our_adapters(pair: tuple[Any, EncoderDecoder, Path]) -> None:
    theirs, ours, directory = pair
    before = logits(ours)
    assert_equal(before, logits(theirs))
    shape = LowRankShape(3, 5.0)
    adapt(ours, shape, ["query", "value", "decoder.*.cross_attention.key", "output", "feed_forward"])
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if name.endswith(".up"):
                parameter.normal_(std=0.1)
    write_adapter(directory / "adapter", adapter_tensors(ours), shape, load_bundle(directory / "base"))
    adapted = peft.PeftModel.from_pretrained(theirs, directory / "adapter").eval()
    expected = logits(adapted)
    assert float((expected - before).abs().max()) > 0.5
    assert_equal(logits(ours), expected)
    merge_adapters(ours)
    assert_equal(logits(ours), expected)


@pytest.mark.parametrize("rslora", [False, True])
def test_we_read_the_adapters_of_peft(pair: tuple[Any, EncoderDecoder, Path], rslora: bool) -> None:
    theirs, ours, directory = pair
    before = logits(ours)
    targets = TARGETS["t5" if "T5" in type(theirs).__name__ else "bart"]
    config = peft.LoraConfig(
        task_type="SEQ_2_SEQ_LM", r=4, lora_alpha=6, target_modules=targets, use_rslora=rslora, init_lora_weights=False
    )
    adapted = peft.get_peft_model(theirs, config).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    adapted.save_pretrained(directory / "theirs")
    add_adapters(ours, read_adapter(directory / "theirs", load_bundle(directory / "base")))
    expected = logits(adapted)
    assert float((expected - before).abs().max()) > 0.5
    assert_equal(logits(ours), expected)
