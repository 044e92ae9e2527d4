import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mtkit.cli.doctor import doctor
from mtkit.cli.preprocess import preprocess
from mtkit.errors import ConfigError, DataError, MtkitError

RECIPE = """
data:
  src_lang: en
  tgt_lang: de
  train: {src: train.en, tgt: train.de, name: fruit}
  valid: {src: valid.en, tgt: valid.de}
  test: {src: valid.en, tgt: valid.de, name: held-out}
tokenizer:
  type: word
"""
KEYS = {
    "format", "mtkit", "src_lang", "tgt_lang", "n_pairs", "n_serious", "sources", "findings", "not_found",
    "not_examined", "lengths", "tokens",
}  # fmt: skip
FINDING_KEYS = {
    "name", "severity", "count", "share", "of", "what", "cure", "remark", "by_source", "samples", "places",
}  # fmt: skip


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with a recipe and its corpus, in which the commands run; ten of its hundred pairs are copies."""
    (tmp_path / "fruit.yaml").write_text(RECIPE)
    pairs = [(f"{n} apples", f"{n} Äpfel") for n in range(90)] + [(f"{n} figs", f"{n} figs") for n in range(10)]
    for name, lines in {
        "train.en": [src for src, _ in pairs],
        "train.de": [tgt for _, tgt in pairs],
        "valid.en": ["7 apples", "a plum"],
        "valid.de": ["7 Äpfel", "eine Pflaume"],
    }.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(doctor)
    return CliRunner().invoke(app, arguments)


def refused(*arguments: str) -> MtkitError:
    """The error that the command ends with."""
    result = run(*arguments)
    assert isinstance(result.exception, MtkitError), result.output
    return result.exception


def test_the_report_says_what_was_found_and_what_would_cure_it() -> None:
    result = run("fruit.yaml")
    assert result.exit_code == 0
    shown = result.stdout.splitlines()
    assert shown[:3] == ["train fruit: 100 pairs", "valid valid: 2 pairs", "test held-out: 2 pairs"]
    assert "serious: copied: 10 pairs whose target is the source, copied, 10.0 % of 100 pairs" in shown
    assert "  cure: data.cleaning.steps: [identical]" in shown
    assert "  all: fruit:8=valid:1, fruit:8=held-out:1" in shown


def test_json_has_the_keys_that_are_documented() -> None:
    report = json.loads(run("-c", "fruit.yaml", "--json").stdout)
    assert set(report) == KEYS
    assert report["format"] == 1
    assert all(set(found) == FINDING_KEYS for found in report["findings"])
    documented = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert [key for key in KEYS | FINDING_KEYS if f"`{key}`" not in documented] == []


def test_every_finding_is_documented() -> None:
    from mtkit.doctor.findings import KINDS

    documented = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert [name for name in KINDS if f"`{name}`" not in documented] == []


def test_two_files_need_no_recipe() -> None:
    recipe, files = (
        json.loads(run(*arguments, "--json").stdout)
        for arguments in (["fruit.yaml"], ["--src", "train.en", "--tgt", "train.de"])
    )
    copied = [next(f for f in report["findings"] if f["name"] == "copied") for report in (recipe, files)]
    assert copied[0]["count"] == copied[1]["count"] == 10
    assert files["src_lang"] == "en"
    assert files["sources"] == [{"place": "train", "name": "train", "n_src": 100, "n_tgt": 100, "n_pairs": 100}]


def test_the_recipe_s_tokenizer_is_taken_where_it_is() -> None:
    assert json.loads(run("fruit.yaml", "--json").stdout)["tokens"] is None
    app = typer.Typer()
    app.command()(preprocess)
    assert CliRunner().invoke(app, ["fruit.yaml"]).exit_code == 0
    src, _ = json.loads(run("fruit.yaml", "--json").stdout)["tokens"]
    assert (src["n_words"], src["tokens_per_word"], src["n_unknown"]) == (200, 1.0, 0)
    _, tgt = json.loads(run("--src", "valid.de", "--tgt", "valid.en", "-t", "prepared/fruit", "--json").stdout)[
        "tokens"
    ]
    assert tgt["uncovered"] == {"u": 1, "m": 1}  # of a plum, where apples have been seen


def test_strict_fails_where_something_is_serious() -> None:
    error = refused("fruit.yaml", "--strict")
    assert isinstance(error, DataError)
    assert str(error).startswith("--strict: ")
    Path("good.en").write_text("One apple.\nTwo pears.\n")
    Path("good.de").write_text("Ein Apfel.\nZwei Birnen.\n")
    assert run("--src", "good.en", "--tgt", "good.de", "--strict").exit_code == 0


def test_line_ends_and_byte_order_marks_are_seen() -> None:
    Path("mixed.en").write_bytes(b"\xef\xbb\xbfOne apple.\r\nTwo pears.\n")
    Path("plain.de").write_bytes(b"Ein Apfel.\r\nZwei Birnen.\r\n")
    report = json.loads(run("--src", "mixed.en", "--tgt", "plain.de", "--json").stdout)
    found = {f["name"]: f for f in report["findings"]}
    assert (found["mixed_line_ends"]["count"], found["mixed_line_ends"]["of"]) == (1, "2 lines")
    assert found["byte_order_mark"]["remark"] == "mixed.en"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fruit.yaml", "-c", "fruit.yaml"],
        ["fruit.yaml", "--src", "train.en", "--tgt", "train.de"],
        ["--src", "train.en"],
        ["fruit.yaml", "--src-lang", "en"],
    ],
)
def test_one_corpus_is_needed(arguments: list[str]) -> None:
    assert isinstance(refused(*arguments), ConfigError)


def test_a_missing_file_is_one_line() -> None:
    assert "absent.en: No such file" in str(refused("--src", "absent.en", "--tgt", "train.de"))


def test_a_missing_tokenizer_is_one_line() -> None:
    assert "nowhere" in str(refused("fruit.yaml", "-t", "nowhere"))
