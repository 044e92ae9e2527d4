"""The help of every command: plain text, options in groups, as wide as the terminal, up to 120 columns."""

import re
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

import typer

WIDEST = 120
"""Columns of a help on a wide terminal."""

_GENERAL = "General"
_ORDER = ("Arguments", "Input", "Model", "Output", "Settings", "Search", "Metrics", "Certainty", "Gates", "Speed")
_NARROW, _NAMES, _NAMES_IF_NARROW = 90, 32, 26
"""Columns below which a terminal is narrow, and the most that the names of options take, there and elsewhere."""

_EXTRA = re.compile(r"\s*\[((?:default: |required|[^\[\]]*x[<>]=)[^\[\]]*)\]$")
"""The end that Typer adds to a description: the default, and the range of a number."""


_ONE_DASH = re.compile(r"(?<![-\w])-[a-z]{2,}, ")
"""Names of options as other programs have them, with one dash: taken, and not shown."""


def _group(name: str) -> Callable[..., Any]:
    """``typer.Option`` for the options of one group."""
    return partial(typer.Option, rich_help_panel=name)


of_input, of_model, of_output = _group("Input"), _group("Model"), _group("Output")
of_settings, of_search, of_speed = _group("Settings"), _group("Search"), _group("Speed")
of_metrics, of_certainty, of_gates = _group("Metrics"), _group("Certainty"), _group("Gates")


class Helped:
    """Of a command or group: its options are shown in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group of options, with one width for the names of all, then the commands."""
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in _ORDER}
        for param in self.get_params(ctx):  # type: ignore[attr-defined]  # of the class that this is mixed into
            if (row := _row(param, ctx)) is not None:
                name = "Arguments" if param.param_type_name == "argument" else param.rich_help_panel or _GENERAL
                groups.setdefault(name, []).append(row)
        most = _NAMES_IF_NARROW if formatter.width < _NARROW else _NAMES
        width = max(len(name) for rows in groups.values() for name, _ in rows if len(name) <= most)
        for title, rows in groups.items():
            if rows:
                with formatter.section(title):
                    _write(rows, formatter, width)
        if hasattr(self, "format_commands"):
            self.format_commands(ctx, formatter)


def _write(rows: list[tuple[str, str]], formatter: Any, width: int) -> None:
    """Write descriptions beside names; unlike Typer's own way it leaves what has hyphens in one piece."""
    indent = " " * (width + 4)
    for name, text in rows:
        lines = textwrap.wrap(text, formatter.width - len(indent), break_on_hyphens=False)
        start = f"  {name:<{width}}  " if len(name) <= width else f"  {name}\n{indent}"
        formatter.write(start + f"\n{indent}".join(lines) + "\n")


def _row(param: Any, ctx: Any) -> tuple[str, str] | None:
    """The name of an option or argument, with its metavar, and its description; None of a hidden one."""
    record = param.get_help_record(ctx)
    if record is None:
        return None
    name, text = record
    name = _ONE_DASH.sub("", name)
    if param.param_type_name == "argument":
        name = param.metavar or param.name.upper()
    extra = _EXTRA.search(text)
    if extra is not None:
        told = sorted(filter(None, map(_told, extra[1].split("; "))), key=lambda each: each.startswith("Default"))
        text = " ".join([text[: extra.start()], *told])
    return name, text


def _told(extra: str) -> str:
    """A default or a range as a sentence; a number from 1 needs none."""
    default = extra.removeprefix("default: ")
    if default != extra:
        return f"Default: {int(default):,}." if default.isdigit() else f"Default: {default}."
    if "x" not in extra:
        return f"{extra.capitalize()}."
    low, _, high = extra.replace("x>=", "").partition("<=x<=")
    return f"{low} to {high}." if high else f"At least {low}." if low != "1" else ""
