"""The corpora that the recipes summarise and answer are trained on."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[1] / "recipes"


def made(recipe: str, directory: Path) -> dict[str, list[str]]:
    """The files that a recipe's program writes, line by line."""
    command = [sys.executable, str(RECIPES / recipe / "make_data.py"), "-o", str(directory)]
    subprocess.run(command, check=True)
    return {path.name: path.read_text(encoding="utf-8").splitlines() for path in directory.iterdir()}


def digest(files: dict[str, list[str]]) -> str:
    return hashlib.sha256("\n".join(line for name in sorted(files) for line in files[name]).encode()).hexdigest()


@pytest.mark.parametrize("recipe", ["summarise", "answer"])
def test_the_same_bytes_come_out_again(recipe: str, tmp_path: Path) -> None:
    assert digest(made(recipe, tmp_path / "one")) == digest(made(recipe, tmp_path / "two"))


def test_every_answer_is_one_of_the_passage_and_no_shortcut_finds_it(tmp_path: Path) -> None:
    files = made("answer", tmp_path)
    assert {name: len(lines) - 1 for name, lines in files.items()} == {
        "train.tsv": 12_000,
        "valid.tsv": 300,
        "test.tsv": 500,
    }
    rows = {name: [tuple(line.split("\t")) for line in lines[1:]] for name, lines in files.items()}
    asked = [row[:2] for of_file in rows.values() for row in of_file]
    assert len(set(asked)) == len(asked)
    first_of_kind = 0
    for question, passage, answer in rows["test.tsv"]:
        facts = [sentence.strip(". ") for sentence in passage.split(". ")]
        assert len(facts) == 4
        name = next(word for word in question.rstrip("?").split() if any(fact.startswith(word) for fact in facts))
        assert sum(fact.startswith(name) for fact in facts) == 2  # the name alone does not tell
        (right,) = [fact for fact in facts if fact.startswith(name) and fact.endswith(answer)][:1]
        kind = right.removeprefix(name).split()[0]
        alike = [fact for fact in facts if fact.split()[1] == kind]
        assert len(alike) == 2  # nor does the kind of the fact
        first_of_kind += alike[0] == right
    assert 200 < first_of_kind < 300  # of 500, by chance: four standard deviations are 45


def test_no_article_of_the_test_set_is_trained_on(tmp_path: Path) -> None:
    files = made("summarise", tmp_path)
    for part, n in (("train", 12_000), ("valid", 300), ("test", 500)):
        assert [len(files[f"{part}.{side}"]) for side in ("article", "headline")] == [n, n]
    assert not {*files["test.article"], *files["valid.article"]} & {*files["train.article"]}
    assert all(article.count(".") == 4 for article in files["test.article"])
