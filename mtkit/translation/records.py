"""What a line of input to ``mtkit translate`` holds, and how a translation is written."""

import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mtkit.errors import DataError
from mtkit.files.reading import parse_json

if TYPE_CHECKING:
    from mtkit.translation.translation import Candidate, Translation

# What a line holds: the text to translate, the fields to pass through, and what ends the line before its line feed.
Record = tuple[str, dict[str, Any], str]


def text_record(line: str, place: str) -> Record:  # noqa: ARG001  # a line of text cannot be wrong
    """A line as it stands."""
    content = line.removesuffix("\r")
    return content, {"source": content}, line[len(content) :]


def json_record(line: str, place: str) -> Record:
    """An object with the text under ``source``.

    Raises:
        DataError: If it is broken, or another value, naming the place.
    """
    if not line.strip():
        return "", {"source": ""}, ""
    try:
        fields = parse_json(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{place}: not JSON at column {error.colno}: {error.msg}") from None
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None
    if not isinstance(fields, dict):
        raise DataError(f'{place}: {line!r:.40} is not a JSON object, such as {{"source": ...}}')
    if not isinstance(fields.get("source"), str):
        if "source" in fields:
            raise DataError(f'{place}: "source" is {fields["source"]!r:.40}, which is not text')
        raise DataError(f'{place}: the object has no "source"; it has {", ".join(fields) or "nothing":.100}')
    return fields["source"], fields, ""


def are_objects(lines: Sequence[str]) -> bool:
    """Whether lines are JSON objects, all that are not blank, and there are some."""
    written = [line.strip() for line in lines if line.strip()]
    if not written or not all(line.startswith("{") and line.endswith("}") for line in written):
        return False
    with suppress(ValueError, RecursionError):
        return all(isinstance(json.loads(line), dict) for line in written)
    return False


def formatter(*, as_json: bool, n_best: bool, scores: bool) -> Callable[[int, dict[str, Any], "Translation"], str]:
    """How a translation is written, without its line end: from the line's number, counted from 0, and its fields."""

    def json_line(_number: int, fields: dict[str, Any], translation: "Translation") -> str:
        alternatives = {"n_best": [_json_fields(c) for c in translation.n_best]} if n_best else {}
        doubts = {"short": translation.is_short, "missing": translation.missing}
        return json.dumps(fields | _json_fields(translation) | doubts | alternatives, ensure_ascii=False)

    def moses_lines(number: int, _fields: dict[str, Any], translation: "Translation") -> str:
        return "\n".join(f"{number} ||| {c.text} ||| {c.score:.4f}" for c in translation.n_best or [translation])

    def scored_line(_number: int, _fields: dict[str, Any], translation: "Translation") -> str:
        return f"{translation.score:.4f}\t{translation.text}"

    def plain_line(_number: int, _fields: dict[str, Any], translation: "Translation") -> str:
        return translation.text

    if as_json:
        return json_line
    return moses_lines if n_best else scored_line if scores else plain_line


def _json_fields(candidate: "Candidate") -> dict[str, Any]:
    score = candidate.score if math.isfinite(candidate.score) else None
    return {"translation": candidate.text, "score": score, "tokens": candidate.tokens}
