"""What becomes of a model: a bundle that computes the same and gives all back; nothing where something is amiss."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.cli import app
from mtkit.errors import CheckpointError, ConfigError, DataError, MtkitError
from mtkit.exchange.giving_back import give_back, original_tensors
from mtkit.exchange.hub import Place
from mtkit.exchange.importing import import_model
from mtkit.exchange.languages import Direction, choose_direction
from mtkit.exchange.marian_file import read_bin, read_npz
from mtkit.exchange.origin import Origin
from mtkit.exchange.reading import read_model
from mtkit.files.reading import sha256_file
from mtkit.forced.aligner import usual_choice
from mtkit.translation.test_sets import held_out_sets
from mtkit.translation.translator import Translator
from tests.exchange.made import bart_tensors, m2m100, marian, opus, student, t5
from tests.exchange.test_reading import MAKERS, changed


def run(*arguments: object) -> int:
    """The exit code of ``mtkit import``."""
    with pytest.raises(SystemExit) as ended:
        app(["import", *map(str, arguments)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def imported(directory: Path, output: Path, *options: str) -> Bundle:
    assert run(directory, "-o", output, *options) == 0
    return load_bundle(output)


def origin_of(bundle: Bundle) -> Origin:
    found = Origin.of(bundle.metadata, bundle.directory)
    assert found is not None
    return found


def refusal(directory: Path, output: Path) -> str:
    """The one line that is said instead of a bundle, of which nothing is left."""
    with pytest.raises(MtkitError) as raised:
        app(["import", str(directory), "-o", str(output)])
    assert not output.exists()
    assert [path for path in output.parent.iterdir() if path.name.startswith(".")] == []
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_tensor_comes_back_byte_for_byte(kind: str, tmp_path: Path) -> None:
    source = MAKERS[kind](tmp_path / "model-en-de")
    bundle = imported(source, tmp_path / "bundle")
    weights = read_model(source).weights
    back = original_tensors(bundle, origin_of(bundle))
    assert back.keys() == weights.tensors.keys()
    for name, tensor in back.items():
        before = weights.read(name)
        assert (tensor.dtype, tensor.shape) == (before.dtype, before.shape)
        assert torch.equal(tensor, before)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_file_is_kept_and_hashed(kind: str, tmp_path: Path) -> None:
    source = MAKERS[kind](tmp_path / "model-en-de")
    (source / "README.md").write_text("---\nlicense: cc-by-4.0\n---\nA model.\n")
    bundle = imported(source, tmp_path / "bundle")
    kept = {path.name: path for path in (bundle.directory / "origin").iterdir()}
    files = {path.name for path in source.iterdir() if path.suffix not in (".safetensors", ".bin", ".npz")}
    assert files <= kept.keys()
    assert all(kept[name].read_bytes() == (source / name).read_bytes() for name in files)
    noted = bundle.metadata["files"]
    assert all(noted[f"origin/{name}"] == sha256_file(path) for name, path in kept.items())


def test_a_kept_file_that_was_changed_is_found(tmp_path: Path) -> None:
    bundle = imported(marian(tmp_path / "opus"), tmp_path / "bundle")
    (bundle.directory / "origin" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="damaged"):
        load_bundle(tmp_path / "bundle")


def test_half_precision_is_kept(tmp_path: Path) -> None:
    source = m2m100(tmp_path / "m2m")
    tensors = {name: tensor.half() for name, tensor in load_file(source / "model.safetensors").items()}
    tensors["model.encoder.layer_norm.weight"] = tensors["model.encoder.layer_norm.weight"].float() / 3
    save_file(tensors, source / "model.safetensors")
    bundle = imported(source, tmp_path / "bundle")
    origin = origin_of(bundle)
    assert (origin.dtype, origin.dtypes) == ("float16", {"model.encoder.layer_norm.weight": "float32"})
    assert (bundle.directory / "model.safetensors").stat().st_size < 2.3 * sum(
        map(torch.numel, tensors.values())
    ) + 9000
    back = original_tensors(bundle, origin)
    assert all(torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype for name, tensor in tensors.items())
    assert bundle.build_model().output_weight.dtype == torch.float32


@pytest.mark.parametrize(("make", "read"), [(student, read_bin), (opus, read_npz)])
def test_marians_files_are_given_back(make: Callable[..., Path], read: Callable[..., object], tmp_path: Path) -> None:
    source = make(tmp_path / "model-en-de")
    bundle = imported(source, tmp_path / "bundle")
    (tmp_path / "back").mkdir()
    give_back(bundle, origin_of(bundle), tmp_path / "back")
    assert {path.name for path in source.iterdir()} == {path.name for path in (tmp_path / "back").iterdir()}
    (before, settings), (after, again) = (read_model_file(path, read) for path in (source, tmp_path / "back"))
    assert settings == again
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    imported(tmp_path / "back", tmp_path / "again", "-s", "en", "-t", "de")


def read_model_file(directory: Path, read: Callable[..., object]) -> tuple[dict[str, torch.Tensor], bytes]:
    path = next(path for path in directory.iterdir() if path.suffix in (".bin", ".npz"))
    weights, settings = (read_bin if read is read_bin else read_npz)(path)
    return {name: weights.read(name) for name in weights.tensors}, settings


def test_the_zero_vector_of_marian_is_the_start(tmp_path: Path) -> None:
    bundle = imported(student(tmp_path / "student"), tmp_path / "bundle")
    model, special = bundle.build_model(), bundle.tokenizer.special
    assert special.start == special.pad
    assert not model.tgt_embedding.tokens.weight[special.start].any()


@pytest.mark.parametrize("kind", MAKERS)
def test_an_imported_model_translates_sentence_by_sentence(kind: str, tmp_path: Path) -> None:
    options = ["-s", "en", "-t", "fr"] if kind == "m2m100" else []
    bundle = imported(MAKERS[kind](tmp_path / "model-en-de"), tmp_path / "bundle", *options)
    assert bundle.decoding.split == "sentences"
    texts = ["The cat sat on the mat. Do birds sing?", ""]
    translations = list(Translator.load(bundle, engine="torch", device="cpu").translate(texts))
    assert len(translations) == 2


def test_what_is_told_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = marian(tmp_path / "opus", tags=(">>deu<<", ">>nld<<"))
    (source / "README.md").write_text("---\nlicense: cc-by-nc-4.0\nlanguage: [no]\n---\n")
    bundle = imported(source, tmp_path / "bundle", "-t", "Dutch")
    told = capsys.readouterr().out
    assert "Marian" in told
    assert "cc-by-nc-4.0 (not for commercial use" in told
    assert "en to deu, nld; by default en to nld" in told
    assert f"{bundle.n_parameters():,} parameters" in told
    assert not bundle.metadata["languages_needed"]


@pytest.mark.parametrize(
    ("files", "option", "expected"),
    [
        ({}, [], None),
        ({"README.md": "---\nlicense: [apache-2.0]\n---\n"}, [], "apache-2.0"),
        ({"README.md": "---\nlicense: other\nlicense_name: our-own\n---\n"}, [], "our-own"),
        ({"README.md": "no front matter, license: mit"}, [], None),
        ({"README.md": "---\nlicense: [: broken\n---\n"}, [], None),
        ({"LICENSE": "  Apache License\n Version 2.0"}, [], "apache-2.0"),
        ({"LICENSE": "Creative Commons Attribution-NonCommercial 4.0 International"}, [], "cc-by-nc-4.0"),
        ({"LICENSE": "MIT License"}, ["--licence", "proprietary"], "proprietary"),
    ],
)
def test_the_licence_is_found(files: dict[str, str], option: list[str], expected: str | None, tmp_path: Path) -> None:
    source = student(tmp_path / "student")
    for name, text in files.items():
        (source / name).write_text(text)
    assert origin_of(imported(source, tmp_path / "bundle", *option)).licence == expected


def test_an_unknown_licence_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(student(tmp_path / "student"), tmp_path / "bundle")
    assert "licence    unknown" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["de", "deu", "German", "de_DE", "__de__", "deu_Latn"])
def test_languages_have_many_names(name: str, tmp_path: Path) -> None:
    found = read_model(m2m100(tmp_path / "m2m"))
    assert choose_direction(found, name, "french") == Direction("de", "fr")


def test_an_unknown_language_lists_the_known_ones(tmp_path: Path) -> None:
    found = read_model(m2m100(tmp_path / "m2m"))
    with pytest.raises(ConfigError, match=r"--tgt-lang sw.*it knows de, en, fr"):
        choose_direction(found, "de", "sw")


def test_without_languages_a_model_of_many_asks_for_them(tmp_path: Path) -> None:
    bundle = imported(m2m100(tmp_path / "m2m"), tmp_path / "bundle")
    assert bundle.metadata["languages_needed"]
    with pytest.raises(ConfigError, match="--src-lang"):
        Translator.load(bundle, engine="torch")


def test_languages_that_no_file_names_must_be_given(tmp_path: Path) -> None:
    source = t5(tmp_path / "t5", task_specific_params=None)
    assert "-s CODE -t CODE" in refusal(source, tmp_path / "bundle")
    bundle = imported(source, tmp_path / "bundle", "-s", "English", "-t", "cs")
    assert (bundle.src_lang, bundle.tgt_lang) == ("en", "cs")


# What is refused: one line, and no bundle.


def test_a_tensor_of_another_shape(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    changed(source, "config.json", encoder_ffn_dim=14, decoder_ffn_dim=14)
    message = refusal(source, tmp_path / "bundle")
    assert "model.encoder.layers.0.fc1" in message
    assert "(12, 8)" in message
    assert "(14, 8)" in message


def test_a_tensor_that_is_missing(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    changed(source, "config.json", decoder_layers=2)
    assert "lacks model.decoder.layers.1" in refusal(source, tmp_path / "bundle")


def test_a_tensor_that_nothing_computes_with(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    save_file(load_file(source / "model.safetensors") | {"model.extra": torch.ones(2)}, source / "model.safetensors")
    assert "has model.extra, which mtkit does not compute with" in refusal(source, tmp_path / "bundle")


def test_sizes_that_no_model_has(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    changed(source, "config.json", d_model=8, encoder_attention_heads=3, decoder_attention_heads=3)
    assert "n_heads" in refusal(source, tmp_path / "bundle")
    for n in (0, 1_001, 10**12):  # a table of so many names would take all time and memory
        changed(source, "config.json", encoder_layers=n)
        assert f"encoder_layers {n}: must be 1 to 1,000" in refusal(source, tmp_path / "bundle")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite(number: float, tmp_path: Path) -> None:
    source = m2m100(tmp_path / "m2m")
    tensors = load_file(source / "model.safetensors")
    tensors["model.decoder.layers.0.fc2.bias"][3] = number
    save_file(tensors, source / "model.safetensors")
    message = refusal(source, tmp_path / "bundle")
    assert "model.decoder.layers.0.fc2.bias holds numbers that are not finite" in message


def test_numbers_of_another_type(tmp_path: Path) -> None:
    source = m2m100(tmp_path / "m2m")
    tensors = load_file(source / "model.safetensors")
    tensors["model.decoder.layers.0.fc2.bias"] = torch.ones(8, dtype=torch.int64)
    save_file(tensors, source / "model.safetensors")
    assert "is of type I64" in refusal(source, tmp_path / "bundle")


def test_an_output_that_is_there(tmp_path: Path) -> None:
    source = student(tmp_path / "student")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "mine.txt").write_text("mine")
    for options in ([], ["--overwrite"]):
        with pytest.raises(ConfigError, match="exists"):
            app(["import", str(source), "-o", str(tmp_path / "bundle"), *options])
    assert (tmp_path / "bundle" / "mine.txt").read_text() == "mine"
    shutil.rmtree(tmp_path / "bundle")
    imported(source, tmp_path / "bundle")
    with pytest.raises(ConfigError, match="--overwrite"):
        app(["import", str(source), "-o", str(tmp_path / "bundle")])
    assert run(source, "-o", tmp_path / "bundle", "--overwrite") == 0


def test_a_disk_without_room_is_found_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50_000_000))
    message = refusal(student(tmp_path / "student"), tmp_path / "bundle")
    assert "not enough disk" in message
    assert "50.0 MB are free" in message


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path) -> None:
    source = marian(tmp_path / "opus")
    script = "import sys; from mtkit.__main__ import main; main()"
    outcome = subprocess.run(
        [sys.executable, "-c", script, "import", str(source), "-o", str(tmp_path / "bundle")],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert outcome.returncode == 1, outcome.stderr
    assert "cannot write" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "bundle").exists()


def test_what_was_imported_is_no_other_model(tmp_path: Path) -> None:
    # a table of names that does not fit the model's own is a mistake of the program, not of the files
    source = m2m100(tmp_path / "m2m")
    found = read_model(source)
    assert set(bart_tensors(found.pieces.src_size, final_norm=True)) == set(found.weights.tensors)
    import_model(found, Place(source, "m2m"), tmp_path / "bundle", Direction("de", "en"), None)
    assert json.loads((tmp_path / "bundle" / "mtkit.json").read_text())["origin"]["family"] == "m2m100"


def test_errors_of_files_exit_with_1() -> None:
    assert DataError("").exit_code == CheckpointError("").exit_code == 1


def test_describe_shows_where_a_model_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = imported(student(tmp_path / "student"), tmp_path / "bundle", "--licence", "cc-by-nc-sa-4.0")
    capsys.readouterr()
    for options in ([], ["--json"]):
        with pytest.raises(SystemExit):
            app(["describe", "-m", str(bundle.path), *options])
    table, _, plain = capsys.readouterr().out.rstrip().rpartition("\n")
    assert "imported from" in table
    assert "student" in table
    assert "Marian (.bin, as in Firefox, int8)" in table
    assert "cc-by-nc-sa-4.0 (not for commercial use" in table
    assert json.loads(plain)["origin"]["languages"] == "en to de"


def test_an_imported_model_has_no_test_sets_of_its_own(tmp_path: Path) -> None:
    bundle = imported(marian(tmp_path / "source"), tmp_path / "bundle")
    with pytest.raises(DataError, match=r"bundle: the model does not say what corpus .* name a test set with -i FILE"):
        held_out_sets(bundle)


def test_a_student_aligns_by_the_layer_that_it_was_taught_in(tmp_path: Path) -> None:
    bundle = imported(student(tmp_path / "source", **{"dec-depth": 1}), tmp_path / "bundle", "-s", "en", "-t", "de")
    assert origin_of(bundle).alignment_layer == 1
    manifest = json.loads((bundle.directory / "mtkit.json").read_text())
    for layer in (1, 3):
        manifest["origin"]["alignment_layer"] = layer
        (bundle.directory / "mtkit.json").write_text(json.dumps(manifest))
        assert usual_choice(bundle.directory, bundle.build_model()).layer == layer


def test_languages_against_the_files_are_refused(tmp_path: Path) -> None:
    source = student(tmp_path / "source")  # its files are called *.ende.*
    with pytest.raises(ConfigError, match="-s de -t en: its files say that it translates en to de"):
        choose_direction(read_model(source), "de", "en")
    assert choose_direction(read_model(source), "en", "de").tgt == "de"
    with pytest.raises(ConfigError, match="--src-lang xx: xx is not a language code"):
        choose_direction(read_model(source), "xx", None)
