"""Mistakes in a command itself, told in one line as all others are."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from mtkit.cli.foreign import long_option
from mtkit.cli.help import Helped
from mtkit.cli.options import ImpossibleNumber
from mtkit.cli.positional import instead, is_parted
from mtkit.cli.renamed import in_new_spelling
from mtkit.cli.repeated import Once
from mtkit.errors import ReaderGone, Stopped

# Typer has its own copy of click, or click itself, by its version.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

_SIBLINGS = {"--tgt": "--ref", "--ref": "--tgt", "--hyp": "--tgt", "--run": "--model"}
"""Options, and their names in other commands."""


_EVERYWHERE = ("verbose", "quiet")
"""Options of mtkit itself that stand after a command too."""


_HINTS = "mtkit.hints"


class Command(Helped, Once, TyperCommand):
    """A command whose options are each given once, or as often as they have values."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its own options, those of mtkit itself that stand after a command too, and --help."""
        shared = [param for param in ctx.find_root().command.params if param.name in _EVERYWHERE]
        own = super().get_params(ctx)
        return own if ctx.parent is None else [*own[:-1], *shared, own[-1]]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse in old and new spelling, and set up the log as the options of mtkit itself say."""
        with_value = {name for param in self.get_params(ctx) if not _is_flag(param) for name in param.opts}
        args, hints = in_new_spelling(self.name, args, with_value)
        _check_words(self, ctx, args, with_value)
        rest: list[str] = super().parse_args(ctx, args)
        wanted = {name: bool(ctx.params.pop(name, False)) for name in _EVERYWHERE} if ctx.parent else {}
        if any(wanted.values()):
            from mtkit.log import set_up_logging

            set_up_logging(**wanted)
        ctx.meta[_HINTS] = hints
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and then say which of its options have new spellings."""
        result = super().invoke(ctx)
        from mtkit.log import logger

        for hint in ctx.meta[_HINTS]:
            logger.info("hint: %s", hint)
        return result


def _check_words(command: Any, ctx: Any, args: Sequence[str], with_value: set[str]) -> None:
    """Refuse long options with one dash, and a setting that is parted from its value, before they are misread."""
    known = {name for param in command.get_params(ctx) for name in param.opts}
    for place, typed in enumerate(args):
        before = args[place - 1] if place else ""
        if typed == "--":
            return
        if before == "--set" and is_parted(args[place:]):
            ctx.fail(f"a setting and its value are one word: --set {typed}={args[place + 1]}")
        if before not in with_value and (long := long_option(typed.partition("=")[0], known)):
            ctx.fail(f"{typed.partition('=')[0]}: long options have two dashes: {long}")


def _is_flag(param: Any) -> bool:
    return param.param_type_name == "argument" or bool(param.is_flag)


class Commands(Helped, Once, TyperGroup):
    """The commands, which tell mistakes in one line."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; a mistake in it is one line on stderr and exit code 2."""
        if not extra.pop("standalone_mode", True):
            return super().main(*args, **extra | {"standalone_mode": False})
        try:
            code = super().main(*args, **extra | {"standalone_mode": False})
        except ReaderGone:
            code = 0
        except UsageError as error:
            typer.echo(told(error), err=True, color=True)
            code = 2
        raise SystemExit(code or 0)

    def invoke(self, ctx: Any) -> Any:
        """Typer would end a command that a signal stops without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Stopped("stopped") from None

    def get_params(self, ctx: Any) -> list[Any]:
        """Switches that are not given are False: Typer would import pydantic to accept None, 0.1 s on every start."""
        params: list[Any] = super().get_params(ctx)
        for param in params:
            if getattr(param, "is_flag", False) and param.default is None:
                param.default = False
        return params


def told(error: Any) -> str:
    """The message of an error and where to read on; the help itself if a command was named without anything."""
    message = str(error.format_message())
    if isinstance(error, ImpossibleNumber) and error.param is not None:
        message = f"{max(error.param.opts, key=len)} {error.message}"
    if "\n" in message:
        return message
    plain = _plain(error, message)
    read_on = "" if error.ctx is None or plain.endswith(("?", "--help")) else f"; see {error.ctx.command_path} --help"
    return f"mtkit: error: {plain}{read_on}"


def _plain(error: Any, message: str) -> str:
    if message.startswith("No such option"):
        return f"no such option: {error.option_name}{_meant(error)}"
    if message.startswith("No such command"):
        return _unknown_command(error)
    if message.endswith("requires an argument."):
        return f"{error.option_name} needs a value"
    if message.startswith("Got unexpected extra argument"):
        return _without_option(error, message)
    told = _of_value(error) or (message[:1].lower() + message[1:]).rstrip(".")
    return told + _near_choice(told)


def _near_choice(message: str) -> str:
    """The choice that a mistyped one may have been meant to be, as the end of the message."""
    typed, _, known = message.partition(" is not one of ")
    close = get_close_matches(typed.rpartition(" ")[2].strip("'"), re.findall(r"'([^']+)'", known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _without_option(error: Any, message: str) -> str:
    extra = message.partition("(s) ")[2].strip("()")
    given = {} if error.ctx is None else error.ctx.params
    misread = metrics_as_model(given.get("model"), extra.split()) if "metrics" in given else ""
    words = getattr(error, "words", extra.split())
    meant = misread or ("" if error.ctx is None else instead(error.ctx.command.name, given, words))
    return meant or f"unexpected {extra}: {_one_argument(error)} needs an option before it"


def unexpected(context: Any, extra: Sequence[str]) -> Exception:
    """The error of arguments that a command has no use for, as if it took none."""
    error: Any = UsageError
    made: Any = error(f"Got unexpected extra argument(s) ({' '.join(extra)})", ctx=context)
    made.words = list(extra)
    raised: Exception = made
    return raised


def _one_argument(error: Any) -> str:
    """What of a command does not go without an option before it, as the start of a sentence."""
    params = [] if error.ctx is None else error.ctx.command.params
    named = [param.metavar for param in params if param.param_type_name == "argument" and param.nargs == 1]
    return f"every value except one {named[0]}" if named else "every value"


def metrics_as_model(model: Path | None, extra: Sequence[str] = ()) -> str:
    """What to type instead of ``-m bleu chrf``, as it is of the command sacrebleu; empty if that is a model.

    Args:
        model: The model that was named.
        extra: What stood in the command without an option.
    """
    if model is None or model.exists():
        return ""
    from mtkit.evaluation.metrics.metrics import METRICS

    named = str(model).lower().split(",")
    if not set(named) <= set(METRICS):
        return ""
    named += [word.lower() for word in extra if word.lower() in METRICS]
    return f"-m names a model here; metrics are --metrics {','.join(dict.fromkeys(named))}"


def _meant(error: Any) -> str:
    from mtkit.cli.foreign import meant_option

    known = (
        [] if error.ctx is None else [name for param in error.ctx.command.get_params(error.ctx) for name in param.opts]
    )
    sibling = _SIBLINGS.get(error.option_name)
    return f"; here it is {sibling}" if sibling in known else meant_option(error.option_name, known)


def _unknown_command(error: Any) -> str:
    from mtkit.cli.foreign import meant_command

    typed = error.message.partition("'")[2].partition("'")[0]
    return f"no such command {typed!r}{meant_command(typed, error.ctx.command.commands)}"


def _of_value(error: Any) -> str:
    """Of a value that Typer had checked by pydantic, which says neither the value nor plainly what it should be."""
    details = getattr(error.__cause__, "errors", None)
    if details is None or error.param is None:
        return ""
    found = details()[0]
    limits = found.get("ctx", {})
    wanted = {
        "float_parsing": "is not a number",
        "int_parsing": "is not a whole number",
        "int_from_float": "is not a whole number",
        "greater_than_equal": f"must be at least {limits.get('ge')}",
        "less_than_equal": f"must be at most {limits.get('le')}",
    }.get(found["type"], found["msg"].removeprefix("Value error, ").rstrip("."))
    name = max(error.param.opts, key=len)
    return f"{name} {found['input']}: {wanted}"
