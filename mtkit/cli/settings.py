"""``mtkit settings``."""

import shutil
from typing import Annotated

import typer

from mtkit.cli.help import of_output

_WIDEST = 100  # columns: longer lines are hard to read


def settings(
    name: Annotated[
        str, typer.Argument(metavar="SECTION[.KEY]", help="Section or setting. Default: all.", show_default=False)
    ] = "",
    markdown: Annotated[bool, of_output("--markdown", help="Print the page docs/settings.md.")] = False,
) -> None:
    """Explain the settings of a recipe.

    \b
    mtkit settings training.learning_rate
    mtkit settings model

    Each with its meaning, its possible values, its default, and its values in presets.
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    from mtkit.settings.describe import PAGE_HEAD, as_markdown, as_text, groups

    found = groups(name)
    if markdown:
        lines = [*([] if name else PAGE_HEAD.splitlines()), *as_markdown(found)]
    else:
        lines = [*as_text(found, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))]
    typer.echo("\n".join(lines).rstrip())
