import json
import logging
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mtkit.bundle.bundle import load_bundle
from mtkit.cli.export import export
from mtkit.errors import CheckpointError, ConfigError, DataError, MtkitError
from mtkit.log import logger
from tests.tiny import LINES, save_tiny_bundle


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture
def bundle(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle to export, in an otherwise empty working directory that has some text."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logger, "propagate", True)
    for name in ("text", "reference"):
        Path(name).write_text("".join(f"{line}\n" for line in LINES))
    return shutil.copytree(original, tmp_path / "model")


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(export)
    return CliRunner().invoke(app, [*map(str, arguments), "--threads", "1"])


def refused(*arguments: object) -> MtkitError:
    result = run(*arguments)
    assert isinstance(result.exception, MtkitError), result.output
    assert result.stdout == ""
    return result.exception


def test_what_was_lost_is_shown_and_noted(bundle: Path) -> None:
    result = run(bundle, "--to", "ctranslate2", "--quantization", "int8", "-i", "text", "--ref", "reference")
    quality = json.loads((bundle / "ctranslate2" / "int8" / "conversion.json").read_text())["quality"]
    lower, float32 = quality["chrf"]["value"], quality["float32_chrf"]["value"]  # BLEU says nothing of so few words
    place = f"exported to {bundle}/ctranslate2/int8 (int8)"
    assert result.stdout == f"{place}: chrF {lower:.2f}, in float32 {float32:.2f}, on 4 lines of text\n"


def test_without_its_corpus_a_model_is_exported_unmeasured(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    result = run(bundle, "--to", "ctranslate2")
    assert result.stdout == f"exported to {bundle}/ctranslate2/int8 (int8)\n"
    (warning,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert warning.startswith("not measured: prepared/tiny: the model's corpus is not there")
    assert warning.endswith("-i FILE --ref FILE")
    caplog.clear()
    run(bundle, "--to", "ctranslate2", "--no-measure")
    assert "not measured" not in caplog.text


def test_a_directory_of_its_own(bundle: Path) -> None:
    assert run(bundle, "--to", "ctranslate2", "--no-measure", "-o", "out").stdout == "exported to out (int8)\n"
    assert {"model.bin", "config.json", "tokenizer.model"} < {path.name for path in Path("out").iterdir()}
    assert run(bundle, "--to", "safetensors", "-o", "plain").stdout == "exported to plain\n"
    assert (Path("plain") / "model.safetensors").read_bytes() == (bundle / "model.safetensors").read_bytes()
    written = json.loads((Path("plain") / "config.json").read_text())
    assert written["d_ff"] == load_bundle(bundle).model.d_ff
    assert not {"rnn_cell", "window", "dropout", "preset"} & written.keys()  # idle, or of training alone


def test_nothing_is_overwritten_unasked(bundle: Path) -> None:
    Path("out").mkdir()
    error = refused(bundle, "--to", "safetensors", "-o", "out")
    assert isinstance(error, ConfigError)
    assert str(error) == "out: exists; choose another -o, or --overwrite"
    assert run(bundle, "--to", "safetensors", "-o", "out", "--overwrite").exit_code == 0


def test_mistakes_are_one_line(bundle: Path) -> None:
    assert "where to? name a directory with -o DIR" in str(refused(bundle, "--to", "safetensors"))
    assert "-i and --ref go together" in str(refused(bundle, "--to", "ctranslate2", "-i", "text"))
    assert isinstance(refused("none", "--to", "ctranslate2"), CheckpointError)
    Path("short").write_text("one line\n")
    error = refused(bundle, "--to", "ctranslate2", "-i", "text", "--ref", "short")
    assert isinstance(error, DataError)
    assert "text has 4 lines, short 1" in str(error)


def test_a_model_that_cannot_be_written_is_named(bundle: Path) -> None:
    (bundle / "ctranslate2").write_text("in the way")
    assert f"{bundle}: cannot write" in str(refused(bundle, "--to", "ctranslate2", "--no-measure"))


def test_only_exports_are_overwritten(bundle: Path) -> None:
    Path("notes").mkdir()
    Path("notes/kept").write_text("mine")
    before = sorted(path.name for path in bundle.iterdir())
    for target in ("notes", bundle, "notes/kept"):
        for to in ("safetensors", "ctranslate2"):
            reason = "not a directory" if target == "notes/kept" else "exists and is not an export"
            assert reason in str(refused(bundle, "--to", to, "-o", target, "--overwrite", "--no-measure"))
    assert Path("notes/kept").read_text() == "mine"
    assert sorted(path.name for path in bundle.iterdir()) == before
    for _ in range(2):
        assert run(bundle, "--to", "safetensors", "-o", "plain", "--overwrite").exit_code == 0


def test_the_model_is_named_by_its_option_or_alone(bundle: Path) -> None:
    by_option = run("-m", bundle, "--to", "safetensors", "-o", "one")
    alone = run(bundle, "--to", "safetensors", "-o", "two")
    assert (by_option.stdout, alone.stdout) == ("exported to one\n", "exported to two\n")
    assert str(refused("--to", "safetensors")).startswith("no model; give a run directory")
    assert "two models, other and" in str(refused("other", "-m", bundle, "--to", "safetensors"))


def test_what_it_is_for_must_be_said_and_what_does_nothing_then_is_refused(bundle: Path) -> None:
    error = refused(bundle)
    assert isinstance(error, ConfigError)
    assert str(error).startswith("for what? --to ctranslate2, ")
    plain = (bundle, "--to", "safetensors", "-o", "plain")
    assert "--quantization: of --to ctranslate2" in str(refused(*plain, "--quantization", "int8"))
    unmeasured = (bundle, "--to", "ctranslate2", "--no-measure", "-i", "text", "--ref", "reference")
    assert "--src, --ref: for measuring, which is not done" in str(refused(*unmeasured))


def test_for_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = save_tiny_bundle(tmp_path / "model", tie_embeddings="all")
    command = (model, "--to", "huggingface", "-o", "out")
    assert run(*command, "--licence", "cc-by-4.0").stdout == "exported to out (PegasusForConditionalGeneration)\n"
    assert "\nlicense: cc-by-4.0\n" in Path("out/README.md").read_text()
    names = {"model.safetensors", "config.json", "generation_config.json", "README.md"}
    tokenizer = {"source.spm", "target.spm", "vocab.json", "tokenizer_config.json"}
    assert {path.name for path in Path("out").iterdir()} == names | tokenizer
    assert Path("out/source.spm").read_bytes() == (model / "tokenizer.model").read_bytes()
    assert run(*command, "--overwrite").exit_code == 0
    assert "a model of another program: import it first: mtkit import out -o MODEL" in str(
        refused("out", "--to", "huggingface", "-o", "again")
    )


def test_what_transformers_has_nothing_for_is_refused_before_a_file_is_written(bundle: Path) -> None:
    error = refused(bundle, "--to", "huggingface", "-o", "out")
    assert isinstance(error, ConfigError)
    assert "model.tie_embeddings none" in str(error)
    assert not Path("out").exists()
    assert "--licence: of --to huggingface" in str(
        refused(bundle, "--to", "safetensors", "-o", "o", "--licence", "mit")
    )
    assert "where to? name a directory with -o DIR" in str(refused(bundle, "--to", "huggingface"))


def test_what_ctranslate2_cannot_run_is_said_before_anything_is_measured(
    bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = str(refused(save_tiny_bundle(bundle / "other", decoder_attention="ssru"), "--to", "ctranslate2"))
    assert error == "CTranslate2 cannot run this decoder (ssru): this model translates with torch alone"
    assert "not measured" not in caplog.text


def test_an_unknown_licence_of_the_base_is_a_warning(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest = json.loads((bundle / "mtkit.json").read_text())
    origin = {"family": "marian", "layout": "huggingface", "source": "a student"}
    (bundle / "mtkit.json").write_text(json.dumps(manifest | {"origin": origin}))
    run(bundle, "--to", "safetensors", "-o", "out")
    assert "licence unknown (the base, a student, names none); ask its makers" in caplog.text
    caplog.clear()
    run(bundle, "--to", "huggingface", "-o", "other", "--license", "mit")
    assert "licence unknown" not in caplog.text
