from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mtkit.cli.preprocess import preprocess
from mtkit.data.corpus.prepared import open_prepared
from mtkit.errors import ConfigError, DataError, MtkitError

RECIPE = """
data:
  src_lang: en
  tgt_lang: de
  train: {src: train.en, tgt: train.de}
  valid: {src: valid.en, tgt: valid.de}
  test: {src: valid.en, tgt: valid.de, name: held-out}
tokenizer:
  type: word
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a recipe and its corpus, in which the commands run."""
    (tmp_path / "fruit.yaml").write_text(RECIPE)
    pairs = [(f"{n} apples", f"{n} Äpfel") for n in range(50)]
    for name, lines in {
        "train.en": [*(src for src, _ in pairs), "0 apples", ""],
        "train.de": [*(tgt for _, tgt in pairs), "0 Äpfel", "leer"],
        "valid.en": ["7 apples", ""],
        "valid.de": ["7 Äpfel", "nichts"],
    }.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(preprocess)
    return CliRunner().invoke(app, arguments)


def refused(*arguments: str) -> MtkitError:
    """The error that the command ends with."""
    result = run(*arguments)
    assert isinstance(result.exception, MtkitError), result.output
    assert result.stdout == ""
    return result.exception


def test_the_report_says_what_became_of_each_source() -> None:
    result = run("fruit.yaml")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "train train: 50 pairs of 52 (dropped: 1 empty, 1 duplicate), 100 + 100 tokens",
        "valid valid: 2 pairs, 2 + 3 tokens",
        "test held-out: 2 pairs, 2 + 3 tokens",
        "vocabulary: 56 pieces for both languages, word",
        "prepared corpus: prepared/fruit",
    ]
    assert open_prepared(Path("prepared/fruit")).manifest.n_train == 50


def test_the_same_command_again_reports_the_same() -> None:
    assert run("fruit.yaml").stdout == run("-c", "fruit.yaml").stdout


@pytest.mark.parametrize(
    ("arguments", "directory"),
    [
        (["-o", "there"], "there"),
        (["--set", "data.prepared=elsewhere"], "elsewhere"),
        (["--set", "data.prepared=elsewhere", "-o", "there"], "there"),
        (["--set", "name=other"], "prepared/other"),
    ],
)
def test_the_corpus_goes_where_it_is_sent(arguments: list[str], directory: str) -> None:
    assert run("fruit.yaml", *arguments).stdout.endswith(f"prepared corpus: {directory}\n")
    assert (Path(directory) / "manifest.json").exists()


def test_settings_may_be_overridden() -> None:
    result = run("fruit.yaml", "--set", "tokenizer.joint=false", "--set", "model.tie_embeddings=none")
    assert "vocabulary: 55 + 55 pieces, word" in result.stdout


def test_other_settings_need_overwrite() -> None:
    run("fruit.yaml")
    changed = ["fruit.yaml", "--set", "data.cleaning.drop_duplicates=false"]
    error = refused(*changed)
    assert isinstance(error, DataError)
    assert "add --overwrite" in str(error)
    assert "51 pairs of 52 (dropped: 1 empty)" in run(*changed, "--overwrite").stdout


def test_print_config_writes_nothing() -> None:
    result = run("fruit.yaml", "--set", "data.cleaning.max_tokens=9", "--print-config")
    assert "data.cleaning.max_tokens: 9  # --set" in result.stdout.splitlines()
    assert not Path("prepared").exists()


@pytest.mark.parametrize("arguments", [[], ["fruit.yaml", "-c", "fruit.yaml"]])
def test_one_recipe_is_needed(arguments: list[str]) -> None:
    assert isinstance(refused(*arguments), ConfigError)


def test_a_dry_run_shows_samples_and_writes_nothing() -> None:
    before = set(Path().rglob("*"))
    result = run("fruit.yaml", "--dry-run", "--set", "data.cleaning.steps=[{length: {min_words: 2}}, quotes]")
    assert result.stdout.splitlines() == [
        "train train: 50 pairs of 52 (dropped: 1 empty, 1 duplicate)",
        "  empty, pair 52: '' | 'leer'",
        "  duplicate, pair 51: '0 apples' | '0 Äpfel'",
        "nothing written; max_tokens and max_ratio count tokens and were not looked at",
    ]
    assert set(Path().rglob("*")) == before


def test_steps_are_reported_by_name() -> None:
    steps = "data.cleaning.steps=[nfkc, {length: {min_characters: 8}}, {length: {max_characters: 8}}]"
    result = run("fruit.yaml", "--set", steps, "--dry-run", "--workers", "1")
    assert result.stdout.startswith("train train: 0 pairs of 52 (dropped: 1 empty, 11 length, 40 length-2)\n")
    with_changes = ["fruit.yaml", "--set", "data.cleaning.steps=[quotes, {leakage: {by: src}}]"]
    Path("train.en").write_text("".join(f"‘{n}’ apples\n" for n in range(52)))
    result = run(*with_changes)
    assert result.stdout.startswith("train train: 52 pairs (changed: 52 quotes), ")
    assert run(*with_changes).stdout == result.stdout


def test_a_misspelt_step_is_told_what_was_meant() -> None:
    error = refused("fruit.yaml", "--set", "data.cleaning.steps=[near_duplicates]")
    assert "data.cleaning.steps.0.near_duplicates: unknown setting; did you mean near_duplicate?" in str(error)
