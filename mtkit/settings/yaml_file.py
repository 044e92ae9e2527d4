"""YAML that a person writes: recipes, gates, lists of test sets. Plain values, and the line of each.

What a library would take minutes over, or would read as something that is neither text, number, list nor section, is
refused with its line: aliases of aliases that stand for millions of values, values within themselves, foreign tags.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from mtkit.errors import ConfigError, DataError
from mtkit.files.reading import check_regular
from mtkit.wording import bytes_shown

Location = tuple[int | str, ...]

_MAX_BYTES = 2_000_000
"""What is longer is a corpus, and reading it as YAML would take minutes and a hundred times as much memory."""

_MAX_VALUES = 100_000
"""Values, those that aliases repeat counted each time: some thousand test sets, or a recipe a thousand times over."""

_MAX_DEPTH = 50
_STREAMS = Path("/dev")
"""Where pipes lie that a shell has put in the place of a file, as in -c <(...)."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge", "timestamp")}
_UNCLEAR = (
    (re.compile(r"[-+]?0[0-7_]+"), "begins with a zero: octal in YAML 1.1, decimal in 1.2; leave that out"),
    (re.compile(r"[^:]+:.+"), "is a number in sixties in YAML 1.1, a text in 1.2; write one number"),
)
"""Numbers that are silently another value than a person means, by the version of YAML that is read: refused.

All else is read as YAML 1.1 has it, for which the library is made. Of what 1.2 reads otherwise, 1_000 and 0b1 have no
second meaning; yes, no, on, off and dates are told where text is wanted, with the advice to quote them; and 0o17, which
is text here, is refused where a number is wanted. 0x10, .inf and ~ are the same in both; settings refuse infinities.
"""

_KINDS = {"timestamp": "date", "int": "whole number", "float": "number", "bool": "truth value"}


class YamlError(ValueError):
    """A text that is not YAML of plain values, and the line of the first mistake, counted from 1."""

    def __init__(self, line: int, problem: str) -> None:
        """Say what is wrong."""
        super().__init__(problem)
        self.line = line


class TwiceError(YamlError):
    """A key that is given twice in one section."""


class _Loader(yaml.SafeLoader):
    """Counts what it composes, so that it stops early."""

    n_values = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
        self.n_values += 1
        if self.n_values > _MAX_VALUES:
            raise YamlError(line, f"more than {_MAX_VALUES:,} values")
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise YamlError(line, f"more than {_MAX_DEPTH} values within each other")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(path: Path, hint: str) -> tuple[object, dict[Location, int]]:
    """What a file holds, as plain values, and the line of each by its keys and places, counted from 1.

    Args:
        path: The file; JSON will do too.
        hint: What to do instead or what is expected; messages end with it.

    Raises:
        ConfigError: If it is not YAML, names something twice, or is too long to be written by hand.
        OSError: If it cannot be read.
    """
    content = _content(path, hint)
    lines: dict[Location, int] = {}
    try:
        return parse_yaml(content.decode(), lines), lines
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 at byte {error.start + 1}{hint}") from None
    except TwiceError as error:
        raise ConfigError(f"{path}:{error.line}: {error}") from None
    except YamlError as error:
        raise ConfigError(f"{path}:{error.line}: not valid YAML: {error}{hint}") from None


def parse_yaml(text: str, lines: dict[Location, int] | None = None) -> object:
    """A YAML text as plain values.

    Args:
        text: The text.
        lines: Receives the line of each value.

    Raises:
        YamlError: If it is not YAML of plain values.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _Visitor(loader, {} if lines is None else lines).visit(node, (), inside=())
        return loader.construct_document(node)
    except YamlError:
        raise
    except yaml.reader.ReaderError as error:
        number = error.character if isinstance(error.character, int) else ord(error.character)
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(line, f"the character U+{number:04X} is not allowed") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise YamlError(mark.line + 1 if mark else 1, _problem(error)) from None
    except (ValueError, OverflowError, RecursionError):  # such as an escape of no character
        raise YamlError(loader.line + 1 if loader is not None else 1, "it cannot be parsed") from None
    finally:
        if loader is not None:
            loader.dispose()


def _content(path: Path, hint: str) -> bytes:
    """The bytes of a file of bounded length."""
    if not path.is_fifo() or _STREAMS not in path.parents:
        try:
            check_regular(path)
        except DataError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise ConfigError(f"{error}{hint}") from None
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        n_bytes = max(path.stat().st_size, len(content))
        raise ConfigError(f"{path}: too long, {bytes_shown(n_bytes)}{hint}")
    return content


def _problem(error: Exception) -> str:
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed")
    return f"{problem}; indent with spaces, not with tabs" if "'\\t'" in problem else problem


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


class _Visitor:
    """Goes through all values as they will be constructed, notes their lines and refuses what is not plain."""

    def __init__(self, loader: _Loader, lines: dict[Location, int]) -> None:
        self._loader = loader
        self._lines = lines
        self._n_values = 0

    def visit(self, node: yaml.Node, location: Location, *, inside: tuple[int, ...]) -> None:
        """``inside`` are the nodes around this one."""
        self._check(node, location, inside)
        inside = (*inside, id(node))
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                line = _line(key)
                if not isinstance(key, yaml.ScalarNode):
                    raise YamlError(line, "a list or a section stands in the place of a key")
                self._check(key, location, inside)
                if key.value in seen:
                    raise TwiceError(line, f"{key.value} is given twice (first on line {seen[key.value]})")
                seen[key.value] = line
                self._lines[*location, key.value] = line
                self.visit(value, (*location, key.value), inside=inside)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._lines[*location, index] = _line(value)
                self.visit(value, (*location, index), inside=inside)

    def _check(self, node: yaml.Node, location: Location, inside: tuple[int, ...]) -> None:
        where = f"{'.'.join(map(str, location))}: " if location else ""
        if id(node) in inside:
            raise YamlError(_line(node), f"{where}stands within itself")
        if len(inside) > _MAX_DEPTH:
            raise YamlError(_line(node), f"more than {_MAX_DEPTH} values within each other")
        self._n_values += 1
        if self._n_values > _MAX_VALUES:
            raise YamlError(_line(node), f"{where}more than {_MAX_VALUES:,} values, those that aliases repeat counted")
        if node.tag not in _PLAIN:
            shown = node.tag.replace(_TAG, "!!")
            raise YamlError(_line(node), f"{where}the tag {shown:.40} is not known; write text, a number or a list")
        if isinstance(node, yaml.ScalarNode) and ("\0" in node.value or not _is_text(node.value)):
            raise YamlError(_line(node), f"{where}{node.value!r:.40} holds what is not a character")
        if isinstance(node, yaml.ScalarNode) and node.tag in (f"{_TAG}int", f"{_TAG}float"):
            for form, reason in _UNCLEAR:
                if form.fullmatch(node.value):
                    raise YamlError(_line(node), f"{where}{node.value:.40} {reason}, or quote it as text")
        if isinstance(node, yaml.ScalarNode) and node.tag != f"{_TAG}merge":
            self._construct(node, where)

    def _construct(self, node: yaml.ScalarNode, where: str) -> None:
        """Make the value of a scalar, for which the library knows forms without a value, such as 2024-02-30."""
        try:
            self._loader.construct_object(node)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            kind = _KINDS.get(node.tag.removeprefix(_TAG), "value")
            shown = f"{node.value!r:.40}"
            raise YamlError(
                _line(node), f"{where}{shown} has the form of a {kind}, but is none; write it in quotes"
            ) from None


def _is_text(value: str) -> bool:
    """Whether it can be written as UTF-8: half a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
