import re
from pathlib import Path

import pytest

from mtkit.cli.options import (
    ImpossibleNumber,
    check_one_corpus,
    check_stdin,
    corpus_instead_of_recipe,
    needed,
    number,
    one_recipe,
    recipe_or_model,
)
from mtkit.errors import ConfigError
from mtkit.settings.bounds import Bounds

A, B = Path("a.yaml"), Path("b.yaml")


def test_a_recipe_is_named_once() -> None:
    assert (one_recipe(A, None), one_recipe(None, B), one_recipe(None, None)) == (A, B, None)
    with pytest.raises(ConfigError, match=r"^two recipes, a\.yaml and b\.yaml: name one$"):
        one_recipe(A, B)


def test_a_directory_in_the_place_of_a_recipe_is_a_model(tmp_path: Path) -> None:
    assert recipe_or_model(tmp_path, None, None, changes=False, verb="describes") == (None, tmp_path)
    assert recipe_or_model(A, None, None, changes=True, verb="describes") == (A, None)
    assert recipe_or_model(None, None, B, changes=False, verb="describes") == (None, B)


@pytest.mark.parametrize(("recipe", "model", "changes"), [(A, B, False), (None, B, True), (Path(), None, True)])
def test_a_trained_model_cannot_be_changed(recipe: Path | None, model: Path | None, changes: bool) -> None:
    with pytest.raises(ConfigError, match=r"^-m measures a trained model as it is: leave out the recipe"):
        recipe_or_model(recipe, None, model, changes=changes, verb="measures")


def test_a_file_of_pairs_in_the_place_of_a_recipe_is_a_corpus() -> None:
    memory, src, tgt = Path("my.tmx"), Path("a.en"), Path("a.de")
    assert corpus_instead_of_recipe("train", memory, None, None, None) == (None, [memory], [])
    assert corpus_instead_of_recipe("train", A, None, [src], [tgt]) == (A, [src], [tgt])
    with pytest.raises(ConfigError, match=r"^two corpora, my\.tmx and a\.en: name both with --src$"):
        corpus_instead_of_recipe("train", memory, None, [src], None)
    with pytest.raises(ConfigError, match=r"^--src and --tgt go together"):
        corpus_instead_of_recipe("train", None, None, None, [tgt])


def test_a_text_in_the_place_of_a_recipe_is_told(tmp_path: Path) -> None:
    for name in ("my.en.gz", "my.txt"):
        text = tmp_path / name
        text.write_text("a text")
        with pytest.raises(ConfigError, match=rf"a text, not a recipe; .*: mtkit doctor --src {text} --tgt FILE$"):
            corpus_instead_of_recipe("doctor", text, None, None, None)
        with pytest.raises(ConfigError, match=rf": mtkit train --src {text} --tgt my\.de$"):
            corpus_instead_of_recipe("train", text, None, None, [Path("my.de")])


@pytest.mark.parametrize(
    ("recipe", "srcs", "lang", "message"),
    [
        (None, [], None, "give one corpus: mtkit doctor RECIPE, or"),
        (A, [B], None, "give one corpus: mtkit doctor RECIPE, or"),
        (A, [], "en", "--src-lang and --tgt-lang go with --src; a recipe names its own languages"),
    ],
)
def test_one_corpus_is_asked_for(recipe: Path | None, srcs: list[Path], lang: str | None, message: str) -> None:
    check_one_corpus("doctor", None, [A], "en", None)
    check_one_corpus("doctor", A, [], None, None)
    with pytest.raises(ConfigError, match=f"^{message}"):
        check_one_corpus("doctor", recipe, srcs, lang, None)


def test_a_model_is_named_once() -> None:
    assert needed(A) == needed(None, A) == A
    with pytest.raises(ConfigError, match="two models"):
        needed(A, B)
    with pytest.raises(ConfigError, match="no model; give"):
        needed(None)


def test_a_number_that_is_typed_lies_within_its_bounds() -> None:
    read = number(Bounds(0, 5))
    assert read("2.5") == 2.5
    for typed, reason in (("two", "is not a number"), ("6", "must be at most 5"), ("nan", "must be a finite number")):
        with pytest.raises(ImpossibleNumber, match=re.escape(f"{typed}: {reason}")):
            read(typed)


def test_standard_input_is_read_once() -> None:
    check_stdin("-", None, Path("a"), Path("b"))
    with pytest.raises(ConfigError, match="standard input can be read only once"):
        check_stdin("-", Path("-"))
