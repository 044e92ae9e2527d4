from pathlib import Path

import pytest
from typer.testing import CliRunner

from mtkit.cli import app
from mtkit.cli.positional import instead


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ref.de").write_text("ein Satz\n")
    Path("run").mkdir()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("train my.en my.de", "two text files: mtkit train --src my.en --tgt my.de -o DIR"),
        ("train my.en my.de -o run", "two text files: mtkit train --src my.en --tgt my.de -o run"),
        ("doctor my.en my.de", "two text files: mtkit doctor --src my.en --tgt my.de"),
        ("preprocess my.en my.de", "two text files: mtkit preprocess --src my.en --tgt my.de -o DIR"),
        ("report my.de ref.de", "two text files: mtkit report --hyp my.de --ref ref.de -o page.html"),
        ("score -m run my.en my.de", "two text files: mtkit score -m run --src my.en --tgt my.de"),
        ("score run my.en my.de", "two text files: mtkit score -m run --src my.en --tgt my.de"),
        ("align my.en my.de", "two text files: mtkit align -m RUN --src my.en --tgt my.de"),
        ("translate my.en my.de", "two text files: mtkit translate -m RUN -i my.en -o my.de"),
        ("translate run my.en", "a model and a text: mtkit translate -m run -i my.en"),
        ("evaluate my.de ref.de", "two text files: mtkit evaluate --hyp my.de --ref ref.de"),
        ("evaluate ref.de -i my.de", "a reference and an output: mtkit evaluate --hyp my.de --ref ref.de"),
        ("evaluate ref.de -r a.de", "an output and its reference: mtkit evaluate --hyp ref.de --ref a.de"),
        ("evaluate ref.de", "a text is scored against a reference: mtkit evaluate --hyp ref.de --ref FILE"),
        ("evaluate run my.en ref.de", "a text and its reference: mtkit evaluate -m run -i my.en --ref ref.de"),
        (
            "evaluate --hyp my.de -r ref.de --metrics bleu meteor",
            "several metrics have commas between them: --metrics bleu,meteor",
        ),
    ],
)
def test_the_options_of_files_are_named(command: str, told: str) -> None:
    found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
    assert found.exit_code == 2
    assert found.stderr == f"mtkit: error: {told}; see mtkit {command.split()[0]} --help\n"


def test_what_cannot_be_told_is_not_guessed() -> None:
    assert instead("train", {"recipe": Path("a.yaml")}, ["b.yaml"]) == ""
    assert instead("describe", {"recipe": Path("a")}, ["b"]) == ""
    assert instead("evaluate", {"hyps": ["a"]}, ["b"]) == ""
