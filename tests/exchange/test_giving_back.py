import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
import yaml
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.errors import CheckpointError, ConfigError
from mtkit.exchange.giving_back import layers_of
from mtkit.exchange.hub import Place
from mtkit.exchange.huggingface_export import export_huggingface
from mtkit.exchange.importing import import_model
from mtkit.exchange.languages import Direction
from mtkit.exchange.marian_file import CONFIG, MULTIPLIER, read_bin, read_npz, write_bin, write_npz
from mtkit.exchange.marian_names import marian_names
from mtkit.exchange.reading import read_model
from mtkit.files.reading import sha256_file
from mtkit.model.fitting import skeleton
from mtkit.settings.model import ModelConfig
from tests.exchange import made
from tests.exchange.grown import GREEK, grown
from tests.tiny import LINES

SHAPE = {"d_model": 16, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1, "norm": "post"}
SETTINGS = """type: transformer
dim-emb: 16
dim-vocabs: [{size}, {size}]
enc-depth: 1
dec-depth: 1
transformer-heads: 2
transformer-dim-ffn: 32
transformer-ffn-activation: relu
transformer-decoder-autoreg: rnn
dec-cell: ssru
transformer-postprocess: dan
tied-embeddings-all: true
"""


def student(directory: Path, *, int8: bool) -> Path:
    """A model as Marian stores it, in its own kind of file."""
    directory.mkdir()
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(LINES),
        model_writer=made,
        vocab_size=60,
        hard_vocab_limit=False,
        eos_id=0,
        unk_id=1,
        bos_id=-1,
        minloglevel=2,
    )
    (directory / "vocab.spm").write_bytes(made.getvalue())
    size = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue()).get_piece_size()
    config = ModelConfig.model_validate(
        {**SHAPE, "decoder_attention": "ssru", "output_bias": True, "sinusoids": "halves"}
    )
    shapes = skeleton(config, src_vocab_size=size + 1, tgt_vocab_size=size + 1, pad_id=size)
    sizes = {name: tuple(parameter.shape) for name, parameter in shapes.named_parameters()}
    torch.manual_seed(3)
    tensors = {
        name: torch.randn(match.shape_there(sizes[match.ours]))
        for match in marian_names(layers_of(config, (1, 1)))
        for name in match.theirs
    }
    settings = SETTINGS.format(size=size).encode() + b"\0"
    if not int8:
        write_npz(directory / "model.npz", tensors, settings)
        return directory
    matrices = [name for name, tensor in tensors.items() if min(tensor.shape) > 1]
    scales = {name + MULTIPLIER: torch.full((1, 1), 30.0) for name in matrices}
    write_bin(directory / "model.bin", tensors | scales, settings)
    return directory


def imported(source: Path, output: Path) -> Bundle:
    found = read_model(source)
    import_model(found, Place(source, "a student"), output, Direction("en", "xx", needed=False), None)
    return load_bundle(output)


def trained(bundle: Bundle, by: float = 0.01) -> Bundle:
    """The bundle as if it had been trained on: other numbers, and a recipe."""
    path = bundle.directory / "model.safetensors"
    tensors = load_file(path)
    tensors["encoder.layers.0.feed_forward.inner.weight"] += by
    save_file(tensors, path)
    manifest = json.loads((bundle.directory / "mtkit.json").read_text())
    manifest["config"] = {}
    manifest["files"]["model.safetensors"] = sha256_file(path)
    (bundle.directory / "mtkit.json").write_text(json.dumps(manifest))
    return load_bundle(bundle.directory)


def test_a_model_of_marians_comes_back(tmp_path: Path) -> None:
    source = student(tmp_path / "source", int8=False)
    told = export_huggingface(imported(source, tmp_path / "bundle"), tmp_path / "out")
    assert told == "Marian's .npz: model.npz"
    (before, settings), (after, settings_after) = (read_npz(each / "model.npz") for each in (source, tmp_path / "out"))
    assert settings == settings_after
    assert before.tensors.keys() == after.tensors.keys()
    assert all(before.read(name).equal(after.read(name)) for name in before.tensors)
    assert (tmp_path / "out" / "vocab.spm").read_bytes() == (source / "vocab.spm").read_bytes()
    with np.load(tmp_path / "out" / "model.npz") as arrays:
        assert arrays[CONFIG].dtype == np.int8


def test_int8_comes_back_in_int8(tmp_path: Path) -> None:
    source = student(tmp_path / "source", int8=True)
    told = export_huggingface(imported(source, tmp_path / "bundle"), tmp_path / "out")
    assert told.endswith("int8 matrices, as Firefox has it: model.bin")
    before, after = (read_bin(each / "model.bin")[0] for each in (source, tmp_path / "out"))
    assert before.tensors.keys() == after.tensors.keys()
    assert all(before.read(name).equal(after.read(name)) for name in before.tensors)
    assert (source / "model.bin").read_bytes() == (tmp_path / "out" / "model.bin").read_bytes()


def test_int8_does_not_round_away_what_was_trained(tmp_path: Path) -> None:
    """A change of a tenth of a step of int8 is there when the model is read again."""
    bundle = imported(student(tmp_path / "source", int8=True), tmp_path / "bundle")
    bundle = trained(bundle, by=1e-4)
    told = export_huggingface(bundle, tmp_path / "out")
    assert told == "Marian's .bin, float32 because int8 would round away what was trained: model.bin"
    again = imported(tmp_path / "out", tmp_path / "again")
    before, after = (load_file(each.directory / "model.safetensors") for each in (bundle, again))
    assert before.keys() == after.keys()
    assert all(before[name].equal(after[name]) for name in before)


def test_what_was_trained_is_there_and_the_rest_as_it_was(tmp_path: Path) -> None:
    source = student(tmp_path / "source", int8=False)
    (source / "README.md").write_text("their card")
    bundle = imported(source, tmp_path / "bundle")
    export_huggingface(bundle, tmp_path / "before")
    assert (tmp_path / "before" / "README.md").read_text() == "their card"
    export_huggingface(trained(bundle), tmp_path / "out", licence="mit")
    before, after = (read_npz(each / "model.npz")[0] for each in (source, tmp_path / "out"))
    different = [name for name in before.tensors if not before.read(name).equal(after.read(name))]
    assert different == ["encoder_l1_ffn_W1"]
    assert "Fine-tuned from a student with mtkit" in (tmp_path / "out" / "README.md").read_text()


def test_a_bundle_without_its_settings_is_damaged(tmp_path: Path) -> None:
    bundle = imported(student(tmp_path / "source", int8=False), tmp_path / "bundle")
    (bundle.directory / "origin" / "special.model.yml").unlink()
    with pytest.raises(CheckpointError, match=r"damaged: .*special\.model\.yml"):
        export_huggingface(bundle, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tags", [(), (">>deu<<", ">>nld<<")])
def test_pieces_that_were_added_go_back_where_pieces_are_looked_up(tmp_path: Path, tags: tuple[str, ...]) -> None:
    source = made.marian(tmp_path / "source", tags=tags)
    bundle = grown(imported(source, tmp_path / "bundle"), tag=bool(tags))
    export_huggingface(bundle, tmp_path / "out")
    again = imported(tmp_path / "out", tmp_path / "again")
    n = bundle.tokenizer.src_vocab_size
    before, after, config = (
        json.loads((tmp_path / name).read_text()) for name in ("source/vocab.json", "out/vocab.json", "out/config.json")
    )
    assert before.items() < after.items()
    assert len(before) < len(after) == n == config["vocab_size"]
    assert (">>ell<<" in after) == bool(tags)
    lines = [*LINES, *GREEK]
    assert again.tokenizer.encode_src(lines) == bundle.tokenizer.encode_src(lines)
    assert again.tokenizer.unk_id not in again.tokenizer.encode_src([GREEK[0]])[0]
    ours, theirs = (load_file(each.directory / "model.safetensors") for each in (bundle, again))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_projection_that_was_never_used_does_not_come_back_too_small(tmp_path: Path) -> None:
    source = made.marian(tmp_path / "source")
    tensors = load_file(source / "model.safetensors")
    save_file(
        tensors | {"lm_head.weight": torch.randn_like(tensors["model.shared.weight"])}, source / "model.safetensors"
    )
    bundle = imported(source, tmp_path / "bundle")
    export_huggingface(bundle, tmp_path / "before")
    assert "lm_head.weight" in load_file(tmp_path / "before" / "model.safetensors")
    export_huggingface(grown(bundle), tmp_path / "out")
    assert "lm_head.weight" not in load_file(tmp_path / "out" / "model.safetensors")


@pytest.mark.parametrize("maker", [made.m2m100, made.t5, made.opus])
def test_pieces_do_not_go_back_where_ids_follow_each_other(tmp_path: Path, maker: Callable[[Path], Path]) -> None:
    bundle = grown(imported(maker(tmp_path / "source"), tmp_path / "bundle"))
    with pytest.raises(ConfigError, match=r"its vocabulary has grown since it was imported, by tokenizer\.extend"):
        export_huggingface(bundle, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("has_file", [True, False])
def test_the_search_of_what_was_trained_goes_back(tmp_path: Path, has_file: bool) -> None:
    source, name = made.marian(tmp_path / "source", num_beams=6, max_length=33), "config.json"
    if has_file:
        name = "generation_config.json"
        (source / name).write_text(json.dumps({"num_beams": 6, "max_length": 33}))
    bundle = imported(source, tmp_path / "bundle")
    assert bundle.decoding.beam_size == 6
    export_huggingface(bundle, tmp_path / "before")
    assert (tmp_path / "before" / name).read_bytes() == (source / name).read_bytes()
    bundle = trained(bundle)
    decoding = bundle.decoding.model_copy(update={"beam_size": 3, "length_penalty": 0.4})
    export_huggingface(replace(bundle, decoding=decoding), tmp_path / "out")
    found = json.loads((tmp_path / "out" / name).read_text())
    assert (found["num_beams"], found["length_penalty"], found["max_length"]) == (3, 0.4, 33)
    assert (tmp_path / "out" / "generation_config.json").exists() == has_file
    again = imported(tmp_path / "out", tmp_path / "again")
    assert (again.decoding.beam_size, again.decoding.length_penalty) == (3, 0.4)


def test_a_student_that_learnt_other_languages_says_so_everywhere(tmp_path: Path) -> None:
    source = made.student(tmp_path / "source")
    info = {"modelName": "English-German tiny", "shortName": "en-de-tiny", "type": "tiny", "src": "English"}
    (source / "model_info.json").write_text(json.dumps({**info, "trg": "German"}))
    (source / "metadata.json").write_text("{}")
    (source / "lex.ende.s2t.bin").write_bytes(b"words")
    settings = source / "config.intgemm8bit.yml"
    settings.write_text(settings.read_text() + "gemm-precision: int8shift\nshortlist: [lex.ende.s2t.bin, false]\n")
    bundle = imported(source, tmp_path / "bundle")  # to xx
    export_huggingface(bundle, tmp_path / "untrained")
    assert settings.read_bytes() == (tmp_path / "untrained" / settings.name).read_bytes()
    assert (tmp_path / "untrained" / "lex.ende.s2t.bin").read_bytes() == b"words"
    told = export_huggingface(trained(bundle), tmp_path / "out")
    assert told.endswith(": model.enxx.bin")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"model.enxx.bin", "vocab.enxx.spm", settings.name, "model_info.json", "README.md"}
    written = yaml.safe_load((tmp_path / "out" / settings.name).read_text())
    assert (written["models"], written["vocabs"]) == (["model.enxx.bin"], ["vocab.enxx.spm"] * 2)
    assert not {"shortlist", "gemm-precision"} & written.keys()
    said = json.loads((tmp_path / "out" / "model_info.json").read_text())
    assert (said["modelName"], said["shortName"], said["trg"]) == ("English-xx tiny", "en-xx-tiny", "xx")
    again = imported(tmp_path / "out", tmp_path / "again")
    assert again.n_parameters() == bundle.n_parameters()
