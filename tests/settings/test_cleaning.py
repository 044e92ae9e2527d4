import pytest
from pydantic import ValidationError

from mtkit.errors import ConfigError
from mtkit.settings.cleaning import CleaningConfig, LengthStep, StepConfig
from mtkit.settings.resolve import Settings


def steps_of(*steps: object) -> list[StepConfig]:
    return CleaningConfig.model_validate({"steps": steps}).steps


def test_a_name_alone_takes_its_defaults() -> None:
    named, spelled, empty = steps_of("length", {"length": {}}, {"length": None})
    assert named == spelled == empty
    assert (named.name, named.parameters) == ("length", LengthStep())


def test_steps_are_written_down_with_every_parameter_and_read_back() -> None:
    config = CleaningConfig.model_validate({"steps": ["nfc", {"length": {"max_words": 9}}, "near_duplicate"]})
    tree = config.model_dump(mode="json")
    assert tree["steps"] == [
        "nfc",
        {"length": {"min_characters": 1, "max_characters": 1000, "min_words": 1, "max_words": 9}},
        {"near_duplicate": {"by": "pair"}},
    ]
    assert CleaningConfig.model_validate(tree) == config


@pytest.mark.parametrize("step", [{}, {"nfc": {}, "spaces": {}}, 5, {"score": {}}, {"ratio": {"max": 0.5}}, None])
def test_what_is_no_step_is_refused(step: object) -> None:
    with pytest.raises(ValidationError):
        steps_of(step)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("[lenght]", r"steps\.0\.lenght: unknown setting; did you mean length\?"),
        ("[nfc, {length: {max_word: 3}}]", r"steps\.1\.length\.max_word: unknown setting; did you mean max_words\?"),
        ("[{duplicate: {by: source}}]", r"steps\.0\.duplicate\.by: must be 'pair', 'src' or 'tgt' \(got 'source'"),
        ("[{score: }]", r"steps\.0\.score: give min, max or both"),
        ("[{nfc: , spaces: }]", r"steps\.0: a step has one name, here are 2: nfc, spaces"),
    ],
)
def test_mistakes_are_named_at_their_place(steps: str, message: str) -> None:
    files = [{"src": "a", "tgt": "b"}]
    flags: dict[str, object] = {"data.src_lang": "en", "data.tgt_lang": "de", "data.train": files, "data.valid": files}
    with pytest.raises(ConfigError, match=message):
        Settings.load(None, overrides=[f"data.cleaning.steps={steps}"], flags=flags).config()
