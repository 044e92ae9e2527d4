import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mtkit.errors import ConfigError
from mtkit.settings.attention import Part, attention_for
from mtkit.settings.describe import PAGE_HEAD, Setting, as_markdown, as_text, groups, section_of
from mtkit.settings.presets import SIZE_CLASSES
from mtkit.settings.recipe import Config
from mtkit.settings.section import settings_of

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
ARCHAIC = re.compile(r"\b(likewise|thereof|whereof|is no|are no|alike|anew|of its own)\b", flags=re.IGNORECASE)


def one(name: str) -> Setting:
    ((setting,),) = [group.settings for group in groups(name)]
    return setting


def every_field(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting of a recipe with its docstring; for sections without one, that of their class."""
    for key, field in settings_of(section).items():
        inner = section_of(field.annotation)
        of_class = inner.__doc__ if inner is not None and inner.model_fields else None
        yield prefix + key, (field.description or of_class or "").strip()
        if inner is not None:
            yield from every_field(inner, f"{prefix}{key}.")


FIELDS = dict(every_field())


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_a_docstring(name: str) -> None:
    text = FIELDS[name]
    assert text
    assert re.match(r'["`A-Z]', text)
    assert text.endswith(".")
    assert not ARCHAIC.search(text)


def test_every_setting_is_described_once_or_by_what_it_is_like() -> None:
    found = groups()
    names = [setting.name for group in found for setting in group.settings]
    assert len({*names}) == len(names)
    assert {"name", "data.train.weight", "data.cleaning.steps.length.max_words", "training.average.by"} <= {*names}
    described = {*names, *(group.name for group in found)}
    left = {name for name in FIELDS if not any(name == each or name.startswith(f"{each}.") for each in described)}
    assert not left


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_can_be_asked_for(name: str) -> None:
    assert any(name in (group.name, *(setting.name for setting in group.settings)) for group in groups(name))


@pytest.mark.parametrize(
    ("name", "values", "default"),
    [
        ("training.learning_rate", "number, above 0 and at most 10", "0.0007"),
        ("training.max_updates", "whole number, at least 1, or null", "100000"),
        ("training.max_epochs", "whole number, at least 1", "null"),
        ("training.accumulate", "whole number, at least 1, or auto", "1"),
        ("training.adam_betas", "list of 2, each number, at least 0 and below 1", "[0.9, 0.98]"),
        ("training.precision", "auto, fp32 or bf16", "auto"),
        ("training.validate_text", "true or false", "true"),
        ("decoding.beam_size", "whole number from 1 to 10,000", "5"),
        ("data.src_lang", "text; required", None),
        ("data.train.0.tags", "list of text", "[]"),
        ("data.train.weight", "number from 1e-09 to 1,000,000,000, or a section of them", "null"),
        ("data.cleaning.steps.nfc", "no settings", None),
        ("model.decoder_architecture", "transformer, rnn or conv", "null"),
    ],
)
def test_types_in_words(name: str, values: str, default: str | None) -> None:
    setting = one(name)
    assert (setting.values, setting.default) == (values, default)


@pytest.mark.parametrize("part", ["encoder", "decoder", "cross"])
def test_attention_names_what_may_stand_there(part: Part) -> None:
    values = one(f"model.{part}_attention").values
    assert values.endswith(", or a list of them")
    assert re.findall(r"\w+", values.partition(", or a list")[0].replace(" or ", ", ")) == attention_for(part)


def test_a_list_within_entries_of_a_list_is_described_elsewhere() -> None:
    (train,) = [group for group in groups() if group.name == "data.train"]
    values = {setting.name: setting.values for setting in train.settings}
    assert values["data.train.filters"] == "list of sections as ``data.cleaning.steps``"


def test_presets_say_what_they_give() -> None:
    notes = one("training.learning_rate").notes[0]
    of_presets: dict[str, Any] = {
        preset: value for value, names in re.findall(r"([\d.]+) \((.*?)\)", notes) for preset in names.split(", ")
    }
    assert {preset: float(value) for preset, value in of_presets.items()} == {
        name: size.training["learning_rate"] for name, size in SIZE_CLASSES.items()
    }
    assert one("training.seed").notes == ()
    assert one("decoding.beam_size").notes == ("It may change when a run resumes.",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("training.learning_rat", "training.learning_rat: unknown setting; did you mean learning_rate?"),
        ("learning_rate", "learning_rate: unknown setting; did you mean training.learning_rate?"),
        ("trainin", "trainin: unknown setting; did you mean training?"),
        ("trainin.learning_rate", "trainin.learning_rate: unknown setting; did you mean training.learning_rate?"),
        ("data.train.0.wieght", "data.train.wieght: unknown setting; did you mean weight?"),
        ("training.seed.x", "training.seed.x: unknown setting"),
        ("0", "0: unknown setting"),
        (".", ".: unknown setting"),
    ],
)
def test_an_unknown_setting_is_told_what_was_meant(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        groups(name)
    assert str(error.value) == message


def test_the_page_is_current() -> None:
    expected = PAGE_HEAD + "\n".join(as_markdown(groups()))
    assert PAGE.read_text(encoding="utf-8").rstrip() == expected.rstrip(), (
        "renew it: mtkit settings --markdown > docs/settings.md"
    )


def test_nothing_on_the_page_is_taken_for_markup() -> None:
    outside_of_code = re.sub(r"`[^`\n]+`", "", PAGE.read_text(encoding="utf-8"))
    assert not re.search(r"<|``(?!`)|&\w+;", outside_of_code.replace("```", ""))


@pytest.mark.parametrize("width", [40, 100])
def test_text_fits_the_terminal(width: int) -> None:
    lines = list(as_text(groups(), width))
    assert max(map(len, lines)) <= max(width, len("data.cleaning.steps.characters.max_punctuation:"))
    assert not any("`" in line for line in lines)
