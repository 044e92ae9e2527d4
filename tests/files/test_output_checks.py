"""Every option that names a file for results: packed by its name, and never a file that is something else as well."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mtkit.cli import app
from mtkit.errors import ConfigError
from mtkit.files.text import read_lines
from tests.tiny import save_tiny_bundle

TRANSLATE, SCORE = "translate -m model -i a", "score -m model --src a --tgt b"
EVALUATE, REPORT = "evaluate --hyp a --ref b", "report --hyp a --ref b"
OUTPUTS = [
    (f"{TRANSLATE} -o", ""),
    (f"{TRANSLATE} -o other --alignments", ""),
    (f"{SCORE} -o", ""),
    ("align -m model --src a --tgt b -o", ""),
    ("inspect -m model -i a -o", ".txt"),
    ("inspect -m model -i a -o", ".html"),
    (f"{EVALUATE} --segments", ""),
    (f"{EVALUATE} --junit", ""),
    (f"{EVALUATE} --markdown", ""),
    (f"{EVALUATE} --save-baseline", ""),
    ("evaluate -m model -i a --ref b -o", ""),
    (f"{REPORT} -o", ""),
    ("doctor --src a.en --tgt a.de --workers 1 --html", ""),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture(autouse=True)
def _files(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").symlink_to(model)
    for name in ("a", "b", "a.en", "a.de"):
        Path(name).write_text("a b\nc d e\n")


def run(command: str) -> Any:
    return CliRunner().invoke(app, command.split())


@pytest.mark.parametrize(("command", "ending"), OUTPUTS)
def test_a_packed_name_is_packed_and_holds_the_same(command: str, ending: str) -> None:
    if "--html" in command:
        pytest.importorskip("matplotlib")
    for name in ("plain", "packed"):
        found = run(f"{command} {name}{ending}{'.gz' if name == 'packed' else ''}")
        assert found.exit_code == 0, found.exception
    assert gzip.decompress(Path(f"packed{ending}.gz").read_bytes()) == Path(f"plain{ending}").read_bytes()
    assert Path(f"plain{ending}").read_bytes()


@pytest.mark.parametrize(("command", "ending"), OUTPUTS)
def test_an_output_is_no_input_under_any_of_its_names(command: str, ending: str) -> None:
    source = "a.en" if "doctor" in command else "b" if "--ref" in command else "a"
    Path("folder").mkdir()
    Path(f"link{ending}").symlink_to(source)
    Path(f"second{ending}").hardlink_to(source)
    before = Path(source).read_bytes()
    for name in (f"link{ending}", f"second{ending}", *([f"folder/../{source}"] if not ending else [])):
        found = run(f"{command} {name}")
        assert isinstance(found.exception, ConfigError), found.output
        assert str(found.exception).endswith(f"{name}: is an input too; choose another file")
    assert Path(source).read_bytes() == before


@pytest.mark.parametrize(
    ("command", "first", "second"),
    [
        (TRANSLATE, "-o", "--alignments"),
        (EVALUATE, "--segments", "--junit"),
        (EVALUATE, "--junit", "--markdown"),
        (EVALUATE, "--markdown", "--save-baseline"),
        ("evaluate -m model -i a --ref b", "-o", "--segments"),
    ],
)
def test_two_outputs_are_two_files(command: str, first: str, second: str) -> None:
    Path("folder").mkdir()
    Path("x").write_text("")
    Path("link").symlink_to("x")
    Path("name").hardlink_to("x")
    for one, other in (("x", "folder/../x"), ("link", "x"), ("x", "name"), ("new", "./folder/../new")):
        found = run(f"{command} {first} {one} {second} {other}")
        assert isinstance(found.exception, ConfigError), found.output
        assert "are the same file: give each a different file" in str(found.exception)
        assert first in str(found.exception)
        assert second in str(found.exception)
    assert Path("x").read_text() == ""


def test_texts_that_a_list_of_sets_names_are_inputs() -> None:
    Path("sets.yaml").write_text("[{name: s, src: a, refs: b}]")
    assert "--segments b: is an input too" in str(run("evaluate --sets sets.yaml -m model --segments b").exception)
    assert "-o b: is an input too" in str(run("evaluate --sets sets.yaml -m model -o b").exception)


def test_a_packed_baseline_is_read_again() -> None:
    assert run("evaluate --hyp a --ref b --save-baseline x.json.zst").exit_code == 0
    assert run("evaluate --hyp a --ref b --against x.json.zst --max-drop 1").exit_code == 0
    assert run("evaluate --hyp a.en --ref b --against x.json.zst --max-drop 1").exit_code == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of descriptors differ")
def test_what_is_open_is_not_begun_anew(tmp_path: Path) -> None:
    for command in (f"{TRANSLATE} -o", f"{SCORE} -o", f"{EVALUATE} --segments", "inspect -m model -i a -o"):
        with (tmp_path / "log").open("w+") as log:
            log.write("before\n")
            log.flush()
            assert run(f"{command} /dev/fd/{log.fileno()}").exit_code == 0
            log.seek(0)
            lines = log.readlines()
        assert lines[0] == "before\n"
        assert len(lines) > 2


def test_results_are_never_made_visible() -> None:
    """What a file or pipe receives has the control characters of its texts."""
    Path("odd").write_text("a \x1b[31m b\n")
    assert run("inspect -m model -i odd -o odd.json").exit_code == 0
    assert json.loads(next(read_lines("odd.json")))["source"] == "a \x1b[31m b"
    assert run("inspect -m model -i odd -o odd.txt").exit_code == 0
    assert "a \x1b[31m b" in Path("odd.txt").read_text()
    assert run("inspect -m model -i odd").stdout == Path("odd.txt").read_text()
