import numpy as np
import pytest

from mtkit.data.cleaning.reasons import N_VERDICTS, drop_report, length_verdicts
from mtkit.settings.cleaning import CleaningConfig

KEPT, EMPTY, DUPLICATE, TOO_LONG, LENGTH_RATIO = range(5)


@pytest.mark.parametrize(
    ("src_tokens", "tgt_tokens", "expected"),
    [
        (1, 1, KEPT),
        (0, 5, EMPTY),
        (5, 0, EMPTY),
        (0, 0, EMPTY),
        (10, 10, KEPT),
        (11, 10, TOO_LONG),
        (10, 11, TOO_LONG),
        (2, 6, KEPT),
        (2, 7, LENGTH_RATIO),
        (10, 3, LENGTH_RATIO),
        (11, 1, TOO_LONG),
    ],
)
def test_lengths_are_judged_by_the_first_limit_that_is_exceeded(
    src_tokens: int, tgt_tokens: int, expected: int
) -> None:
    config = CleaningConfig(max_tokens=10, max_ratio=3)
    lengths = [np.array([tokens], dtype=np.int32) for tokens in (src_tokens, tgt_tokens)]
    assert length_verdicts(lengths[0], lengths[1], config).tolist() == [expected]


def test_the_report_names_the_reasons_that_occurred() -> None:
    counts = np.zeros(N_VERDICTS, dtype=np.int64)
    counts[[0, DUPLICATE, LENGTH_RATIO, 6]] = [7, 2, 1, 4]
    assert drop_report(counts, {5: "length", 6: "ratio"}) == {"duplicate": 2, "length_ratio": 1, "ratio": 4}
