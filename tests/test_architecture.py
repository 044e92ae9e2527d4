"""The rules of the house that a linter cannot state."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mtkit.cli import app

PACKAGE = Path(__file__).parents[1] / "mtkit"

# Each room may import itself and the rooms before its own.
LAYERS = [
    {"errors", "signals"},
    {"not_text", "packed", "safe_path", "visible"},
    {"io", "files", "log", "outputs", "streams", "html_page", "language_codes", "shapes", "tensor_file", "yaml_file"}
    | {"bounds"},
    {
        "section",
        "model_rules",
        "model_config",
        "cleaning_config",
        "sampling_config",
        "source_config",
        "training_config",
    },
    {"config", "presets", "layers", "mistakes", "settings"},
    {"device", "machine", "acceleration", "cores", "locks", "output_directory", "processor", "workers"},
    {"data", "model", "evaluation"},
    {"doctor"},
    {"search"},
    {"translation"},
    {"training"},
    {"bench", "forge", "inspection", "report"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
HEAVY = {"torch", "numpy", "pyarrow", "pydantic", "yaml", "datasets", "sentencepiece", "sacrebleu", "rich", "tqdm"}
HEAVY |= {"ctranslate2", "matplotlib"}


def imported_rooms(path: Path) -> set[str]:
    """Names of the rooms that a module imports, anywhere in it."""
    dotted = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            dotted.add(node.module)
            assert node.level == 0, f"{path}: relative import"
        elif isinstance(node, ast.Import):
            dotted.update(alias.name for alias in node.names)
    return {name.split(".")[1] for name in dotted if name.startswith("mtkit.")}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "__init__":
        assert imported_rooms(path) == {"translation"}  # for type checkers; at run time on first use
        return
    wrong = {
        other
        for other in imported_rooms(path) - {room}
        if RANK[other] > RANK[room] or (RANK[other] == RANK[room] and room in ("data", "model", "evaluation"))
    }
    assert not wrong, f"{room} imports {wrong}"


@pytest.mark.parametrize("module", ["mtkit", "mtkit.cli"])
def test_importing_costs_nothing(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("command", [c.callback.__name__ for c in app.registered_commands if c.callback is not None])
def test_the_help_of_a_command_costs_nothing(command: str) -> None:
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from mtkit.cli import main; main()"
    run = [sys.executable, "-c", code, command, "--help"]
    shown, _, loaded = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip().rpartition("\n")
    assert "--help" in shown
    assert not HEAVY & set(loaded.split())


def test_no_file_is_a_place_for_leftovers() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")}
    assert not names & {"utils", "util", "helpers", "common", "base", "misc"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_that_is_loaded_can_run_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for forbidden in (
        "import pickle",
        "torch.load(",
        "yaml.load(",
        "yaml.unsafe_load",
        "trust_remote_code=True",
        "eval(",
    ):
        places = [line for line in text.splitlines() if forbidden in line and "model.eval(" not in line]
        if path.name == "comet.py":  # COMET models have no other format; this reader makes tensors and nothing else
            places = [line for line in places if "torch.load(" not in line or "weights_only=True" not in line]
        assert not places, places
