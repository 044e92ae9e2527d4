from dataclasses import dataclass
from typing import Any

import pytest

from mtkit.files.shapes import shaped


@dataclass(frozen=True)
class Inner:
    n: int


@dataclass(frozen=True)
class Outer:
    name: str
    inner: list[Inner]
    share: float = 0.5


def test_plain_values_become_what_they_were_written_from() -> None:
    plain = {"name": "x", "inner": [{"n": 1}, {"n": 2}]}
    assert shaped(Outer, plain) == Outer("x", [Inner(1), Inner(2)])
    assert shaped(dict[str, list[str]], {"a": ["b"]}) == {"a": ["b"]}


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"inner": []}, "name: Field required"),
        ({"name": "x", "inner": [{"n": 1}, {"n": "2"}]}, r"inner\.1\.n: Input should be a valid integer"),
        ({"name": "x", "inner": [{"n": True}]}, r"inner\.0\.n: Input should be a valid integer"),
        ({"name": 3, "inner": []}, "name: Input should be a valid string"),
        ([], "Input should be an object"),
    ],
)
def test_another_shape_is_refused_in_one_line(plain: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}") as caught:
        shaped(Outer, plain)
    assert "\n" not in str(caught.value)
