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
        (Asked(beam_size="3"), "beam size '3': must be a whole number"),  # type: ignore[typeddict-item]
        (Asked(beam_size=2.5), "beam size 2.5: must be a whole number"),  # type: ignore[typeddict-item]
        (Asked(beam_size=True), "beam size True: must be a whole number"),
        (Asked(length_penalty="x"), "length penalty 'x': must be a number"),  # type: ignore[typeddict-item]
        (Asked(length_penalty=11), "length penalty 11: must be at most 10"),
        (Asked(length_penalty=float("nan")), "length penalty nan: must be a finite number"),
    ],
)
def test_what_is_not_possible_is_refused(asked: Asked, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchOptions.of(DECODING, **asked)


def options(beam_size: int = 5, n_best: int = 1, ratio: float = 1.5, offset: int = 3) -> SearchOptions:
    return SearchOptions(beam_size, n_best, 1.0, max_length_ratio=ratio, max_length_offset=offset)


@pytest.mark.parametrize(("beam_size", "n_best"), [(1, 2), (5, 0), (0, 0), (3, -1)])
def test_no_more_hypotheses_are_returned_than_are_kept(beam_size: int, n_best: int) -> None:
    with pytest.raises(ValueError, match=r"n_best .* must lie between 1 and beam_size"):
        options(beam_size, n_best)


@pytest.mark.parametrize(
    ("n_src_tokens", "ratio", "offset", "limit", "expected"),
    [(5, 1.5, 3, 100, 10), (5, 1.5, 3, 8, 8), (1, 0.1, 0, 100, 1), (10, 1.0, -20, 100, 1)],
)
def test_the_longest_hypothesis_has_one_token_at_least_and_keeps_to_the_limit(
    n_src_tokens: int, ratio: float, offset: int, limit: int, expected: int
) -> None:
    assert options(ratio=ratio, offset=offset).max_length(n_src_tokens, limit) == expected
