import json
import math
from typing import Any

import pytest

from mtkit.errors import DataError
from mtkit.translation.records import formatter, json_record, text_record
from mtkit.translation.translation import Candidate, Translation

SECOND = Candidate("zwei", ["zw", "ei"], -3.0, -1.5, finished=True)
FOUND = Translation("eins", ["eins"], -1.0, -0.5, finished=True, n_best=[], n_segments=1, missing=["%s"])


def test_a_line_of_text_keeps_its_end_apart() -> None:
    assert text_record("one", "a:1") == ("one", {"source": "one"}, "")
    assert text_record("one\r", "a:1") == ("one", {"source": "one"}, "\r")


def test_an_object_passes_its_fields_through() -> None:
    fields = {"id": 7, "source": "one", "more": [None]}
    assert json_record(json.dumps(fields), "a:1") == ("one", fields, "")
    assert json_record(" ", "a:1") == ("", {"source": ""}, "")


@pytest.mark.parametrize(
    "line", ["one", "[]", "{}", '{"source": 1}', '{"source": "\\ud800"}', "[" * 100_000, '{"source": "a"']
)
def test_another_line_is_named(line: str) -> None:
    with pytest.raises(DataError, match=r'^a:1: expected a JSON object with a text under "source"$'):
        json_record(line, "a:1")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "eins"),
        ({"scores": True}, "-0.5000\teins"),
        ({"n_best": True}, "4 ||| eins ||| -0.5000\n4 ||| zwei ||| -1.5000"),
    ],
)
def test_text_is_written_as_asked_for(options: dict[str, bool], expected: str) -> None:
    write = formatter(**{"as_json": False, "n_best": False, "scores": False, **options})
    found = Translation(**(vars(FOUND) | {"n_best": [FOUND, SECOND]}))
    assert write(4, {}, found) == expected


def test_json_holds_the_fields_the_doubts_and_no_number_that_json_lacks() -> None:
    write = formatter(as_json=True, n_best=True, scores=False)
    found = Translation(**(vars(FOUND) | {"score": -math.inf, "n_best": [SECOND]}))
    fields: dict[str, Any] = {"id": 7, "source": "one"}
    assert json.loads(write(0, fields, found)) == {
        "id": 7,
        "source": "one",
        "translation": "eins",
        "score": None,
        "tokens": ["eins"],
        "short": False,
        "missing": ["%s"],
        "n_best": [{"translation": "zwei", "score": -1.5, "tokens": ["zw", "ei"]}],
    }
