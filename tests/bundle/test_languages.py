from dataclasses import replace
from pathlib import Path

import pytest

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.bundle.languages import direction_of, prefix_for
from mtkit.errors import ConfigError
from mtkit.settings.data import DataConfig


@pytest.fixture(scope="module")
def bundle(bundle_directory: Path) -> Bundle:
    return load_bundle(bundle_directory)


def of_directions(bundle: Bundle, *directions: str) -> Bundle:
    """The same model, as if trained on other directions, the first of them its own."""
    files = {"src": "a", "tgt": "b"}
    pairs = [tuple(direction.split("-")) for direction in directions]
    data = DataConfig.model_validate(
        {
            "src_lang": pairs[0][0],
            "tgt_lang": pairs[0][1],
            "train": [{**files, "src_lang": src, "tgt_lang": tgt} for src, tgt in pairs],
            "valid": files,
        }
    )
    return replace(bundle, data=data, src_lang=pairs[0][0], tgt_lang=pairs[0][1])


def test_the_models_own_direction_comes_first(bundle: Bundle) -> None:
    several = of_directions(bundle, "en-de", "fr-de", "fr-en")
    assert direction_of(several) == ("en", "de")
    assert direction_of(several, "fr") == ("fr", "de")
    assert direction_of(several, tgt_lang="en") == ("fr", "en")
    assert direction_of(several, "en", "en") == ("en", "en")  # never seen, of languages that were


def test_a_language_that_the_model_does_not_know_is_named_with_those_that_it_does(bundle: Bundle) -> None:
    several = of_directions(bundle, "en-de", "fr-de")
    with pytest.raises(ConfigError, match=r"--src-lang es: .* was not trained on it; it knows en, fr$"):
        direction_of(several, "es")
    with pytest.raises(ConfigError, match=r"--tgt-lang en: .* was not trained on it; it knows de$"):
        direction_of(several, tgt_lang="en")


def test_a_model_without_tags_can_be_told_no_language(bundle: Bundle) -> None:
    assert prefix_for(bundle) == prefix_for(bundle, "en", "xx") == []
    several = of_directions(bundle, "en-de", "fr-de")
    assert prefix_for(several) == []
    with pytest.raises(ConfigError, match="trained without language tags"):
        prefix_for(several, "fr")


def test_a_model_from_before_recipes_were_kept_has_one_direction(bundle: Bundle) -> None:
    assert direction_of(replace(bundle, data=None)) == ("en", "xx")
