"""``mtkit settings``."""

import shutil
from typing import Annotated

import typer

_WIDEST = 100  # columns: longer lines are hard to read


def settings(
    name: Annotated[
        str, typer.Argument(metavar="[SECTION[.KEY]]", help="By default every setting.", show_default=False)
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/settings.md.")] = False,
) -> None:
    """Explain the settings of a recipe: what each is, what it may be, its default, and what presets give it.

    \b
    mtkit settings training.learning_rate
    mtkit settings model
    """  # noqa: D301  # a real backspace keeps the lines of the paragraph that it begins
    from mtkit.settings.describe import PAGE_HEAD, as_markdown, as_text, groups

    found = groups(name)
    if markdown:
        lines = [*([] if name else PAGE_HEAD.splitlines()), *as_markdown(found)]
    else:
        lines = [*as_text(found, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))]
    typer.echo("\n".join(lines).rstrip())
