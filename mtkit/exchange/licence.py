"""Under which licence a model is given away: what its files say, and what that means in short."""

import re
from pathlib import Path
from typing import Any

from mtkit.errors import DataError
from mtkit.files.reading import read_regular
from mtkit.settings.yaml_file import YamlError, parse_yaml

_MAX_BYTES = 5_000_000
_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
_TITLES = (
    ("attribution-noncommercial-sharealike 4.0", "cc-by-nc-sa-4.0"),
    ("attribution-noncommercial 4.0", "cc-by-nc-4.0"),
    ("attribution-sharealike 4.0", "cc-by-sa-4.0"),
    ("attribution 4.0", "cc-by-4.0"),
    ("apache license", "apache-2.0"),
    ("mozilla public license", "mpl-2.0"),
    ("mit license", "mit"),
    ("permission is hereby granted, free of charge", "mit"),
    ("gnu affero general public license", "agpl-3.0"),
    ("gnu lesser general public license", "lgpl-3.0"),
    ("gnu general public license", "gpl-3.0"),
)
"""How the texts of licences begin, the longer titles first."""

_HEAD = 3_000  # characters of a text that are looked at


def model_card(directory: Path) -> dict[str, Any]:
    """What stands above the text of ``README.md``: licence, languages; empty where nothing does."""
    try:
        text = read_regular(directory / "README.md", max_bytes=_MAX_BYTES).decode(errors="replace")
    except DataError:
        return {}
    found = re.match(r"\ufeff?---\s*\n(.*?)\n---\s*(\n|$)", text.replace("\r\n", "\n"), re.DOTALL)
    if found is None:
        return {}
    try:
        card = parse_yaml(found[1])
    except YamlError:
        return {}
    return card if isinstance(card, dict) else {}


def licence_of(directory: Path) -> str | None:
    """The licence that the files of a model name, in lower case, such as ``cc-by-4.0``; None where none does."""
    card = model_card(directory)
    for key in ("license_name", "license"):
        told = card.get(key)
        told = told[0] if isinstance(told, list) and told else told
        if isinstance(told, str) and told.strip().lower() not in ("", "other", "unknown"):
            return told.strip().lower()[:100]
    for name in _FILES:
        try:
            text = read_regular(directory / name, max_bytes=_MAX_BYTES).decode(errors="replace")
        except DataError:
            continue
        head = " ".join(text[:_HEAD].lower().split())
        for title, licence in _TITLES:
            if title in head:
                return licence
    return None


def unknown_to_pass_on(source: str, way_out: str = "") -> str:
    """A warning where a model is passed on whose base names no licence.

    Args:
        source: What the base is called.
        way_out: What else can be done, as the end of the line.
    """
    return f"licence unknown (the base, {source}, names none); ask its makers before you pass it on{way_out}"


def licence_shown(licence: str | None) -> str:
    """A licence with what it asks for, in one line."""
    if licence is None:
        way_out = "ask its makers before you pass it on, or name it with --licence of mtkit import or export"
        return f"unknown: its files name none; {way_out}"
    parts = set(re.split(r"[^a-z]+", licence))
    if {"cc", "nc"} <= parts:
        return f"{licence} (not for commercial use, nor is what is made of it; name the makers)"
    if {"cc", "by", "sa"} <= parts:
        return f"{licence} (name the makers; pass it on under the same licence)"
    if {"cc", "by"} <= parts:
        return f"{licence} (name the makers)"
    return licence
