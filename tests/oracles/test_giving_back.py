"""What was imported is given back: files, tensors, and what transformers computes with them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.cli import app
from mtkit.exchange.huggingface_export import export_huggingface
from tests.exchange.grown import GREEK, grown
from tests.oracles.foreign import MAKERS, odd_lines

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


@pytest.mark.parametrize("kind", ["marian", "marian-apart", "marian-tags"])
def test_what_has_grown_is_the_same_model_there(tmp_path: Path, kind: str) -> None:
    bundle = grown(imported(MAKERS[kind](tmp_path / "source"), tmp_path / "bundle", kind), tag=kind == "marian-tags")
    export_huggingface(bundle, tmp_path / "out")
    model, told = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(told.values())
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    lines = [*odd_lines()[:50], *GREEK]
    assert [ids[:-1] for ids in tokenizer(lines).input_ids] == bundle.tokenizer.encode_src(lines)
    assert [ids[:-1] for ids in tokenizer(text_target=lines).input_ids] == bundle.tokenizer.encode_tgt(lines)
    if kind == "marian-tags":
        (tag,) = bundle.tokenizer.tag_ids([">>ell<<"])
        assert tokenizer(">>ell<< A boy.").input_ids[0] == tag
    src, tgt = bundle.tokenizer.src_vocab_size, bundle.tokenizer.tgt_vocab_size
    ids, tgt_ids = (torch.tensor([[5, 9, size - 1, 3, size - 5]]) for size in (src, tgt))
    ours = bundle.build_model()
    with torch.inference_mode():
        theirs = model.eval()(input_ids=ids, decoder_input_ids=tgt_ids).logits
        found = ours.project(ours(ids, tgt_ids, torch.zeros_like(ids, dtype=torch.bool)))
    assert theirs.shape == found.shape
    assert (theirs - found).abs().max() < 1e-5 * theirs.abs().max()
