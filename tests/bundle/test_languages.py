from dataclasses import replace
from pathlib import Path

import pytest

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.bundle.languages import direction_of, forced_for, has_tags, languages_of, prefix_for, prefixes_for
from mtkit.data.tokens.special import Prefix
from mtkit.errors import ConfigError
from mtkit.settings.data import DataConfig
from tests.tiny_foreign import save_foreign_bundle


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


def test_a_language_goes_by_any_usual_name(bundle: Bundle) -> None:
    several = of_directions(bundle, "en-de", "fr-de", "fr-en")
    assert direction_of(several, "French", "deu_Latn") == ("fr", "de")
    assert direction_of(several, ">>eng<<") == ("en", "de")


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(save_foreign_bundle(tmp_path_factory.mktemp("foreign") / "model", needed=True))


def test_a_model_with_no_direction_of_its_own_asks_for_one(multilingual: Bundle) -> None:
    for given, missing in (
        ((None, None), "--src-lang CODE and --tgt-lang CODE"),
        (("en", None), "--tgt-lang CODE"),
        ((None, "de"), "--src-lang CODE"),
    ):
        with pytest.raises(
            ConfigError, match=f"a model of 3 languages: add {missing} \\(mtkit languages .* lists them"
        ):
            prefixes_for(multilingual, *given)
    assert languages_of(multilingual).default is None
    own = replace(multilingual, metadata={})
    assert direction_of(own) == ("eng_Latn", "deu_Latn")
    assert languages_of(own).default == ("eng_Latn", "deu_Latn")


def test_the_ids_of_languages_are_those_of_their_pieces(multilingual: Bundle) -> None:
    pieces = list(multilingual.tokenizer.src_pieces)
    de, en, fr = (pieces.index(tag) for tag in ("__de__", "__en__", "__fr__"))
    assert prefixes_for(multilingual, "English", "fr_FR") == Prefix((en,), (fr, de))
    assert prefix_for(multilingual, "de", "en") == [de]
    assert forced_for(multilingual, "en") == [en]
    assert direction_of(multilingual, "de", "__en__") == ("deu_Latn", "eng_Latn")
    languages = languages_of(multilingual)
    assert languages.src == languages.tgt == ["deu_Latn", "eng_Latn", "fra_Latn"]
    assert has_tags(multilingual)


def test_an_unknown_language_is_never_the_unknown_token(multilingual: Bundle) -> None:
    with pytest.raises(
        ConfigError, match=r"--tgt-lang xx: .* xx is not a language code; it knows deu_Latn, eng_Latn, fra"
    ):
        prefixes_for(multilingual, "en", "xx")
    with pytest.raises(ConfigError, match="--src-lang Spanish: "):
        prefixes_for(multilingual, "Spanish", "en")


def test_of_many_languages_the_near_ones_are_named(tmp_path: Path) -> None:
    codes = "afr cat ces dan deu eng epo est eus fin fra glg hau hrv hun ind isl ita lit"
    names = [f"{code}_Latn" for code in codes.split()]
    names += ["lvs_Latn", "zho_Hans", "zho_Hant"]
    every = {name: ["__de__"] for name in names}
    bundle = load_bundle(save_foreign_bundle(tmp_path / "m", languages={"source": every, "forced": every}, needed=True))
    with pytest.raises(ConfigError, match=r"near ones are deu_Latn \(German\).*; mtkit languages .* lists all 22$"):
        prefixes_for(bundle, "Germn", "en")
    assert direction_of(bundle, "zh-TW", "zh") == ("zho_Hant", "zho_Hans")


def test_two_regions_of_one_language_must_be_told_apart(tmp_path: Path) -> None:
    forced = {"pt_BR": ["__de__"], "pt_PT": ["__fr__"]}
    bundle = load_bundle(save_foreign_bundle(tmp_path / "m", languages={"forced": forced}, direction=("en", "pt_BR")))
    with pytest.raises(ConfigError, match=r"--tgt-lang pt: .* knows pt_BR, pt_PT: name one of them"):
        prefixes_for(bundle, tgt_lang="pt")
    assert direction_of(bundle, "eng", "Brazilian Portuguese") == ("en", "pt_BR")
    with pytest.raises(ConfigError, match=r"--src-lang fr: .* it knows en$"):
        direction_of(bundle, "fr")


def test_a_model_of_one_direction_says_which(bundle: Bundle) -> None:
    one = of_directions(bundle, "en-pt")
    with pytest.raises(ConfigError, match=r"--src-lang pt --tgt-lang en: .* translates en to pt only$"):
        direction_of(one, "pt", "en")
    assert direction_of(one, "English", "por") == ("en", "pt")
    with pytest.raises(ConfigError, match=r"--src-lang xx: .* xx is not a language code; it knows en$"):
        direction_of(one, "xx", "pt")
