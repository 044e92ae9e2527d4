import json
import math
from typing import Any

import pytest

from mtkit.errors import DataError
from mtkit.translation.records import are_objects, formatter, json_record, text_record
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
    ("line", "told"),
    [
        ("one", "not JSON at column 1: Expecting value"),
        ('{"source": "a"', "not JSON at column 15: Expecting ',' delimiter"),
        ("[]", "'[]' is not a JSON object"),
        ("{}", 'the object has no "source"; it has nothing'),
        ('{"text": "a", "id": 1}', 'the object has no "source"; it has text, id'),
        ('{"source": 1}', '"source" is 1, which is not text'),
        ('{"source": "\\ud800"}', "half of a surrogate pair"),
        ("[" * 100_000, "values are nested too deeply"),
    ],
)
def test_what_is_wrong_with_another_line_is_told(line: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        json_record(line, "a:1")
    assert str(caught.value).startswith(f"a:1: {told}")


def test_lines_of_objects_are_known() -> None:
    assert are_objects(['{"source": "a"}', "", ' {"b": 1}\r'])
    assert not are_objects([])
    assert not are_objects([" "])
    assert not are_objects(['{"source": "a"}', "text"])
    assert not are_objects(["{name} is here {0}"])


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
