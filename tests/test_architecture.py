"""The rules of the house that a linter cannot state."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mtkit.cli import app

PACKAGE = Path(__file__).parents[1] / "mtkit"

# Each room may import itself and the rooms of the floors before its own; a floor's rooms do not import each other.
FLOORS = [
    "errors wording version",
    "log languages",
    "files machine",
    "settings pages",
    "data model evaluation",
    "bundle search doctor",
    "exchange",
    "engines",
    "forced",
    "translation",
    "training report forge inspection",
    "bench",
    "cli",
    "__main__",
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}
LOOSE = {"errors", "log", "wording", "version"}
HEAVY = {"torch", "numpy", "pyarrow", "pydantic", "yaml", "datasets", "sentencepiece", "sacrebleu", "rich", "tqdm"}
HEAVY |= {"ctranslate2", "matplotlib"}


def module_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str) -> set[str]:
    """The modules of mtkit that a module imports, anywhere in it, for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: relative import"
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else node.module for name in dotted}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in MODULES} - {module}


def room_of(module: str) -> str:
    """The room that a module lies in; a loose one is its own."""
    return module.split(".")[1]


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"mtkit"}))
def test_imports_point_down(module: str) -> None:
    room = room_of(module)
    wrong = {
        other for other in imports(module) if room_of(other) != room and FLOOR_OF[room_of(other)] >= FLOOR_OF[room]
    }
    assert not wrong, f"{module} imports {wrong}"


def test_the_package_itself_imports_its_version_alone() -> None:
    # and for type checkers the classes that are imported on first use
    assert imports("mtkit") == {"mtkit.version", "mtkit.translation.translation", "mtkit.translation.translator"}


def test_no_module_imports_itself_in_a_circle() -> None:
    left = {module: imports(module) - {"mtkit"} for module in MODULES}
    while free := {module for module, others in left.items() if not others & left.keys()}:
        left = {module: others for module, others in left.items() if module not in free}
    assert not left


def test_few_modules_are_loose() -> None:
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert loose == LOOSE


@pytest.mark.parametrize("module", ["mtkit", "mtkit.cli"])
def test_importing_costs_nothing(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize(
    "command", [c.name or c.callback.__name__ for c in app.registered_commands if c.callback is not None]
)
def test_the_help_of_a_command_costs_nothing(command: str) -> None:
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from mtkit.cli import main; main()"
    run = [sys.executable, "-c", code, command, "--help"]
    shown, _, loaded = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip().rpartition("\n")
    assert "--help" in shown
    assert not HEAVY & set(loaded.split())


@pytest.mark.parametrize("command", ["train", "preprocess"])
def test_a_mistake_in_a_recipe_is_told_before_anything_large_is_loaded(command: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("data: {src_lang: en}\n")
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from mtkit.cli import main; main()"
    run = [sys.executable, "-c", code, command, str(tmp_path / "recipe.yaml"), "-o", str(tmp_path / "out")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "data.tgt_lang" in done.stderr
    assert not {"torch", "datasets", "sentencepiece", "sacrebleu", "ctranslate2"} & set(done.stdout.split())


def test_no_file_is_a_place_for_leftovers() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")}
    assert not names & {"utils", "util", "helpers", "common", "base", "misc"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_messages_are_plain_english(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    said = "\n".join(node.value for node in texts if isinstance(node.value, str))
    assert re.findall(r"(?i)likewise|(?<!there )\b(?:is|are) no (?!longer)\w+", said) == []


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
        # COMET models and older ones of Hugging Face have no other format; this reader makes tensors and nothing else
        if path.relative_to(PACKAGE).as_posix() in ("evaluation/metrics/comet.py", "exchange/weights.py"):
            places = [line for line in places if "torch.load(" not in line or "weights_only=True" not in line]
        assert not places, places
