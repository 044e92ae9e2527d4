import json
import shutil
from pathlib import Path

import ctranslate2
import pytest
import sentencepiece
import torch
from safetensors.torch import load_file

from mtkit.bundle.bundle import load_bundle
from mtkit.engines.conversion import Choice, default_quantization
from mtkit.engines.speed import Speeds
from mtkit.machine.processor import cpu_kind
from mtkit.translation.export import copy_conversion, export_ctranslate2, export_safetensors
from mtkit.translation.test_sets import HeldOut
from mtkit.translation.translator import Translator
from tests.tiny import LINES

_METRICS = {"bleu": "BLEU", "chrf": "chrF"}


@pytest.fixture
def directory(bundle_directory: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bundle_directory, tmp_path / "model", ignore=shutil.ignore_patterns("ctranslate2"))


@pytest.fixture
def held_out(directory: Path) -> HeldOut:
    """Text whose reference is what the model makes of it in float32, so that it loses nothing there."""
    translator = Translator.load(directory, engine="ctranslate2", precision="fp32", threads=1)
    shutil.rmtree(directory / "ctranslate2")
    return HeldOut("held out", LINES, [translation.text for translation in translator.translate(LINES)])


def test_the_loss_is_the_difference_between_two_scores(directory: Path, held_out: HeldOut) -> None:
    conversion = export_ctranslate2(load_bundle(directory), "int8", held_out, threads=1)
    note = json.loads((directory / "ctranslate2" / "int8" / "conversion.json").read_text())
    assert note["quality"] == json.loads(json.dumps(conversion.quality))
    quality = note["quality"]
    assert quality["float32_bleu"]["value"] == pytest.approx(100)
    assert quality["loss"] == pytest.approx(100 - quality["bleu"]["value"])
    assert "|tok:13a|" in quality["bleu"]["signature"]
    assert (quality["held_out"], quality["n_lines"], quality["beam_size"]) == ("held out", 4, 3)


def test_the_speed_of_both_precisions_is_noted_with_the_processor(directory: Path, held_out: HeldOut) -> None:
    bundle = load_bundle(directory)
    conversion = export_ctranslate2(bundle, "int8", held_out, threads=1)
    assert conversion.quality is not None
    speeds = Speeds.from_json(conversion.quality["speed"], ("float32", "int8"))
    assert speeds is not None
    assert (speeds.processor, speeds.threads, speeds.n_lines) == (cpu_kind(), 1, 4)
    assert list(speeds.lines_per_second) == [1, 3]


def test_where_int8_loses_much_float32_translates(directory: Path, held_out: HeldOut) -> None:
    bundle = load_bundle(directory)
    export_ctranslate2(bundle, "int8", held_out, threads=1)
    assert {path.name for path in (directory / "ctranslate2").iterdir()} == {"int8", "float32"}
    path = directory / "ctranslate2" / "int8" / "conversion.json"
    note = json.loads(path.read_text())
    note["quality"]["loss"] = 0.31  # what it loses with these weights depends on the processor
    path.write_text(json.dumps(note))
    assert default_quantization(bundle, 1) == Choice("float32", 0.31, metric=_METRICS[note["quality"]["metric"]])


def test_where_int8_loses_nothing_the_faster_translates(directory: Path) -> None:
    bundle = load_bundle(directory)
    # No translation shares a character with this reference: both precisions score 0 in whatever metric.
    reference = HeldOut("held out", LINES, ["中文"] * len(LINES))
    conversion = export_ctranslate2(bundle, "int8", reference, threads=1)
    assert conversion.quality is not None
    speeds = Speeds.from_json(conversion.quality["speed"], ("float32", "int8"))
    assert speeds is not None
    chosen = default_quantization(bundle, 1)
    assert (chosen.loss, chosen.speeds) == (0.0, speeds)
    assert chosen.quantization == speeds.choice("int8", "float32", 1)


def test_without_text_nothing_is_measured(directory: Path) -> None:
    assert export_ctranslate2(load_bundle(directory), "int8", None, threads=1).quality is None
    assert default_quantization(load_bundle(directory), 3) == Choice("float32")
    assert {path.name for path in (directory / "ctranslate2").iterdir()} == {"int8", "float32"}


@pytest.mark.parametrize("quantization", ["int16", "float16", "bfloat16", "float32"])
def test_other_quantisations_are_written_too(directory: Path, tmp_path: Path, quantization: str) -> None:
    bundle = load_bundle(directory)
    copy_conversion(export_ctranslate2(bundle, quantization, None, threads=1), bundle, tmp_path / "out")
    assert ctranslate2.contains_model(str(tmp_path / "out"))
    assert (tmp_path / "out" / "tokenizer.model").read_bytes() == (directory / "tokenizer.model").read_bytes()


def test_a_conversion_of_its_own_translates_without_mtkit(directory: Path, tmp_path: Path) -> None:
    bundle = load_bundle(directory)
    copy_conversion(export_ctranslate2(bundle, "float32", None, threads=1), bundle, tmp_path / "out")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "out" / "tokenizer.model"))
    library = ctranslate2.Translator(str(tmp_path / "out"), device="cpu", intra_threads=1)
    found = library.translate_batch(
        [processor.encode(LINES[0], out_type=str)], beam_size=3, max_decoding_length=9, min_decoding_length=0
    )
    ours = Translator.load(directory, engine="ctranslate2", precision="fp32", threads=1).translate([LINES[0]])[0]
    assert len(found[0].hypotheses[0]) <= 9
    assert found[0].hypotheses[0][:3] == ours.tokens[:3]


def test_safetensors_say_what_they_are(directory: Path, tmp_path: Path) -> None:
    export_safetensors(load_bundle(directory), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "model.safetensors",
        "config.json",
        "tokenizer.model",
    }
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["architecture"], config["d_model"], config["n_heads"]) == ("transformer", 16, 2)
    assert (config["pad_id"], config["unk_id"], config["bos_id"], config["eos_id"]) == (0, 1, 2, 3)
    assert config["layer_norm_epsilon"] == 1e-5
    tensors = load_file(tmp_path / "out" / "model.safetensors")
    assert torch.equal(tensors["output.weight"], load_file(directory / "model.safetensors")["output.weight"])
    assert len(tensors["output.weight"]) == config["tgt_vocab_size"]


def test_every_tensor_is_documented(directory: Path, tmp_path: Path) -> None:
    export_safetensors(load_bundle(directory), tmp_path / "out")
    documented = json.loads((tmp_path / "out" / "config.json").read_text())["tensors"]
    for name in load_file(tmp_path / "out" / "model.safetensors"):
        parts = name.split(".")
        if parts[0] in ("encoder", "decoder"):
            parts = ["SIDE", *parts[1:-1]]
            if "layers" in parts:
                parts[2] = "N"
            parts = ["ATTENTION" if part in ("self_attention", "cross_attention") else part for part in parts]
            parts = ["M" if part.isdigit() else part for part in parts]
        assert ".".join(parts) in documented, name
