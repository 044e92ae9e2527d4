import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mtkit.cli.report import report
from mtkit.errors import ConfigError, DataError, MtkitError

ONE = ("--hyp", "a", "-r", "ref", "--samples", "10")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two outputs, what they are held against, and a run, in the directory in which the commands run."""
    texts = {
        "a": "ein Hund\ndas Haus war alt\n",
        "b": "a dog\ndas Haus ist alt\n",
        "ref": "ein Hund\ndas Haus ist alt\n",
        "src": "a dog\nthe house is old\n",
        "docs": "one\ntwo\n",
        "short": "ein Hund\n",
        "empty": "",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text('{"update": 1, "valid_bleu": 12.5}\n')
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "metrics.jsonl").write_text('{"update": 1, "valid_bleu": ')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(report)
    return CliRunner().invoke(app, arguments)


def test_one_output_has_its_page(files: Path) -> None:
    result = run(*ONE, "-o", "page.html")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "das Haus war alt" in (files / "page.html").read_text()


def test_json_has_the_numbers_of_two_systems_and_all_that_was_given() -> None:
    extras = ("-i", "src", "--name", "A", "--name", "B", "-l", "en-de", "--docs", "docs", "--run", "run")
    result = run(*ONE, "--hyp", "b", *extras, "--train-tgt", "ref", "--json")
    found = json.loads(result.stdout)
    assert [system["name"] for system in found["systems"]] == ["A", "B"]
    assert {each["metric"] for each in found["comparisons"]} == {"bleu", "chrf"}
    assert [group["name"] for group in found["documents"]] == ["one", "two"]
    assert found["curves"][0]["curves"] == [{"run": "run", "path": "run", "points": [[1, 12.5]], "rollbacks": []}]
    untranslated = next(fault for fault in found["faults"] if fault["name"] == "untranslated")
    assert untranslated["lines"] == [[], [1]]
    assert found["extremes"] == {"wins": [2], "losses": [1]}
    assert "sentences" not in found


def test_files_that_are_called_alike_are_told_apart_by_what_differs(files: Path) -> None:
    for name in ("test.hyp.A.de", "test.hyp.B.de"):
        (files / name).write_text((files / "a").read_text())
    found = json.loads(run("--hyp", "test.hyp.A.de", "--hyp", "test.hyp.B.de", *ONE[2:], "--json").stdout)
    assert [(system["name"], system["hyp"]) for system in found["systems"]] == [
        ("A", "test.hyp.A.de"),
        ("B", "test.hyp.B.de"),
    ]
    named = ("--name", "x.A", "--name", "x.B")
    found = json.loads(run("--hyp", "test.hyp.A.de", "--hyp", "test.hyp.B.de", *named, *ONE[2:], "--json").stdout)
    assert [system["name"] for system in found["systems"]] == ["x.A", "x.B"]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("-r", "ref", "-o", "x.html"), ConfigError, "nothing to report on: give an output with --hyp FILE"),
        (("--hyp", "a", "-o", "x.html"), ConfigError, "add --ref FILE"),
        (("--hyp", "a", "--hyp", "b", "--hyp", "ref", "-r", "ref", "--json"), ConfigError, "3 --hyp"),
        (ONE, ConfigError, "-o page.html"),
        ((*ONE, "-o", "-"), ConfigError, "name a file for the page"),
        ((*ONE, "-o", "ref"), ConfigError, "is an input too"),
        ((*ONE, "-o", "run"), DataError, "run: is a directory"),
        ((*ONE, "--name", "A", "--name", "B", "--json"), ConfigError, "2 --name for 1 --hyp"),
        ((*ONE, "--metrics", "blue", "--json"), ConfigError, "did you mean bleu"),
        ((*ONE, "-l", "ende", "--json"), ConfigError, "expected source-target"),
        ((*ONE, "-i", "nowhere", "--json"), DataError, "nowhere: No such file"),
        ((*ONE, "-i", "short", "--json"), DataError, "a has 2 lines but short has 1"),
        (("--hyp", "empty", "-r", "empty", "--json"), DataError, "empty: is empty"),
        ((*ONE, "--run", "nope", "--json"), DataError, "nope: no such run directory"),
        ((*ONE, "--run", "ref", "--json"), DataError, "ref: no such run directory"),
        ((*ONE, "--run", ".", "--json"), DataError, ".: is not a run directory: it has no metrics.jsonl"),
        ((*ONE, "--run", "torn", "--json"), DataError, "torn/metrics.jsonl:1: expected a JSON object"),
        ((*ONE, "--train-tgt", "nowhere", "--json"), DataError, "nowhere: No such file"),
        ((*ONE, "-i", "-", "--train-tgt", "-", "--json"), ConfigError, "only once"),
        ((*ONE, "-o", "ref/page.html"), DataError, "cannot write"),
    ],
)
def test_what_cannot_be_reported_on_is_told_in_one_line(
    arguments: tuple[str, ...], kind: type[MtkitError], message: str
) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, kind), result.output
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""


@pytest.mark.slow
def test_two_real_systems_are_told_apart(corpora: Path) -> None:
    folder = corpora / "wmt22-systems"
    outputs = [
        word
        for name in ("OpenNMT", "Online-W")
        for word in (
            "--name",
            name,
            "--hyp",
            str(folder / "system-outputs" / f"generaltest2022.en-de.hyp.{name}.de.gz"),
        )
    ]
    reference = str(folder / "references" / "generaltest2022.en-de.ref.A.de.gz")
    found = json.loads(run(*outputs, "-r", reference, "-l", "en-de", "--samples", "50", "--json").stdout)
    questions = next(group for group in found["types"] if group["name"] == "question")
    assert found["n_lines"] == 2037
    assert questions["difference"]["value"] > questions["difference"]["half_width"]
