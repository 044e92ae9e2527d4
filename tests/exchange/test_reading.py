"""Models of other programs as they are read: what they are in mtkit's terms, and what is refused."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.errors import CheckpointError, MtkitError, VocabularyError
from mtkit.exchange.found import Found
from mtkit.exchange.reading import read_model
from tests.exchange.made import bart_tensors, m2m100, marian, marian_settings, opus, spm, student, t5, write_json

MAKERS: dict[str, Callable[..., Path]] = {
    "marian": marian,
    "m2m100": m2m100,
    "t5": t5,
    "student": student,
    "opus": opus,
}


def changed(directory: Path, name: str, **changes: Any) -> None:
    """Change settings in a JSON file."""
    values = json.loads((directory / name).read_text(encoding="utf-8"))
    write_json(directory / name, values | changes)


def refusal(directory: Path) -> str:
    """The one line that a model is refused with."""
    with pytest.raises(MtkitError) as raised:
        read_model(directory)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_marian_is_read_from_the_layout_of_transformers(tmp_path: Path) -> None:
    found = read_model(marian(tmp_path / "opus"))
    special = found.pieces.vocabulary.special
    assert (found.family, found.layout, found.languages) == ("marian", "huggingface", ("en", "de"))
    assert found.model["norm"] == "post"
    assert found.model["activation"] == "silu"
    assert found.model["sinusoids"] == "halves"
    assert found.model["output_bias"]
    assert special.start == special.pad == found.pieces.src_size - 1
    assert (special.eos, special.unk, special.never) == (0, 1, (special.pad,))
    assert found.decoding == {"beam_size": 6}
    assert len(found.pieces.models) == 2


def test_tags_of_languages_are_found_in_the_vocabulary(tmp_path: Path) -> None:
    found = read_model(marian(tmp_path / "opus", tags=(">>deu<<", ">>nld<<")))
    languages = found.pieces.vocabulary.languages
    assert languages is not None
    assert languages.target == {"deu": [">>deu<<"], "nld": [">>nld<<"]}
    assert found.multilingual
    assert found.languages == ("en", None)


def test_an_output_projection_that_was_never_trained_is_not_read(tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    tensors = load_file(directory / "model.safetensors")
    save_file(
        tensors | {"lm_head.weight": torch.zeros_like(tensors["model.shared.weight"])}, directory / "model.safetensors"
    )
    found = read_model(directory)
    assert found.model["tie_embeddings"] == "all"
    assert found.unused == {"lm_head.weight"}
    assert found.aliases == {}


def test_an_output_projection_of_its_own_is_read(tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus", tie_word_embeddings=False)
    tensors = load_file(directory / "model.safetensors")
    save_file(
        tensors | {"lm_head.weight": torch.ones_like(tensors["model.shared.weight"])}, directory / "model.safetensors"
    )
    found = read_model(directory)
    assert found.model["tie_embeddings"] == "inputs"
    assert ("output.weight", ("lm_head.weight",)) in [(match.ours, match.theirs) for match in found.matches]


def test_names_that_repeat_the_embedding_are_aliases(tmp_path: Path) -> None:
    directory = m2m100(tmp_path / "m2m")
    tensors = load_file(directory / "model.safetensors")
    shared = tensors.pop("model.shared.weight")
    names = ("model.decoder.embed_tokens.weight", "lm_head.weight")
    save_file(tensors | {name: shared.clone() for name in names}, directory / "model.safetensors")
    found = read_model(directory)
    assert found.names == {"model.shared.weight": names[0]}
    assert found.aliases == {names[1]: names[0]}


def test_the_languages_of_m2m100_follow_its_pieces_in_the_order_of_the_list(tmp_path: Path) -> None:
    found = read_model(m2m100(tmp_path / "m2m", ("de", "en", "fr")))
    vocabulary = found.pieces.vocabulary
    first = vocabulary.src_ids["__de__"]
    assert [vocabulary.src[first + n] for n in range(3)] == ["__de__", "__en__", "__fr__"]
    assert first + 3 + 8 == found.pieces.src_size
    languages = vocabulary.language_ids
    assert languages is not None
    assert languages.source["en"] == languages.forced["en"] == (first + 1,)
    assert (vocabulary.special.start, vocabulary.special.eos, vocabulary.special.never) == (2, 2, (1, 0))
    assert found.model["sinusoids"] == "fairseq"


def test_t5_is_told_its_languages_in_words(tmp_path: Path) -> None:
    found = read_model(t5(tmp_path / "t5"))
    languages = found.pieces.vocabulary.languages
    assert languages is not None
    assert list(languages.source) == ["en"]
    assert list(languages.target) == ["fr"]
    assert found.languages == ("en", "fr")
    assert found.model["scale_output"]
    assert found.model["tie_embeddings"] == "all"
    assert found.decoding == {"beam_size": 4}


def test_t5_with_an_output_projection_of_its_own_does_not_scale(tmp_path: Path) -> None:
    directory = t5(tmp_path / "t5")
    tensors = load_file(directory / "model.safetensors")
    save_file(tensors | {"lm_head.weight": tensors["shared.weight"] + 1}, directory / "model.safetensors")
    found = read_model(directory)
    assert found.model["tie_embeddings"] == "inputs"
    assert not found.model["scale_output"]


def test_bytes_have_no_sentencepiece_model(tmp_path: Path) -> None:
    directory = t5(tmp_path / "t5", vocab_size=384, task_specific_params=None)
    (directory / "spiece.model").unlink()
    write_json(directory / "tokenizer_config.json", {"tokenizer_class": "ByT5Tokenizer"})
    tensors = load_file(directory / "model.safetensors")
    save_file(tensors | {"shared.weight": torch.randn(384, 8)}, directory / "model.safetensors")
    found = read_model(directory)
    assert found.pieces.models == ()
    assert found.pieces.vocabulary.kind == "bytes"
    assert found.pieces.vocabulary.src[3] == "<0x00>"


def test_a_student_is_read_from_its_bin(tmp_path: Path) -> None:
    found = read_model(student(tmp_path / "student"))
    special = found.pieces.vocabulary.special
    assert found.model["decoder_attention"] == "ssru"
    assert found.model["dropout"] == 0.0
    assert found.languages == ("en", "de")
    assert found.decoding == {"beam_size": 1, "length_penalty": 0.5, "max_length_ratio": 2.5}
    assert (special.eos, special.unk) == (0, 1)
    assert special.start == special.pad == found.pieces.src_size - 1
    assert special.never == (special.pad, special.unk)
    assert found.grown == (1, 1)


def test_marians_own_files_are_read_with_odd_pieces(tmp_path: Path) -> None:
    found = read_model(opus(tmp_path / "opus-en-de"))
    vocabulary = found.pieces.vocabulary
    assert {'say "a"', "back\\slash", ": 7", "no"} <= set(vocabulary.src)
    assert found.languages == ("en", "de")
    assert found.decoding == {"beam_size": 6, "length_penalty": 1.0}
    assert found.layout == "marian-npz"


@pytest.mark.parametrize("kind", MAKERS)
def test_each_tensor_has_one_place(kind: str, tmp_path: Path) -> None:
    found = read_model(MAKERS[kind](tmp_path / "model-en-de"))
    ours = [match.ours for match in found.matches]
    theirs = [name for match in found.matches for name in match.theirs]
    assert len(ours) == len(set(ours))
    assert len(theirs) == len(set(theirs))
    assert set(theirs) <= set(found.weights.tensors)
    assert set(found.weights.tensors) - set(theirs) == {*found.unused, *found.aliases}


# What is refused: one line that names the culprit.


def test_a_directory_that_is_no_model(tmp_path: Path) -> None:
    assert "holds no model" in refusal(tmp_path)


def test_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "mtkit.json").write_text("{}")
    assert "a model of mtkit's already" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["bart", "nllb-moe", "umt5", 7, None])
def test_another_family_is_named_with_the_known_ones(kind: Any, tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"model_type": kind})
    message = refusal(tmp_path)
    assert str(kind) in message or "lacks model_type" in message
    assert "NLLB-200" in message


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("marian", "source.spm"),
        ("marian", "target.spm"),
        ("marian", "vocab.json"),
        ("m2m100", "sentencepiece.bpe.model"),
        ("t5", "spiece.model"),
        ("student", "vocab.ende.spm"),
        ("opus", "opus.vocab.yml"),
        ("opus", "source.spm"),
    ],
)
def test_files_of_the_tokenizer_that_are_missing(kind: str, missing: str, tmp_path: Path) -> None:
    directory = MAKERS[kind](tmp_path / "model")
    (directory / missing).unlink()
    with pytest.raises(VocabularyError, match=r"missing"):
        read_model(directory)
    assert missing in refusal(directory)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("marian", "source.spm"),
        ("marian", "vocab.json"),
        ("marian", "config.json"),
        ("marian", "model.safetensors"),
        ("m2m100", "sentencepiece.bpe.model"),
        ("t5", "spiece.model"),
        ("student", "vocab.ende.spm"),
        ("student", "model.ende.intgemm.bin"),
        ("opus", "opus.vocab.yml"),
        ("opus", "opus.npz"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 40, b"{}"])
def test_files_that_are_something_else(kind: str, name: str, content: bytes, tmp_path: Path) -> None:
    directory = MAKERS[kind](tmp_path / "model")
    (directory / name).write_bytes(content)
    assert name in refusal(directory)


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [
        ("marian", "activation_function", "quick_gelu"),
        ("marian", "encoder_ffn_dim", 99),
        ("marian", "encoder_attention_heads", 4),
        ("marian", "normalize_before", True),
        ("marian", "normalize_embedding", True),
        ("marian", "d_model", "wide"),
        ("marian", "d_model", -8),
        ("marian", "vocab_size", 5),
        ("marian", "vocab_size", 10**12),
        ("t5", "vocab_size", 10**12),
        ("marian", "eos_token_id", 7),
        ("m2m100", "tokenizer_class", "SMALL100Tokenizer"),
        ("m2m100", "tie_word_embeddings", False),
        ("m2m100", "vocab_size", 999),
        ("t5", "feed_forward_proj", "gated-relu"),
        ("t5", "relative_attention_num_buckets", 64),
        ("t5", "layer_norm_epsilon", 1e-5),
        ("t5", "tokenizer_class", "PegasusTokenizer"),
    ],
)
def test_settings_that_cannot_be_expressed_are_named(kind: str, setting: str, value: Any, tmp_path: Path) -> None:
    directory = MAKERS[kind](tmp_path / "model")
    changed(directory, "config.json", **{setting: value})
    assert setting in refusal(directory)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("transformer_ffn_activation", "gelu"),
        ("transformer_decoder_autoreg", "average-attention"),
        ("transformer_postprocess", "a"),
        ("transformer_tied_layers", [1, 1]),
        ("transformer_train_position_embeddings", True),
        ("dec_cell", "gru"),
        ("lemma_dim_emb", 16),
        ("type", "s2s"),
        ("dim_vocabs", [3]),
    ],
)
def test_settings_of_marian_that_cannot_be_expressed_are_named(setting: str, value: Any, tmp_path: Path) -> None:
    message = refusal(student(tmp_path / "student", **{setting: value}))
    assert setting.replace("_", "-") in message


def test_the_legacy_order_of_nllb_is_refused(tmp_path: Path) -> None:
    directory = m2m100(tmp_path / "m2m")
    changed(directory, "tokenizer_config.json", legacy_behaviour=True)
    assert "legacy_behaviour true" in refusal(directory)


def test_mbart_25_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"model_type": "mbart", "tokenizer_class": "MBartTokenizer"})
    save_file(bart_tensors(9), tmp_path / "model.safetensors")
    assert "MBartTokenizer" in refusal(tmp_path)


def test_languages_without_ids_are_not_guessed(tmp_path: Path) -> None:
    directory = m2m100(tmp_path / "m2m")
    changed(directory, "special_tokens_map.json", additional_special_tokens=["__de__"])
    assert "vocab_size" in refusal(directory)


def test_two_ids_for_a_piece_are_refused(tmp_path: Path) -> None:
    directory = m2m100(tmp_path / "m2m")
    write_json(directory / "added_tokens.json", {"<s>": 5})
    assert "'<s>' is" in refusal(directory)


def test_a_part_of_the_weights_is_missing(tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    (directory / "model.safetensors").rename(directory / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    write_json(directory / "model.safetensors.index.json", {"weight_map": parts})
    message = refusal(directory)
    assert "model-00002-of-00002.safetensors: missing" in message


def test_parts_are_joined(tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    tensors = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names = sorted(tensors)
    places = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(names)}
    for file in set(places.values()):
        save_file({name: tensors[name] for name in names if places[name] == file}, directory / file)
    write_json(directory / "model.safetensors.index.json", {"weight_map": places})
    assert set(read_model(directory).weights.tensors) == set(names)


@pytest.mark.parametrize("outside", ["../other.safetensors", "/etc/passwd", 7])
def test_an_index_that_leads_elsewhere_is_refused(outside: Any, tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    (directory / "model.safetensors").unlink()
    write_json(directory / "model.safetensors.index.json", {"weight_map": {"a": outside}})
    assert "outside its directory" in refusal(directory)


class Trap:
    """Pickled, it runs a command when it is read."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.touched,)


def test_pickled_code_is_refused_and_never_run(tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    (directory / "model.safetensors").unlink()
    torch.save({"model.shared.weight": Trap(tmp_path / "touched")}, directory / "pytorch_model.bin")
    assert "could run code: refused" in refusal(directory)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_weights_of_torch_are_read(zipped: bool, tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    tensors = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    torch.save(tensors, directory / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    weights = read_model(directory).weights
    assert set(weights.tensors) == set(tensors)
    assert all(torch.equal(weights.read(name), tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("content", [{"model": {"a": torch.ones(1)}}, [torch.ones(1)], {"a": 1.0}])
def test_other_things_in_a_file_of_torch_are_refused(content: Any, tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    (directory / "model.safetensors").unlink()
    torch.save(content, directory / "pytorch_model.bin")
    assert "something else than named tensors" in refusal(directory)


def test_weights_of_tensorflow_alone_are_refused(tmp_path: Path) -> None:
    directory = marian(tmp_path / "opus")
    (directory / "model.safetensors").rename(directory / "tf_model.h5")
    assert "tf_model.h5" in refusal(directory)


def test_a_pickled_array_in_an_npz_is_refused(tmp_path: Path) -> None:
    directory = opus(tmp_path / "opus")
    np.savez(directory / "opus.npz", a=np.array([Trap(tmp_path / "touched")], dtype=object))
    assert "not a file of weights" in refusal(directory)
    assert not (tmp_path / "touched").exists()


def test_an_array_that_says_more_than_it_has_is_refused(tmp_path: Path) -> None:
    directory = opus(tmp_path / "opus")
    header = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    header += b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999, 999999), }".ljust(117) + b"\n"
    with zipfile.ZipFile(directory / "opus.npz", "w") as archive:
        archive.writestr("Wemb.npy", header)
    assert "fewer numbers than it says" in refusal(directory)


def test_two_models_in_a_directory_are_refused(tmp_path: Path) -> None:
    directory = opus(tmp_path / "opus")
    (directory / "decoder.yml").unlink()
    (directory / "other.npz").write_bytes((directory / "opus.npz").read_bytes())
    assert "has 2 models" in refusal(directory)


def test_vocabularies_of_two_lengths_get_one_number_for_padding(tmp_path: Path) -> None:
    directory = student(tmp_path / "student")
    larger = len(spm(directory / "trgvocab.ende.spm", 45, eos_id=0, unk_id=1, bos_id=-1))
    smaller = len(spm(directory / "srcvocab.ende.spm", 38, eos_id=0, unk_id=1, bos_id=-1))
    assert smaller < larger
    (directory / "config.intgemm8bit.yml").write_text("vocabs: [srcvocab.ende.spm, trgvocab.ende.spm]\n")
    from mtkit.exchange.marian_file import read_bin, write_bin

    path = directory / "model.ende.intgemm.bin"
    weights, _ = read_bin(path)
    tensors = {
        name: weights.read(name) for name in weights.tensors if not name.startswith(("Wemb", "decoder_ff_logit"))
    }
    tensors |= {"encoder_Wemb": torch.randn(smaller, 8), "decoder_Wemb": torch.randn(larger, 8)}
    settings = marian_settings(
        smaller, recurrent=True, tied_embeddings=True, tied_embeddings_all=False, dim_vocabs=[smaller, larger]
    )
    write_bin(path, tensors, settings)
    found = read_model(directory)
    assert found.grown == (larger + 1 - smaller, 1)
    assert found.pieces.src_size == found.pieces.tgt_size == larger + 1
    assert found.pieces.vocabulary.special.pad == larger
    assert found.model["tie_embeddings"] == "decoder"
    assert isinstance(found, Found)


def test_what_is_refused_is_an_error_of_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as raised:
        read_model(tmp_path)
    assert raised.value.exit_code == 1
