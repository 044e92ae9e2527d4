from dataclasses import replace
from pathlib import Path

import pytest

from mtkit.bundle.bundle import load_bundle
from mtkit.settings.source import SourceConfig
from mtkit.translation.completeness import is_short, missing
from mtkit.translation.translator import Translator
from tests.translation.test_splitting import lines_of


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("A cat.", "Eine Katze.", []),
        ("%1$s has {n} <b>cats</b>", "%1$s hat {n} <b>Katzen</b>", []),
        ("%1$s has {n} <b>cats</b>", "hat Katzen", ["%1$s", "{n}", "</b>", "<b>"]),
        ("%s and %s", "%s", ["%s"]),
        ("See https://a.org/x, or a@b.org.", "Siehe https://a.org/x.", ["a@b.org"]),
        ("A cat 😀 ♥", "Eine Katze ♥", ["😀"]),
        ("😀😀", "😀", ["😀"]),
        ("20 % d'accord, 50 % des", "20 % einig", []),
        ("5 € – “yes” ≤ ½", "5", []),  # what a language writes otherwise
    ],
)
def test_what_has_to_stand_there_as_it_is_is_missed(source: str, translation: str, expected: list[str]) -> None:
    assert missing(source, translation) == expected


def test_characters_that_the_model_cannot_read_are_missed() -> None:
    assert missing("a ☃ б", "a", ["☃", "б"]) == ["☃", "б"]
    assert missing("a ☃", "a ☃", ["☃"]) == []


def test_a_translation_says_what_it_lacks(translator: Translator) -> None:
    found = translator.translate(["The cat € {name} sat.", "The cat sat.", "<b>The cat</b> Щ"])
    assert found[0].missing == ["{name}", "€"]
    assert found[1].missing == []
    assert found[2].missing == ["</b>", "<b>", "Щ"]


def test_short_is_told_by_the_lengths_of_the_training_pairs() -> None:
    assert is_short(40, 10, None)
    assert not is_short(40, 20, None)
    assert not is_short(5, 0, None)
    few = lines_of(sentences=[0.0])
    assert not is_short(40, 10, type(few)(few.n_lines, few.n_tokens, few.sentences, tgt_per_src=0.5))


def test_the_separator_of_joined_parts_is_not_missed(bundle_directory: Path) -> None:
    bundle = load_bundle(bundle_directory)
    assert bundle.data is not None
    source = SourceConfig.model_validate({"tsv": "x", "columns": [[0, 1], 2]})
    joined = replace(bundle, data=bundle.data.model_copy(update={"train": [source]}))
    plain, knowing = (Translator.load(each, device="cpu", threads=1, engine="torch") for each in (bundle, joined))
    text = "The cat <sep> sat <b>."
    assert {*plain.translate([text])[0].missing} >= {"<sep>", "<b>"}
    assert "<sep>" not in knowing.translate([text])[0].missing
    assert "<b>" in knowing.translate([text])[0].missing
