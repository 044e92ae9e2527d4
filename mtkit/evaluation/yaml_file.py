"""Small YAML files that a person writes: gates, and lists of test sets."""

from pathlib import Path

import yaml

from mtkit.errors import ConfigError, DataError
from mtkit.log import bytes_shown

_MAX_BYTES = 10_000_000


def read_tree(path: Path, expected: str) -> object:
    """What a file holds, as plain values, read from YAML or JSON.

    Args:
        path: The file.
        expected: What it should hold, with an example.

    Raises:
        ConfigError: If it is not YAML, names something twice, or is so large that it must be something else.
        DataError: If it cannot be read.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: has {bytes_shown(path.stat().st_size)}; expected {expected}")
        text = path.read_text(encoding="utf-8")
        _check_keys(path, yaml.compose(text, Loader=yaml.SafeLoader), set())
        return yaml.safe_load(text)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start + 1}; expected {expected}") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        raise ConfigError(f"{path}{where}: not valid YAML ({problem}); expected {expected}") from None


def _check_keys(path: Path, node: yaml.Node | None, seen: set[int]) -> None:
    """Refuse a key that stands twice in one place: YAML would drop the first without a word.

    Args:
        path: For the message.
        node: Where to look, and below.
        seen: What was looked at, as a node may stand in itself.
    """
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            _check_keys(path, inner, seen)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                line, first = key.start_mark.line + 1, lines.get(key.value)
                if first is not None:
                    raise ConfigError(f"{path}:{line}: {key.value} is given twice (first on line {first})")
                lines[key.value] = line
            _check_keys(path, value, seen)
