"""What was imported is given back: files, tensors, and what transformers computes with them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.cli import app
from mtkit.exchange.huggingface_export import export_huggingface
from tests.oracles.foreign import MAKERS

transformers = pytest.importorskip("transformers")

NEEDS_LANGUAGES = {"marian", "marian-apart", "marian-lacking", "t5-v1.1", "mt5", "byt5"}


def imported(source: Path, output: Path, kind: str) -> Bundle:
    """The bundle that the command makes."""
    languages = ["-s", "en", "-t", "de"] if kind in NEEDS_LANGUAGES else []
    with pytest.raises(SystemExit) as ended:
        app(["import", str(source), "-o", str(output), *languages])
    assert ended.value.code == 0
    return load_bundle(output)


def assert_same_tensors(one: Path, other: Path) -> None:
    there, here = load_file(one), load_file(other)
    assert there.keys() == here.keys()
    for name, tensor in there.items():
        assert tensor.dtype == here[name].dtype, name
        assert torch.equal(tensor, here[name]), name


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_it_comes_back_byte_for_byte(tmp_path: Path, kind: str, dtype: torch.dtype) -> None:
    source = MAKERS[kind](tmp_path / "source")
    tensors = load_file(source / "model.safetensors")
    # one tensor of another type among them
    odd = min(tensors)
    save_file({name: t if name == odd else t.to(dtype) for name, t in tensors.items()}, source / "model.safetensors")
    (source / "README.md").write_text("their card\n")
    bundle = imported(source, tmp_path / "bundle", kind)
    export_huggingface(bundle, tmp_path / "out")
    assert_same_tensors(source / "model.safetensors", tmp_path / "out" / "model.safetensors")
    kept = {path.name for path in (bundle.directory / "origin").iterdir()} - {"unused.safetensors"}
    assert kept >= {"config.json", "README.md"}
    for path in (tmp_path / "out").iterdir():
        if path.name != "model.safetensors":
            assert path.read_bytes() == (source / path.name).read_bytes(), path.name
    assert kept == {path.name for path in (tmp_path / "out").iterdir()} - {"model.safetensors"}


@pytest.mark.parametrize("kind", MAKERS)
def test_transformers_loads_what_comes_back(tmp_path: Path, kind: str) -> None:
    source = MAKERS[kind](tmp_path / "source")
    export_huggingface(imported(source, tmp_path / "bundle", kind), tmp_path / "out")
    model, told = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    before: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(source)
    ids = torch.tensor([[5, 9, 20, 3, 7]])
    with torch.inference_mode():
        theirs = before.eval()(input_ids=ids, decoder_input_ids=ids).logits
        assert torch.equal(model.eval()(input_ids=ids, decoder_input_ids=ids).logits, theirs)
    assert not told["unexpected_keys"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert type(tokenizer) is type(transformers.AutoTokenizer.from_pretrained(source))
