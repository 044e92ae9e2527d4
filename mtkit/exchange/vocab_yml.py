"""``*.vocab.yml``: the vocabulary of Marian, a piece and its id in each line; too long for a reader of YAML."""

import re
from pathlib import Path

from mtkit.errors import DataError, VocabularyError
from mtkit.files.reading import read_regular
from mtkit.settings.yaml_file import YamlError, parse_yaml

_MAX_BYTES = 200_000_000
_LINE = re.compile(r"(.*?):\s*(\d{1,9})\s*", re.DOTALL)


def vocab_yml_ids(path: Path) -> dict[str, int]:
    """The pieces of a vocabulary with their ids.

    Raises:
        VocabularyError: If it is missing or cannot be read.
    """
    try:
        text = read_regular(path, max_bytes=_MAX_BYTES).decode()
    except DataError as error:
        raise VocabularyError(str(error)) from None
    except UnicodeDecodeError:
        raise VocabularyError(f"{path}: not UTF-8") from None
    ids: dict[str, int] = {}
    key = None
    for number, line in enumerate(re.split(r"\r?\n", text), 1):
        if not line.strip() or line in ("---", "..."):
            continue
        if line.startswith("? "):  # a key of its own line, as very long ones have
            key = line[2:].strip()
            continue
        found = _LINE.fullmatch(line if key is None else f"{key}{line}")
        key = None
        if found is None:
            raise VocabularyError(f"{path}:{number}: not a piece and its id")
        piece = _plain(found[1].rstrip(), path, number)
        if piece in ids:
            raise VocabularyError(f"{path}:{number}: {piece!r:.40} is given twice")
        ids[piece] = int(found[2])
    return ids


def _plain(key: str, path: Path, number: int) -> str:
    """A key without its quotes."""
    if len(key) > 1 and key[0] == key[-1] == '"':
        if "\\" not in key:
            return key[1:-1]
        try:
            return str(parse_yaml(key))
        except YamlError:
            raise VocabularyError(f"{path}:{number}: {key:.40} is not quoted as YAML has it") from None
    if len(key) > 1 and key[0] == key[-1] == "'":
        return key[1:-1].replace("''", "'")
    return key
