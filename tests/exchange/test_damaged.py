"""Models that are damaged, or not what they say: one line that names the culprit, and no bundle."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import load_bundle
from mtkit.cli import app
from mtkit.errors import CheckpointError, ConfigError
from tests.exchange.made import m2m100, marian, opus, spm, student, t5, write_json
from tests.exchange.test_importing import imported, refusal
from tests.exchange.test_reading import Trap, changed


@pytest.mark.parametrize("kind", [["x"], {"a": 1}, True, 7])
def test_a_kind_that_is_no_text_is_not_known(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    write_json(tmp_path / "model" / "config.json", {"model_type": kind})
    assert "config.json: model_type" in refusal(tmp_path / "model", tmp_path / "bundle")


@pytest.mark.parametrize("ties", [True, False])
def test_embeddings_of_each_side_that_are_missing(ties: bool, tmp_path: Path) -> None:
    source = marian(tmp_path / "opus", share_encoder_decoder_embeddings=False, tie_word_embeddings=ties)
    (source / "target_vocab.json").write_bytes((source / "vocab.json").read_bytes())
    assert "lacks model.decoder.embed_tokens.weight" in refusal(source, tmp_path / "bundle")


@pytest.mark.parametrize("step", [[1], 7, "Strip", {"type": "Sequence"}, {"type": "Sequence", "normalizers": [1]}])
def test_steps_of_a_tokenizer_that_are_no_steps(step: Any, tmp_path: Path) -> None:
    source = m2m100(tmp_path / "m2m")
    (source / "vocab.json").unlink()
    (source / "sentencepiece.bpe.model").unlink()
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "a"]
    model = {"type": "Unigram", "vocab": [[piece, 0.0] for piece in pieces]}
    write_json(source / "tokenizer.json", {"model": model, "normalizer": step})
    assert "tokenizer.json: damaged: not a tokenizer that can be read" in refusal(source, tmp_path / "bundle")


def test_numbers_that_float32_does_not_hold(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    tensors = {name: tensor.double() for name, tensor in load_file(source / "model.safetensors").items()}
    tensors["model.decoder.layers.0.fc2.bias"][3] = 1e300
    save_file(tensors, source / "model.safetensors")
    message = refusal(source, tmp_path / "bundle")
    assert "model.decoder.layers.0.fc2.bias holds numbers that are too large for float32" in message


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (marian, "model.safetensors"),
        (marian, "source.spm"),
        (marian, "vocab.json"),
        (student, "model.ende.intgemm.bin"),
        (student, "vocab.ende.spm"),
        (opus, "opus.npz"),
        (opus, "opus.vocab.yml"),
    ],
)
def test_pointers_of_git_lfs(make: Callable[[Path], Path], name: str, tmp_path: Path) -> None:
    source = make(tmp_path / "model")
    (source / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    message = refusal(source, tmp_path / "bundle")
    assert f"{name}: a pointer of Git LFS, not the file: run git lfs pull" in message


def test_a_pointer_of_git_lfs_as_weights_of_torch(tmp_path: Path) -> None:
    source = marian(tmp_path / "model")
    (source / "model.safetensors").unlink()
    (source / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\nsize 1\n")
    assert "pytorch_model.bin: a pointer of Git LFS" in refusal(source, tmp_path / "bundle")


def test_numbers_of_eight_bits(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    tensors = load_file(source / "model.safetensors")
    tensors["model.decoder.layers.0.fc2.bias"] = tensors["model.decoder.layers.0.fc2.bias"].to(torch.float8_e4m3fn)
    save_file(tensors, source / "model.safetensors")
    message = refusal(source, tmp_path / "bundle")
    assert "model.decoder.layers.0.fc2.bias is of type 'F8_E4M3', which mtkit does not read" in message


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.filterwarnings("error")
def test_code_in_pickles_of_each_protocol(protocol: int, zipped: bool, tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    (source / "model.safetensors").unlink()
    torch.save(
        {"model.shared.weight": Trap(tmp_path / "touched")},
        source / "pytorch_model.bin",
        pickle_protocol=protocol,
        _use_new_zipfile_serialization=zipped,
    )
    assert "could run code" in refusal(source, tmp_path / "bundle")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("name", ["a\nb" + "c" * 3000, "\x1b[2J"])
def test_names_are_shown_in_one_short_line(name: str, tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    save_file(load_file(source / "model.safetensors") | {name: torch.ones(2)}, source / "model.safetensors")
    message = refusal(source, tmp_path / "bundle")
    assert "which mtkit does not compute with" in message
    assert message.isprintable()
    assert len(message) < len(str(tmp_path)) + 200


def test_an_index_that_names_no_files(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    (source / "model.safetensors").unlink()
    write_json(source / "model.safetensors.index.json", {"weight_map": {}})
    assert "model.safetensors.index.json: damaged: it names no files" in refusal(source, tmp_path / "bundle")


def test_positions_without_room_for_a_sentence(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    for n in (1, 3):
        changed(source, "config.json", max_position_embeddings=n)
        assert f"give it {n} positions, but a sentence needs 4 at least" in refusal(source, tmp_path / "bundle")
    changed(source, "config.json", max_position_embeddings=4)
    assert imported(source, tmp_path / "bundle").max_src_tokens == 3


@pytest.mark.parametrize("make", [marian, m2m100, t5])
def test_an_id_beyond_the_vocabulary(make: Callable[[Path], Path], tmp_path: Path) -> None:
    source = make(tmp_path / "model")
    changed(source, "config.json", decoder_start_token_id=99_999)
    message = refusal(source, tmp_path / "bundle")
    assert "config.json: decoder_start_token_id 99999: ids go from 0 to " in message


def test_settings_that_do_not_fit_each_other_are_said_in_plain_words(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    changed(source, "config.json", encoder_attention_heads=3, decoder_attention_heads=3)
    message = refusal(source, tmp_path / "bundle")
    assert "mtkit cannot express it: model.n_heads: " in message
    assert "Value error" not in message


def test_a_text_of_two_lines_is_shown_in_one(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus", activation_function="a\nb")
    assert r"activation_function 'a\nb'" in refusal(source, tmp_path / "bundle")


def test_a_vocabulary_with_padding_of_its_own(tmp_path: Path) -> None:
    source = student(tmp_path / "model-en-de")
    pieces = spm(source / "vocab.ende.spm", 41, eos_id=0, unk_id=1, bos_id=-1, user_defined_symbols=["<pad>"])
    bundle = imported(source, tmp_path / "bundle")
    special = bundle.tokenizer.special
    assert "<pad>" in pieces
    assert special.pad == special.start == len(pieces)
    assert not bundle.build_model().tgt_embedding.tokens.weight[special.start].any()


def test_what_cannot_be_meant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = marian(tmp_path / "opus")
    monkeypatch.chdir(source)
    output = str(tmp_path / "bundle")
    for arguments, message in (
        (["", "-o", output], "SOURCE is empty"),
        ([str(source), "-o", output, "--licence", " "], "--licence is empty"),
        ([str(source), "-o", str(source / "bundle")], "lies in the model that is imported"),
        ([".", "-o", "bundle"], "lies in the model that is imported"),
        ([str(source), "-o", str(source), "--overwrite"], "lies in the model that is imported"),
    ):
        with pytest.raises(ConfigError, match=message):
            app(["import", *arguments])


@pytest.mark.parametrize("make", [marian, student, opus])
def test_a_model_of_another_program_is_imported_first(make: Callable[[Path], Path], tmp_path: Path) -> None:
    source = make(tmp_path / "model")
    message = f"{source}: a model of another program: import it first: mtkit import {source} -o MODEL"
    with pytest.raises(CheckpointError, match=re.escape(message)):
        load_bundle(source)


def test_a_name_on_the_hub_is_imported_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "Helsinki-NLP/opus-mt-en-de"
    with pytest.raises(CheckpointError, match=f"no such model; .*is imported first: mtkit import {name} -o MODEL"):
        load_bundle(Path(name))
