from pathlib import Path

import pytest
from typer.testing import CliRunner

from mtkit.cli import app


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("evaluate --min-bleu thirty", "--min-bleu thirty: is no number; see mtkit evaluate --help"),
        ("translate -b 2.5", "--beam-size 2.5: is no whole number; see mtkit translate --help"),
        ("evaluate --samples 0", "--samples 0: must be at least 1; see mtkit evaluate --help"),
        ("evaluate --paired xx", "--paired xx: 'xx' is not one of 'bs', 'ar'; see mtkit evaluate --help"),
        ("evaluate --paired", "--paired needs a value"),
        ("evaluate --metric bleu", "no such option: --metric; did you mean --metrics?"),
        ("evaluate --tgt a", "no such option: --tgt; here it is --ref; see mtkit evaluate --help"),
        ("score --ref a", "no such option: --ref; here it is --tgt; see mtkit score --help"),
        (
            "evaluate a b",
            "unexpected a b; of several values each needs its option before it; see mtkit evaluate --help",
        ),
        (
            "evaluate a -i b -m bleu chrf TER -b",
            "-m names a model here; metrics are --metrics bleu,chrf,ter; see mtkit evaluate --help",
        ),
        (
            "evaluate -m run bleu",
            "unexpected bleu; of several values each needs its option before it; see mtkit evaluate --help",
        ),
        ("forge distill", "missing argument 'RECIPE'; see mtkit forge distill --help"),
        ("evalute", "no such command 'evalute'. Did you mean 'evaluate'?"),
    ],
)
def test_a_mistake_in_a_command_is_one_line(command: str, told: str) -> None:
    found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr == f"mtkit: error: {told}\n"


def test_a_model_may_be_called_like_a_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ter").mkdir()
    found = CliRunner().invoke(app, ["evaluate", "-m", "ter", "bleu"], prog_name="mtkit")
    assert found.stderr.startswith("mtkit: error: unexpected bleu; of several values")
    assert "ter: holds no model" in str(CliRunner().invoke(app, ["evaluate", "-m", "ter"]).exception)


@pytest.mark.parametrize("command", ["", "forge"])
def test_nothing_to_do_shows_the_help(command: str) -> None:
    found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
    assert found.exit_code == 2
    assert found.stderr.startswith(f"Usage: mtkit {command}".rstrip())
    assert "Commands:" in found.stderr
