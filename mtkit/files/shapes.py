"""Plain JSON values as the dataclasses that they were written from; another shape is refused, not guessed at."""

import json
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def shaped(kind: type[T], plain: Any) -> T:
    """Plain values as a dataclass, or another type that pydantic knows; types are taken strictly.

    Raises:
        ValueError: In one line, naming the first value that is missing, unknown or of another type.
    """
    try:
        return _adapter(cast(Hashable, kind)).validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        raise ValueError(first_mistake(error)) from None


def first_mistake(error: ValidationError) -> str:
    """Where the first mistake is, dotted, and what it is."""
    first = error.errors()[0]
    where, message = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))
