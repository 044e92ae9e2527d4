"""Names of files that are not names: an empty one, and that of a directory where a file is written."""

from typing import Any

_OF_FILES = ("FILE", "DIR", "RUN", "PATH", "RECIPE", "INPUT", "GOLD")
"""What values that name files are called in the help."""


def wrong_name(param: Any, value: object) -> str | None:
    """What is wrong with the name that a parameter was given, as it was typed; None of others."""
    if not isinstance(value, str) or param.metavar not in _OF_FILES:
        return None
    shown = max(param.opts, key=len) if param.param_type_name == "option" else f"the {param.metavar}"
    if not value:
        return f"{shown} is empty: name {'a directory' if param.metavar in ('DIR', 'RUN') else 'a file'}"
    if value.endswith("/") and param.metavar == "FILE" and param.rich_help_panel == "Output":
        return f"{shown} {value}: names a directory, and one file is written; name that"
    return None
