"""Old spellings of options are still understood, with a hint."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mtkit.cli import app
from mtkit.cli.renamed import in_new_spelling

WITH_VALUE = {"-b", "-t", "-w", "--name", "--threads", "--tgt-lang"}
SCORES = "hint: -b is the beam size in every command; for the scores alone type -S"


@pytest.mark.parametrize(
    ("command", "typed", "expected"),
    [
        ("evaluate", "-b", "--score-only"),
        ("evaluate", "RUN -b -w 4", "RUN --score-only -w 4"),
        ("evaluate", "-b 5 RUN", "-b 5 RUN"),
        ("evaluate", "-b 2.5", "-b 2.5"),
        ("evaluate", "--name -b", "--name -b"),
        ("evaluate", "-- -b", "-- -b"),
        ("translate", "-b", "-b"),
        ("doctor", "-t prepared/my", "--tokenizer prepared/my"),
        ("doctor", "-t de", "-t de"),
        ("doctor", "--threads 4", "--workers 4"),
        ("doctor", "--threads=4", "--workers=4"),
        ("bench", "--threads 4", "--threads 4"),
    ],
)
def test_old_spellings_become_new_ones(command: str, typed: str, expected: str) -> None:
    new, hints = in_new_spelling(command, typed.split(), WITH_VALUE)
    assert new == expected.split()
    assert len(hints) == (typed != expected)


def test_the_tokenizer_may_be_a_directory_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("de").mkdir()
    assert in_new_spelling("doctor", ["-t", "de"], WITH_VALUE)[0] == ["--tokenizer", "de"]


def test_an_old_spelling_is_told_of_once_and_only_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one two three four\n")
    command = ["evaluate", "--hyp", str(tmp_path / "a"), "--ref", str(tmp_path / "a"), "--metrics", "exact"]
    old, new = CliRunner().invoke(app, [*command, "-b"]), CliRunner().invoke(app, [*command, "-S"])
    assert old.stdout == new.stdout == "100.00\n"
    assert old.stderr.splitlines() == [*new.stderr.splitlines(), SCORES]
    assert "hint" not in CliRunner().invoke(app, [*command, "-b", "-q"]).stderr
