import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.data.corpus.prepare import prepare
from mtkit.errors import MtkitError
from mtkit.machine.device import bf16_is_native
from tests.conftest import ToyTask
from tests.tiny import LINES, save_tiny_bundle

pytestmark = pytest.mark.processor

QUICK = ("--seconds", 0, "--device", "cpu", "--threads", 1)


def run(*arguments: object) -> Result:
    """``mtkit bench``, which is expected to go well."""
    result = CliRunner().invoke(app, ["bench", *map(str, arguments)])
    assert result.exit_code == 0, result.exception
    return result


def refused(*arguments: object) -> str:
    """The message of an error that a user can fix."""
    error = CliRunner().invoke(app, ["bench", *map(str, arguments)]).exception
    assert isinstance(error, MtkitError)
    return str(error)


@pytest.fixture
def recipe(toy_task: ToyTask, tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    tree = toy_task.recipe().config().model_dump(mode="json")
    tree["data"]["prepared"] = str(tmp_path / "prepared")
    path.write_text(yaml.safe_dump(tree))
    return path


def measured(*arguments: object) -> dict[str, Any]:
    found = json.loads(run(*arguments, "--json", *QUICK).stdout)
    assert isinstance(found, dict)
    return found


def test_a_recipe_is_measured_without_its_corpus(recipe: Path) -> None:
    found = measured(recipe, "--set", "training.batch_tokens=100_000")
    assert found["machine"]["n_threads"] == 1
    assert found["machine"]["limits"]["fp32_flop_per_second"] > 0
    assert found["machine"]["memory_bytes_per_second"] > 0
    assert found["work"]["model"]["d_model"] == 32
    assert found["work"]["data"] == f"random tokens, as {recipe.parent / 'prepared'} does not exist"
    training = found["training"]
    assert training["n_updates"] >= 3
    assert (training["batch_tokens"], training["batch_tokens_wanted"]) == (500, 100_000)  # no time for more
    assert 0 < training["tgt_tokens_per_second"]["min"] <= training["tgt_tokens_per_second"]["median"]
    assert training["mfu"] > 0
    assert training["peak_memory_bytes"] > 0
    assert training["n_updates_to_do"] == 12
    assert training["seconds_to_finish"] == pytest.approx(12 * training["seconds_per_update"])
    assert sum(part["share"] for part in training["parts"]) == pytest.approx(1)
    counted = {part["name"] for part in training["parts"] if part["share_of_peak"] is not None}
    assert counted == {
        *(f"encoder {sublayer}" for sublayer in ("self-attention", "feed-forward")),
        *(f"decoder {sublayer}" for sublayer in ("self-attention", "cross-attention", "feed-forward")),
        "projection, loss",
    }
    assert [speed["beam_size"] for speed in found["translation"]] == [1, 5]
    for speed in found["translation"]:
        assert speed["lines_per_second"]["median"] > 0
        assert speed["tgt_tokens_per_second"] > speed["lines_per_second"]["median"]
        assert speed["share_of_peak"] > 0


def test_a_prepared_corpus_is_what_is_read(recipe: Path, toy_task: ToyTask) -> None:
    config = toy_task.recipe().config()
    prepared = prepare(config.data, config.tokenizer, recipe.parent / "prepared")
    found = measured(recipe, "--set", "training.max_epochs=2", "--set", "training.max_updates=1_000")
    assert found["work"]["data"] == f"{recipe.parent / 'prepared'}, 600 pairs"
    assert found["work"]["tgt_vocab_size"] == prepared.manifest.tgt_vocab_size
    # Updates hold up to 200 tokens, and not much less.
    at_least = 2 * prepared.manifest.n_train_tgt_tokens / 200
    assert at_least <= found["training"]["n_updates_to_do"] < 1.4 * at_least


def test_a_preset_needs_no_corpus_and_the_table_goes_to_stdout() -> None:
    smaller = ["model.d_model=16", "model.d_ff=16", "tokenizer.vocab_size=50", "decoding.beam_size=2"]
    result = run("--preset", "tiny", *(word for setting in smaller for word in ("--set", setting)), *QUICK)
    for heading in ("Machine", "Model", "Training", "Where an update goes", "Translation"):
        assert f"\n{heading}" in f"\n{result.stdout}"
    assert "  sizes of                  preset tiny\n" in result.stdout
    assert "measuring" not in result.stdout


def test_a_trained_model_translates_a_text(tmp_path: Path) -> None:
    text = tmp_path / "text.en"
    text.write_text("\n".join([*LINES, "", "  "]) + "\n")
    model = save_tiny_bundle(tmp_path / "model")
    found = measured("-m", model, "-i", text)
    assert found["training"] is None
    speeds = [(speed["engine"], speed["beam_size"], speed["n_lines"]) for speed in found["translation"]]
    fp32, int8 = ("CTranslate2, cpu, 1 thread, fp32", "CTranslate2, cpu, 1 thread, int8")
    assert speeds == [(fp32, 1, 4), (fp32, 3, 4), (int8, 1, 4), (int8, 3, 4)]
    lines = run("-m", model, "-i", text, "--precision", "int8", *QUICK).stdout.splitlines()
    assert [line.endswith(f"({int8})") for line in lines if line.startswith("Translation")] == [True]


def test_a_model_for_torch_alone_is_measured_in_what_the_processor_has(tmp_path: Path) -> None:
    text = tmp_path / "text.en"
    text.write_text("\n".join(LINES))
    found = measured("-m", save_tiny_bundle(tmp_path / "model", decoder_attention="ssru"), "-i", text)
    native = ["bf16"] if bf16_is_native(torch.device("cpu")) else []
    engines = [f"cpu, 1 thread, {precision}" for precision in ("fp32", *native)]
    assert list(dict.fromkeys(speed["engine"] for speed in found["translation"])) == engines


def test_a_trained_model_without_its_corpus_asks_for_a_text(tmp_path: Path) -> None:
    bundle = save_tiny_bundle(tmp_path / "model")
    assert "-i FILE" in refused("-m", bundle, *QUICK)
    blank = tmp_path / "blank"
    blank.write_text("\n \n")
    assert refused("-m", bundle, "-i", blank, *QUICK) == "nothing to translate: every line of the text is blank"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one.yaml", "-c", "two.yaml"], "two recipes, one.yaml and two.yaml: name one"),
        (["-m", "run", "--preset", "base"], "leave out the recipe, --preset and --set"),
        (["-m", "run"], "run: "),
        (["-i", "text"], "-i belongs to -m RUN"),
        (["--preset", "auto"], "preset auto depends on the number of training pairs"),
        (
            ["--preset", "huge"],
            "--preset: must be 'auto', 'micro', 'mini', 'tiny', 'small', 'base', 'big', 'rnn-bahdanau', "
            "'rnn-luong', 'conv', 'deep-shallow' or 'student-tiny' (got 'huge')",
        ),
        (["--set", "model.d_modle=3"], "did you mean d_model?"),
        (["none.yaml"], "none.yaml: No such file"),
    ],
)
def test_mistakes_get_one_clear_line(arguments: list[str], message: str) -> None:
    assert message in refused(*arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert "use --device cpu or auto" in refused("--device", "cuda")
