import json
import math
from typing import Any

import pytest

from mtkit.data.corpus.source_lines import SourceLines

LINES = SourceLines(1_000, {"0.5": 8, "0.9": 12, "0.99": 20, "0.999": 28, "1.0": 40}, [0.3, 0.05, 0.04], 1.2)


def test_what_was_written_is_read_again() -> None:
    assert SourceLines.from_json(json.loads(json.dumps(LINES.as_json()))) == LINES


def test_the_usual_is_what_is_frequent_enough_to_be_learnt() -> None:
    assert (LINES.usual_tokens, LINES.usual_sentences) == (28, 3)
    single = SourceLines(1_000, LINES.n_tokens | {"0.999": 0}, [], 1.0)
    assert (single.usual_tokens, single.usual_sentences) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"n_lines": "many"},
        {"n_tokens": {"0.5": 8}},
        {"n_tokens": None},
        {"sentences": 0.5},
        {"sentences": ["x"]},
        {"tgt_per_src": 0},
        {"tgt_per_src": -1},
        {"tgt_per_src": math.inf},
        {"tgt_per_src": math.nan},
        {"n_lines": math.inf},
    ],
    ids=str,
)
def test_a_damaged_record_is_none(change: dict[str, Any]) -> None:
    assert SourceLines.from_json(LINES.as_json() | change) is None


@pytest.mark.parametrize("value", [None, [], {}, "x", 5])
def test_another_value_is_none(value: Any) -> None:
    assert SourceLines.from_json(value) is None
