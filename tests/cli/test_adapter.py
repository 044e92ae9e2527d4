"""``--adapter`` of the commands that open a model: each sees the model with the adapters taken in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from mtkit.bundle.bundle import load_bundle
from mtkit.cli import app
from mtkit.errors import MtkitError
from mtkit.exchange.adapted import with_adapter
from mtkit.exchange.peft import Adapters, write_adapter
from mtkit.model.adapters import LowRankShape, adaptable, rows_of
from tests.tiny import LINES, save_tiny_bundle

pytestmark = pytest.mark.processor

COMMANDS = {
    "translate": ["-i", "a", "--engine", "torch"],
    "score": ["--src", "a", "--tgt", "b"],
    "align": ["--src", "a", "--tgt", "b"],
    "inspect": ["-i", "a", "--json", "-b", "1"],
    "evaluate": ["-i", "a", "--ref", "b", "--metrics", "chrf", "--engine", "torch"],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model", n_decoder_layers=2)


@pytest.fixture(scope="module")
def adapter(base: Path) -> Path:
    """Adapters that make another model of it."""
    torch.manual_seed(1)
    shape, bundle = LowRankShape(rank=2, alpha=8), load_bundle(base)
    adapters: Adapters = {}
    for part, module in adaptable(bundle.build_model()).items():
        rows = rows_of(module, part.rpartition(".")[2])
        up = torch.randn(rows.stop - rows.start, shape.rank)
        adapters[part] = torch.randn(shape.rank, module.in_features), up, shape.alpha / shape.rank
    write_adapter(base.parent / "adapter", adapters, shape, bundle)
    return base.parent / "adapter"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("".join(f"{line}\n" for line in LINES))
    Path("b").write_text("".join(f"{line}\n" for line in LINES[::-1]))


@pytest.fixture
def adapted(base: Path, adapter: Path) -> Iterator[Path]:
    """The model that they make of it, as a bundle of its own."""
    with with_adapter(load_bundle(base), adapter) as bundle:
        yield bundle.directory


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(app, [command, *map(str, arguments), "--threads", "1"], catch_exceptions=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_sees_the_model_with_the_adapters(command: str, base: Path, adapter: Path, adapted: Path) -> None:
    alone, with_them, expected = (
        run(command, *model, *COMMANDS[command])
        for model in (["-m", base], ["-m", base, "--adapter", adapter], ["-m", adapted])
    )
    assert {each.exit_code for each in (alone, with_them, expected)} == {0}, with_them.output
    assert with_them.stdout == expected.stdout
    assert with_them.stdout != alone.stdout


def test_the_model_is_called_by_its_parts(base: Path, adapter: Path) -> None:
    said = run("translate", "-m", base, "--adapter", adapter, "-i", "a").stderr
    assert f"translating with {base} + {adapter} (" in said


@pytest.mark.parametrize("command", [*COMMANDS, "bench"])
def test_what_holds_no_adapters_is_told(command: str, base: Path) -> None:
    found = run(command, "-m", base, "--adapter", ".", *COMMANDS.get(command, ["-i", "a"]))
    assert isinstance(found.exception, MtkitError)
    assert "holds no adapters" in str(found.exception)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["evaluate", "--hyp", "a", "--ref", "b"], "--adapter: only for -m RUN"),
        (["bench", "--preset", "small"], "--adapter belongs to -m RUN"),
        (["align", "-m", "BASE", "--src", "a", "--tgt", "b", "--gold", "b", "--remember"], "leave out --adapter"),
    ],
)
def test_adapters_without_use_are_refused(arguments: list[str], told: str, base: Path, adapter: Path) -> None:
    typed = [str(base) if each == "BASE" else each for each in arguments]
    assert told in str(run(*typed, "--adapter", adapter).exception)
