"""Options that are given more than once: each value counts, or the command is refused; none is dropped in silence.

Numbers are looked at here too, as Typer would take 1_0 for 10.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from mtkit.cli.names import wrong_name
from mtkit.files.numbers import number_in

_COLLECTING = {"store": "append", "store_const": "append_const"}
"""How the parser keeps all values of an option of which it would keep the last one."""

_NUMBERS = {
    int: "is not a whole number",
    float: "is not a number",
    "integer": "is not a whole number",
    "float": "is not a number",
}
"""What is wrong with a value that is not one, by what Typer calls the type of an option, newer or older."""


class Once:
    """Of a command or group: an option for one value has one, however often it is typed.

    The same value twice is that value. Defaults and environment variables are not typed.
    """

    def make_parser(self, ctx: Any) -> Any:
        """The parser of the command's options."""
        parser = _Parser(super().make_parser(ctx), ctx)  # type: ignore[misc]  # of the class that this is mixed into
        for param in self.get_params(ctx):  # type: ignore[attr-defined]
            param.add_to_parser(parser, ctx)
        return parser


class _Parser:
    """Registers options with a parser so that it collects their values, and looks at these when it has parsed."""

    def __init__(self, parser: Any, ctx: Any) -> None:
        self._parser, self._ctx = type(parser)(ctx), ctx
        self._of_one_value: dict[str, Any] = {}
        self._params: dict[str, Any] = {}

    def add_option(
        self, obj: Any, opts: Any, dest: Any, action: str = "store", nargs: int = 1, const: Any = None
    ) -> None:
        self._params[dest] = obj
        if action in _COLLECTING:
            self._of_one_value[dest] = obj
        self._parser.add_option(obj, opts, dest, action=_COLLECTING.get(action, action), nargs=nargs, const=const)

    def add_argument(self, obj: Any, dest: Any, nargs: int = 1) -> None:
        self._params[dest] = obj
        self._parser.add_argument(obj, dest, nargs)

    def parse_args(self, args: list[str]) -> tuple[dict[str, Any], list[str], list[Any]]:
        found, rest, order = self._parser.parse_args(args=args)
        for dest, given in found.items():
            for value in given if isinstance(given, list) else [given]:
                if wrong := wrong_name(self._params[dest], value):
                    self._ctx.fail(wrong)
        for dest in self._of_one_value.keys() & found.keys():
            values = list(dict.fromkeys(found[dest]))
            if len(values) > 1:
                self._ctx.fail(_refused(self._of_one_value[dest], values))
            self._check_number(self._of_one_value[dest], values[0])
            found[dest] = values[0]
        return found, rest, order

    def _check_number(self, option: Any, value: Any) -> None:
        kind = getattr(getattr(option, "type_descriptor", None), "annotation", None)
        named = str(getattr(getattr(option, "type", None), "name", "")).removesuffix(" range")
        reason = _NUMBERS.get(kind) or _NUMBERS.get(named)
        if reason is not None and isinstance(value, str):
            with suppress(ValueError):
                number_in(value)
                return
            self._ctx.fail(f"{max(option.opts, key=len)} {value}: {reason}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


def _refused(option: Any, values: list[Any]) -> str:
    name = max(option.opts, key=len)
    if all(isinstance(value, str) for value in values):
        return f"{name} takes one value, but was given {len(values)}: {' and '.join(values)}"
    return f"{' and '.join(_flags(option))} do not go together"


def _flags(option: Any) -> Iterator[str]:
    """The two flags that say the opposite."""
    yield max(option.opts, key=len)
    yield max(option.secondary_opts, key=len)
