import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mtkit.cli.compare import compare
from mtkit.errors import ConfigError, DataError
from tests.report.runs.made import make_run, with_mistakes


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs in the directory in which the commands run."""
    make_run(tmp_path / "a", with_mistakes(5))
    make_run(tmp_path / "b", with_mistakes(50), dropout=0.3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, arguments)


def test_the_table_has_settings_course_and_scores() -> None:
    shown = run("a", "b", "--samples", "100").stdout
    assert [line.split() for line in shown.splitlines() if "model.dropout" in line] == [
        ["model.dropout", "0.1", "0.3", "0.1"]
    ]
    assert "course, at common updates" in shown
    assert "test set test, 120 lines:" in shown
    assert "p against a: paired bootstrap, 100 samples" in shown


def test_json_and_a_page_of_one_command(runs: Path) -> None:
    done = run("a", "b", "--samples", "100", "--json", "-o", "page.html")
    plain = json.loads(done.stdout)
    assert [each["name"] for each in plain["runs"]] == ["a", "b"]
    assert (runs / "page.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("a",), ConfigError, "nothing to compare with"),
        (("a", "a"), ConfigError, "a: one run named twice"),
        (("a", "c"), DataError, "c: no such run"),
        (("a", "b", "-o", "-"), ConfigError, "name a file for the page"),
        (("a", "b", "-o", "a"), DataError, "a: is a directory"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], error: type[Exception], said: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, error)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
