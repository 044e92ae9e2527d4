from dataclasses import asdict, fields

import pytest

from mtkit.errors import ConfigError
from mtkit.search.hypothesis import Asked, SearchOptions
from mtkit.settings.decoding import DecodingConfig

DECODING = DecodingConfig(beam_size=7, length_penalty=0.6, max_length_ratio=3.5, max_length_offset=11)
OF_LINES = {"split"}  # what a line is cut into before any search


def test_every_setting_of_the_model_reaches_the_search() -> None:
    expected = DECODING.model_dump(exclude=OF_LINES) | {"n_best": 1, "scores": True}
    assert asdict(SearchOptions.of(DECODING)) == expected


def test_what_is_asked_for_goes_before_the_settings() -> None:
    asked = Asked(beam_size=3, n_best=2, length_penalty=0.0, max_length_ratio=1.0, max_length_offset=0, scores=False)
    assert asdict(SearchOptions.of(DECODING, **asked)) == asked
    assert SearchOptions.of(DECODING, beam_size=None, length_penalty=None) == SearchOptions.of(DECODING)


def test_all_options_can_be_asked_for() -> None:
    assert Asked.__annotations__.keys() == {field.name for field in fields(SearchOptions)}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(n_best=8), "n-best 8 exceeds the beam size 7; add --beam-size 8"),
        (Asked(n_best=0), "n-best 0: must be at least 1"),
        (Asked(beam_size=0), "beam size 0: must be at least 1"),
        (Asked(length_penalty=11), "length penalty 11: must be at most 10"),
        (Asked(length_penalty=float("nan")), "length penalty nan: must be a finite number"),
    ],
)
def test_what_is_not_possible_is_refused(asked: Asked, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchOptions.of(DECODING, **asked)
