"""What settings say of a model or a tokenizer that comes from elsewhere, and is not so there."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from mtkit.settings.resolve import Settings
from mtkit.settings.section import Section


def contradictions(
    settings: Settings,
    section: str,
    shape: type[Section],
    known: Mapping[str, Any],
    name: str,
    may_differ: Collection[str] = (),
) -> Iterator[str]:
    """What settings say of a section that is a model's own, and is not so there.

    Args:
        settings: Of a run.
        section: The section's name.
        shape: Its kind.
        known: What the model has there.
        name: The model's, for the messages.
        may_differ: Settings that are the run's own affair.
    """
    given = settings.given(section)
    for key, value in given.items() if isinstance(given, dict) else ():
        if key in may_differ or key == "extend" or (key == "preset" and value == "auto"):
            continue
        try:
            value = shape.model_validate({key: value}).model_dump(mode="json")[key]
        except (ValidationError, KeyError):
            continue  # the mistake itself will be told
        if value is not None and value != known.get(key):
            there = f"{known[key]!r}" if key in known else "its own"
            yield settings.told(
                f"{section}.{key}",
                f"{value!r} here, {there} in {name}: the {section} comes from there; leave this out",
            )
