import json
from pathlib import Path

import pytest
import yaml

from mtkit.bundle.bundle import load_bundle
from mtkit.evaluation.certainty.before_after import BeforeAfter, Difference, SetDifference
from mtkit.exchange.card import card_of
from mtkit.exchange.origin import Origin
from tests.tiny import save_tiny_bundle

ORIGIN = Origin("marian", "huggingface", "Helsinki-NLP/opus-mt-en-de", licence="CC-BY-NC-4.0")
SCORE = {"metric": "chrf", "name": "chrF2", "value": 55.51, "signature": "nrefs:1|nc:6"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return save_tiny_bundle(tmp_path / "model")


def note(directory: Path, **values: object) -> None:
    manifest = json.loads((directory / "mtkit.json").read_text())
    (directory / "mtkit.json").write_text(json.dumps(manifest | values))


def page(directory: Path, origin: Origin | None = None, licence: str | None = None, text_prefix: str = "") -> str:
    return card_of(load_bundle(directory), origin, licence=licence, text_prefix=text_prefix).markdown()


def front_matter(text: str) -> dict[str, object]:
    _, front, _ = text.split("---\n", 2)
    found: dict[str, object] = yaml.safe_load(front)
    return found


def test_it_says_what_the_hub_asks(directory: Path) -> None:
    front = front_matter(page(directory))
    assert (front["language"], front["library_name"], front["pipeline_tag"]) == (
        ["en", "xx"],
        "transformers",
        "translation",
    )
    assert front["tags"] == ["translation", "mtkit", "en-xx"]
    assert not {"license", "base_model", "model-index"} & front.keys()


def test_the_origin_and_its_licence_are_named(directory: Path) -> None:
    text = page(directory, ORIGIN)
    front = front_matter(text)
    assert (front["base_model"], front["license"]) == ("Helsinki-NLP/opus-mt-en-de", "cc-by-nc-4.0")
    assert "This licence forbids commercial use" in text
    assert "Fine-tuned from Helsinki-NLP/opus-mt-en-de with mtkit" in text


def test_a_licence_that_is_named_now_counts(directory: Path) -> None:
    text = page(directory, ORIGIN, licence="MIT")
    assert front_matter(text)["license"] == "mit"
    assert "commercial" not in text


def test_a_licence_in_words_is_another(directory: Path) -> None:
    front = front_matter(page(directory, licence="ask us: we are kind"))
    assert (front["license"], front["license_name"]) == ("other", "ask us: we are kind")


def test_scores_stand_with_their_signatures(directory: Path) -> None:
    note(directory, scores={"test": [SCORE], "other | set": [{"metric": "bleu", "value": 3}]})
    text = page(directory)
    assert "| test | chrF2 | 55.51 | nrefs:1\\|nc:6 |" in text
    index = front_matter(text)["model-index"]
    assert isinstance(index, list)
    (first, second) = index[0]["results"]
    assert first["metrics"] == [
        {"type": "chrf", "name": "chrF2", "value": 55.51, "args": {"signature": "nrefs:1|nc:6"}}
    ]
    assert second["dataset"] == {"type": "other-set", "name": "other | set"}


@pytest.mark.parametrize("scores", [None, [], "good", {"test": "good"}, {"test": [None, {}, {"metric": "bleu"}]}])
def test_scores_of_another_kind_are_left_out(directory: Path, scores: object) -> None:
    note(directory, scores=scores)
    assert "## Scores" not in page(directory)


def test_what_fine_tuning_changed_is_a_table(directory: Path) -> None:
    change = Difference("bleu", "BLEU", 20.0, 23.456, 2.0, 4.5, 0.001, "nrefs:1|case:mixed")
    sets = [SetDifference("medical", "new", 800, 1000, [change]), SetDifference("news", "old", 500, 500, [change])]
    note(directory, comparison=BeforeAfter("/home/me/base", "abcdef0123456789", sets).as_json())
    text = page(directory)
    assert "Fine-tuned from base, weights abcdef012345:" in text
    row = "| BLEU | 20.00 | 23.46 | +3.46 (+2.00 to +4.50) | nrefs:1\\|case:mixed |"
    assert f"| test set medical, 800 of 1,000 lines {row}" in text
    assert f"| old test set news, 500 lines {row}" in text
    note(directory, comparison={"base": 1})
    assert "## Before and after" not in page(directory)


def test_data_is_named_with_its_hash_and_without_its_place(directory: Path) -> None:
    note(directory, data={"/home/me/secret/train.en": "a" * 64, "data/train.xx": "b" * 64})
    text = page(directory)
    assert f"| train.en | `{'a' * 64}` |" in text
    assert f"| data/train.xx | `{'b' * 64}` |" in text
    assert "secret" not in text


def test_the_tag_of_a_language_stands_in_the_example(directory: Path) -> None:
    assert 'tokenizer([">>xx<< ..."]' in page(directory, text_prefix=">>xx<< ")


def test_a_model_in_marians_files_is_not_one_for_transformers(directory: Path) -> None:
    text = page(directory, Origin("marian", "bergamot", "enpt-1693"))
    front = front_matter(text)
    assert front["library_name"] == "marian"
    assert "base_model" not in front  # no name on the hub
    assert "AutoTokenizer" not in text
    assert "mtkit import PATH -s en -t xx -o MODEL" in text
    assert "mtkit import PATH -s en -t xx -o MODEL" in page(directory, ORIGIN)


def test_what_was_trained_on_and_its_limits_are_told(directory: Path) -> None:
    note(directory, n_pairs={"train": 12_000, "test/test": 500}, data={"a": "b"}, scores={"test": [SCORE]})
    text = page(directory, ORIGIN)
    assert "12,000 pairs to train on" in text
    assert "| test (500 lines) | chrF2" in text
    assert "Nothing was measured of that." in text
    note(directory, n_pairs="many")
    assert "(500 lines)" not in page(directory)
