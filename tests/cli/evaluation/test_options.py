"""Options that would do nothing beside the others are refused, and numbers of another scale asked about."""

import json
import zipfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.cli.evaluation.command import evaluate
from mtkit.errors import ConfigError, DataError, GateError, MtkitError

HYP = ["The cat sat on the mat today.", "Nobody knows it, he said."]
REF = ["The cat is on the mat today.", "Nobody knows that, he said."]
SCORED = ("--hyp", "hyp", "--ref", "ref")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, lines in {"hyp": HYP, "ref": REF}.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, arguments)


def refused(*arguments: str) -> MtkitError:
    result = run(*arguments)
    assert isinstance(result.exception, MtkitError), result.output
    assert result.stdout == ""
    return result.exception


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--beam-size", "4"), "--beam-size: only for -m RUN"),
        (("--batch-size", "4", "--device", "cpu"), "--batch-size, --device: only for -m RUN"),
        (("--engine", "torch", "--precision", "fp32"), "--engine, --precision: only for -m RUN"),
        (("--json", "-S"), "--score-only: does nothing beside --json"),
        (("--json", "-w", "4"), "--width: does nothing beside --json"),
        (("-S", "--confidence"), "--confidence: not shown beside -S"),
        (("-S", "--hyp", "ref", "--paired", "bs"), "--paired: not shown beside -S"),
        (("-S", "--hyp", "ref", "--runs"), "--runs: not shown beside -S"),
        (("--metrics", "chrf", "--tok", "char"), "--tokenize: of BLEU, which --metrics does not name"),
        (("--metrics", "ter", "-lc"), "--lowercase: of BLEU, chrF and exact match"),
        (("--samples", "3", "--min-bleu", "1"), "--samples belongs to"),
        (("-l", "en-de", "--tgt-lang", "de"), "-l en-de names both languages: leave out --src-lang and --tgt-lang"),
    ],
)
def test_what_would_do_nothing_is_refused(arguments: tuple[str, ...], message: str) -> None:
    error = refused(*SCORED, *arguments)
    assert isinstance(error, ConfigError)
    assert message in str(error)


def test_the_report_of_an_earlier_run_is_replaced_by_what_is_refused(files: Path) -> None:
    message = str(refused(*SCORED, "--beam-size", "4", "--markdown", "report.md"))
    assert message in (files / "report.md").read_text()


def test_what_is_shown_somewhere_is_not_refused() -> None:
    assert run(*SCORED, "-S", "--confidence", "--samples", "3", "--markdown", "x.md").exit_code == 0
    assert run(*SCORED, "--json", "-w", "4", "--markdown", "x.md").exit_code == 0
    assert run(*SCORED, "--metrics", "chrf", "--tok", "char", "--min-bleu", "1").exit_code == 0
    assert run(*SCORED, "--metrics", "exact", "-lc").exit_code == 0


def test_samples_that_only_a_drop_is_compared_with_are_refused() -> None:
    run(*SCORED, "--save-baseline", "baseline.json")
    assert "--samples belongs to" in str(
        refused(*SCORED, "--against", "baseline.json", "--max-drop", "1", "--samples", "3")
    )
    tested = run(*SCORED, "--against", "baseline.json", "--fail-if-significantly-worse", "--samples", "3")
    assert tested.exit_code == 0


def test_a_gate_on_another_scale_is_asked_about_once_and_told_in_the_reports(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (files / "gate.yaml").write_text("min: {chrf: 0.5}")
    shown = run(*SCORED, "--hyp", "ref", "--min-bleu", "0.3", "--gate", "gate.yaml", "--json")
    asked = [message for message in caplog.messages if "did you mean" in message]
    assert sorted(message.rpartition(" ")[2] for message in asked) == ["30?", "50?"]
    for test_set in json.loads(shown.stdout)["test_sets"]:
        assert set(asked) <= set(test_set["warnings"])


def test_a_gate_that_cannot_be_told_says_so_and_passes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run("--hyp", "ref", "--ref", "ref", "--save-baseline", "baseline.json")
    assert run(*SCORED, "--against", "baseline.json", "--fail-if-significantly-worse").exit_code == 0
    assert any("2 segments are too few" in message and "--max-drop" in message for message in caplog.messages)
    assert caplog.messages[-1].startswith("0 gates passed, 1 gate could not be told")


def test_the_gate_of_alignments_is_in_percent_and_tells_when_it_was_passed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    Path("links").write_text("0-0 1-1\n2-2\n")
    Path("gold").write_text("1-1 2p2\n1-1\n")
    command = ("--hyp", "links", "--alignments", "gold", "--max-aer")  # the error rate is 40 %
    assert run(*command, "40").exit_code == 0
    assert caplog.messages[-1] == "1 gate passed"
    assert isinstance(run(*command, "0.4").exception, GateError)
    assert any(message.endswith("did you mean 40?") for message in caplog.messages)
    for value in ("101", "-1"):
        assert "aer must be from 0 to 100" in str(refused(*command, value))


def test_languages_may_be_named_one_by_one() -> None:
    assert run(*SCORED, "--src-lang", "en", "--tgt-lang", "de").stdout == run(*SCORED, "-l", "en-de").stdout
    assert "tok:zh" in run(*SCORED, "--tgt-lang", "zh").stdout
    assert "tok:13a" in run(*SCORED, "--src-lang", "zh").stdout


def test_the_run_may_stand_by_itself() -> None:
    for command in ("evaluate runs/none", "score runs/none --src ref --tgt ref", "align runs/none --src ref --tgt ref"):
        found = CliRunner().invoke(app, command.split())
        assert "runs/none: no such model" in str(found.exception), command
    instead = "mtkit evaluate --hyp hyp --ref ref"
    for command, told in (
        ("evaluate ref -i hyp", f"a reference and an output: {instead}"),
        ("evaluate hyp ref", f"two text files: {instead}"),
        ("evaluate --hyp hyp ref", "unexpected ref"),
    ):
        found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
        assert (found.exit_code, found.stderr.startswith(f"mtkit: error: {told}")) == (2, True), command


def test_documents_and_references_without_text_are_refused(files: Path) -> None:
    with zipfile.ZipFile(files / "out.docx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", "<w:document/>" * 50 + "\xe4" * 50)
    error = refused("--hyp", "out.docx", "--ref", "ref")
    assert isinstance(error, DataError)
    assert "out.docx: is a Word document" in str(error)
    (files / "blank").write_text("\n \n")
    assert "blank: is empty in every line" in str(refused("--hyp", "hyp", "--ref", "blank"))
    assert run("--hyp", "blank", "--ref", "ref").exit_code == 0  # an output may be as bad as that
