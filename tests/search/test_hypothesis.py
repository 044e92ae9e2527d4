import pytest

from mtkit.search.hypothesis import SearchOptions


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
