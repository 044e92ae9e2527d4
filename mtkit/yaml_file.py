"""YAML that a person writes: recipes, gates, lists of test sets. Plain values, and the line of each."""

from pathlib import Path

import yaml

from mtkit.errors import ConfigError
from mtkit.log import bytes_shown

Location = tuple[int | str, ...]

_MAX_BYTES = 5_000_000
"""What is longer is a corpus, and reading it as YAML would take minutes and a hundred times as much memory."""


def read_yaml(path: Path, hint: str) -> tuple[object, dict[Location, int]]:
    """What a file holds, as plain values, and the line of each by its keys and places, counted from 1.

    Args:
        path: The file; JSON will do too.
        hint: What to do instead or what is expected; messages end with it.

    Raises:
        ConfigError: If it is not YAML, names something twice, or is too long to be written by hand.
        OSError: If it cannot be read.
    """
    n_bytes = path.stat().st_size
    if n_bytes > _MAX_BYTES:
        raise ConfigError(f"{path}: too long, {bytes_shown(n_bytes)}{hint}")
    lines: dict[Location, int] = {}
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _collect_lines(node, (), lines, path, inside=set())
        return yaml.safe_load(text), lines
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start + 1}{hint}") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: not valid YAML: {_problem(error)}{hint}") from None


def _problem(error: Exception) -> str:
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed")
    return f"{problem}; indent with spaces, not with tabs" if "'\\t'" in problem else problem


def _collect_lines(
    node: yaml.Node, location: Location, lines: dict[Location, int], path: Path, *, inside: set[int]
) -> None:
    """Note where each key stands; a key that stands twice is a mistake that YAML would swallow.

    ``inside`` are the nodes around this one: a node may stand in itself.
    """
    if id(node) in inside:
        return
    inside = inside | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise ConfigError(f"{path}:{line}: {key.value} is given twice (first on line {seen[key.value]})")
            seen[key.value] = line
            lines[*location, key.value] = line
            _collect_lines(value, (*location, key.value), lines, path, inside=inside)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[*location, index] = value.start_mark.line + 1
            _collect_lines(value, (*location, index), lines, path, inside=inside)
