from pathlib import Path

import pytest
from typer.testing import CliRunner

from mtkit.cli import app


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("translate -m run -o EMPTY", "--output is empty: name a file"),
        ("translate -m run -i EMPTY", "--input is empty: name a file"),
        ("translate EMPTY", "the INPUT is empty: name a file"),
        ("evaluate --hyp a --hyp EMPTY", "--hyp is empty: name a file"),
        ("train -c EMPTY", "--config is empty: name a file"),
        ("train a.yaml -o EMPTY", "--output is empty: name a directory"),
        ("translate -m run -o new/", "--output new/: names a directory, and one file is written; name that"),
        ("doctor a.yaml --html new/", "--html new/: names a directory, and one file is written; name that"),
    ],
)
def test_what_is_not_the_name_of_a_file_is_refused(command: str, told: str) -> None:
    words = [word.replace("EMPTY", "") for word in command.split()]
    found = CliRunner().invoke(app, words, prog_name="mtkit")
    assert found.exit_code == 2
    assert found.stderr == f"mtkit: error: {told}; see mtkit {words[0]} --help\n"


@pytest.mark.parametrize("name", ["a.pdf", "a.DOCX", "a.zip", "a.tar.gz", "a.png", "a.xlsx.gz", "a.parquet"])
@pytest.mark.parametrize(
    "command",
    [
        "translate -m run -i text -o NAME",
        "translate -m run -i text --alignments NAME",
        "score -m run --src text --tgt text -o NAME",
        "align -m run --src text --tgt text -o NAME",
        "evaluate --hyp text -r text --segments NAME",
        "evaluate -m run -i text -r text -o NAME",
        "report --hyp text -r text -o NAME",
        "doctor --src a.en --tgt a.de --html NAME",
    ],
)
def test_what_is_written_is_what_its_name_says(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("text", "a.en", "a.de"):
        Path(file).write_text("a line\n")
    found = CliRunner().invoke(app, command.replace("NAME", name).split(), prog_name="mtkit")
    assert f"{name}: named like " in str(found.exception)
    assert not Path(name).exists()
