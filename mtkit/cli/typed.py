"""Which options were typed, and which of those would do nothing: a user who typed one expects something of it."""

from collections.abc import Collection

import typer

from mtkit.errors import ConfigError


def typed_options(context: typer.Context) -> dict[str, str]:
    """The options that do not have their values by default, as they are typed, by the names of their parameters."""
    return {
        option.name: next((flag for flag in option.opts if flag.startswith("--")), option.name)
        for option in context.command.params
        if option.name is not None and _is_typed(context, option.name)
    }


def refuse_idle(context: typer.Context, names: Collection[str], reason: str) -> None:
    """Refuse options that would do nothing.

    Args:
        context: Of the command.
        names: Their parameters.
        reason: Why, to stand after their names, with what to do.

    Raises:
        ConfigError: Naming those that were typed.
    """
    idle = [flag for name, flag in typed_options(context).items() if name in names]
    if idle:
        raise ConfigError(f"{', '.join(idle)}: {reason}")


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"
