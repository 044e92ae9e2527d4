import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mtkit.bundle.bundle import load_bundle
from mtkit.cli import app
from mtkit.errors import MtkitError
from mtkit.settings.presets import SIZE_CLASSES
from tests.tiny import save_tiny_bundle

RECIPES = Path(__file__).parents[2] / "recipes"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["describe", *map(str, arguments)])


def described(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def test_parameters_are_those_worked_out_by_hand() -> None:
    """D 256, F 1024, 3+3 layers, 8,000 pieces: the preset small."""
    found = described("--preset", "small")
    attention, norm = 4 * (256 * 256 + 256), 2 * 256
    assert found["parameters"] == {
        "embedding of both sides": 8_000 * 256,
        "encoder self-attention": 3 * attention,
        "encoder feed-forward": 3 * (2 * 256 * 1024 + 1024 + 256),
        "encoder norms": 7 * norm,
        "decoder self-attention": 3 * attention,
        "decoder cross-attention": 3 * attention,
        "decoder feed-forward": 3 * (2 * 256 * 1024 + 1024 + 256),
        "decoder norms": 10 * norm,
    }
    n = sum(found["parameters"].values())
    assert found["n_parameters"] == n
    memory = found["memory_bytes"]
    assert memory.pop("activations") > 0
    assert memory == {"weights": 4 * n, "gradients": 4 * n, "optimiser": 8 * n}
    assert found["n_trained"] == n
    assert found["flop_training"] == pytest.approx(3 * sum(found["flop_forward"].values()))


@pytest.mark.parametrize("preset", SIZE_CLASSES)
def test_every_preset_can_be_described(preset: str) -> None:
    result = run("--preset", preset)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Preset {preset}\n")
    assert "nan" not in result.stdout


def test_layers_are_listed_bottom_to_top() -> None:
    found = described(
        "--preset", "small", "--set", "model.decoder_attention=[ssru, ssru, local]", "--set", "model.window=4"
    )
    kinds = [layer.split(",")[0] for layer in found["layers"]["decoder"]]
    assert kinds == ["self-attention ssru", "self-attention ssru", "self-attention local"]
    shown = run("--preset", "small", "--set", "model.decoder_attention=[ssru, ssru, local]").stdout
    assert "2 x self-attention ssru" in shown
    assert "1 x self-attention local" in shown


def test_a_recipe_is_described_without_its_corpus() -> None:
    found = described(RECIPES / "multi30k-classics" / "rnn-luong.yaml")
    assert found["layers"]["decoder"] == ["lstm", "lstm", "attention general after Luong"]


def test_a_preset_may_stand_over_a_recipe() -> None:
    found = described(RECIPES / "multi30k-classics" / "conv.yaml", "--preset", "student-tiny")
    assert found["model"]["decoder_attention"] == "ssru"


def test_a_trained_model_is_described_as_it_is(tmp_path: Path) -> None:
    bundle = load_bundle(save_tiny_bundle(tmp_path / "model", architecture="rnn"))
    found = described("-m", bundle.directory)
    assert found["n_parameters"] == bundle.n_parameters()
    assert found["src_vocab_size"] == bundle.tokenizer.src_vocab_size
    assert found["model"]["rnn_cell"] == "lstm"
    assert "d_ff" not in found["model"]
    assert "rnn, " in run("-m", bundle.directory).stdout.splitlines()[1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-m", "run", "--preset", "small"],
        ["one.yaml", "-c", "two.yaml"],
        ["--preset", "auto"],
        [str(RECIPES)],
        ["-m", "none"],
    ],
)
def test_mistakes_get_one_clear_line(arguments: list[str]) -> None:
    error = run(*arguments).exception
    assert isinstance(error, MtkitError)
    assert "\n" not in str(error)


def test_a_trained_model_is_named_by_its_option_or_alone(tmp_path: Path) -> None:
    bundle = save_tiny_bundle(tmp_path / "model")
    assert described(bundle) == described("-m", bundle)


def test_memory_is_told_for_what_a_run_trains(tmp_path: Path) -> None:
    base = save_tiny_bundle(tmp_path / "model")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "data: {src_lang: en, tgt_lang: xx, train: [{src: a.en, tgt: a.xx}], valid: [{src: b.en, tgt: b.xx}]}\n"
    )
    options = [recipe, "--from", base, "--set", "training.batch_tokens=100"]
    whole = described(*options)
    n = load_bundle(base).n_parameters()
    assert (whole["n_parameters"], whole["n_trained"], whole["memory_bytes"]["optimiser"]) == (n, n, 8 * n)
    few = described(*options, "--set", "training.lora.rank=2")
    n_adapters = few["parameters"]["adapters"]
    assert (few["n_parameters"], few["n_trained"]) == (n + n_adapters, n_adapters)
    assert few["memory_bytes"]["weights"] == 4 * (n + n_adapters)
    assert few["memory_bytes"]["gradients"] == 4 * n_adapters
    factored = described(*options, "--set", "training.optimizer=adafactor")
    assert factored["memory_bytes"]["optimiser"] < whole["memory_bytes"]["optimiser"] / 4
    shown = run(*options, "--set", "training.lora.rank=2").stdout
    assert "  adapters " in shown
    assert "  trained " in shown
    assert "  activations " in shown
