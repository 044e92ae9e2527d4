"""Ways to damage a file, all drawn from one generator: the same state of it damages the same."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

_EXTREMES: tuple[str, ...] = (
    "0",
    "-1",
    "1e999",
    "NaN",
    "-Infinity",
    "9" * 30,
    "9" * 5000,
    "1e-320",
    "2147483648",
    "18446744073709551616",
)
_EXTREMES += ("65536", "1000000000", ".inf", "0x_", "2024-02-30")
_VALUES: tuple[Any, ...] = (None, True, [], {}, "", "x", -1, 0, 1.5, 10**9, 10**18, 10**30, float("nan"), float("inf"))
_VALUES += ([[[]]], {"a": {"b": 1}}, "\ud800", "\0", "9" * 5000, [1] * 1000, "2024-02-30")
_SNIPPETS: tuple[bytes, ...] = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\t",
    b"\r\n",
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b"- " * 2_000,
)
_SNIPPETS += (
    b"a: &a [*a]\n",
    b"x: !!binary abc\n",
    b"x: !!int abc\n",
    b"x: !!python/object:os.system {}\n",
    b"<<: *a\n",
)
_SNIPPETS += (b"\xed\xa0\x80", b"\xe2\x80\xa8", b"&", b"<!--", b"]]>", b"<!ENTITY x SYSTEM 'file:///etc/passwd'>", b'"')
_BOMB = b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1) if n else b"x"] * 10)) for n in range(12))


def damage(path: Path, draw: Random, others: list[Path], *, may_be_piped: bool) -> str:
    """Damage a file in one way; returns what was done.

    Args:
        path: A regular file.
        draw: Decides.
        others: Files that may take its place.
        may_be_piped: Whether a pipe in its place is waited for, rightly.
    """
    content = path.read_bytes()
    if draw.random() < 0.12:
        return _replace(path, draw, others, may_be_piped=may_be_piped)
    ways: list[Callable[[bytes, Random], tuple[str, bytes]]] = [
        _flip, _cut, _empty, _double, _swap, _insert, _number, _number, _drop_line, _encode, _bomb, _letters,
    ]  # fmt: skip
    if path.suffix in (".json", ".jsonl"):
        ways += [_json, _json, _json, _json]
    done, content = draw.choice(ways)(content, draw)
    path.write_bytes(content)
    return done


def _replace(path: Path, draw: Random, others: list[Path], *, may_be_piped: bool) -> str:
    """Something else of the same name."""
    path.unlink()
    match draw.choice(["nothing", "directory", "pipe", "zero", "null", "loop", "other", "nowhere"]):
        case "nothing":
            return "deleted"
        case "directory":
            path.mkdir()
            return "a directory"
        case "pipe":
            if may_be_piped:
                return "deleted"
            os.mkfifo(path)
            return "a pipe"
        case "zero":
            path.symlink_to("/dev/zero")
            return "a link to /dev/zero"
        case "null":
            path.symlink_to("/dev/null")
            return "a link to /dev/null"
        case "loop":
            path.symlink_to(path.name)
            return "a link to itself"
        case "other":
            other = draw.choice(others)
            shutil.copyfile(other, path)
            return f"a copy of {other.name}"
    path.symlink_to("/nowhere/at/all")
    return "a link to nowhere"


def _flip(content: bytes, draw: Random) -> tuple[str, bytes]:
    flipped = bytearray(content)
    n = draw.choice([1, 1, 1, 3, 20])
    # The beginning of a file is its header more often than not.
    limit = min(len(content), draw.choice([200, len(content) or 1]))
    for _ in range(n if content else 0):
        flipped[draw.randrange(limit)] ^= 1 << draw.randrange(8)
    return f"{n} bits flipped", bytes(flipped)


def _cut(content: bytes, draw: Random) -> tuple[str, bytes]:
    n = draw.randrange(len(content) + 1)
    return f"cut to {n} bytes", content[:n]


def _empty(_content: bytes, _draw: Random) -> tuple[str, bytes]:
    return "emptied", b""


def _part(content: bytes, draw: Random) -> tuple[int, int]:
    start = draw.randrange(len(content) + 1)
    return start, min(len(content), start + draw.randrange(1, 400))


def _double(content: bytes, draw: Random) -> tuple[str, bytes]:
    start, end = _part(content, draw)
    return f"bytes {start} to {end} twice", content[:end] + content[start:]


def _swap(content: bytes, draw: Random) -> tuple[str, bytes]:
    start, end = _part(content, draw)
    middle = (start + end) // 2
    return f"swapped about byte {middle}", content[:start] + content[middle:end] + content[start:middle] + content[end:]


def _insert(content: bytes, draw: Random) -> tuple[str, bytes]:
    at, snippet = draw.randrange(len(content) + 1), draw.choice([*_SNIPPETS, draw.randbytes(8)])
    return f"{snippet[:20]!r} at byte {at}", content[:at] + snippet + content[at:]


def _number(content: bytes, draw: Random) -> tuple[str, bytes]:
    found = list(re.finditer(rb"\d+(\.\d+)?", content))
    if not found:
        return _insert(content, draw)
    number, extreme = draw.choice(found), draw.choice(_EXTREMES).encode()
    return f"{number[0][:20]!r} became {extreme[:20]!r}", content[: number.start()] + extreme + content[number.end() :]


def _letters(content: bytes, draw: Random) -> tuple[str, bytes]:
    """Letters become others, so that the form stays and the meaning does not."""
    found = [match.start() for match in re.finditer(rb"[A-Za-z]", content)]
    changed = bytearray(content)
    for at in draw.sample(found, min(len(found), 3)):
        changed[at] = draw.choice(b"abcdefghijklmnopqrstuvwxyz")
    return "letters changed", bytes(changed)


def _drop_line(content: bytes, draw: Random) -> tuple[str, bytes]:
    lines = content.splitlines(keepends=True)
    if not lines:
        return "left", content
    number = draw.randrange(len(lines))
    if draw.random() < 0.5:
        return f"line {number + 1} deleted", b"".join(lines[:number] + lines[number + 1 :])
    return f"line {number + 1} twice", b"".join(lines[: number + 1] + lines[number:])


def _encode(content: bytes, draw: Random) -> tuple[str, bytes]:
    encoding = draw.choice(["utf-16", "utf-32", "latin-1", "utf-7", "cp037"])
    return f"in {encoding}", content.decode("utf-8", "replace").encode(encoding, "replace")


def _bomb(content: bytes, draw: Random) -> tuple[str, bytes]:
    large = draw.choice([_BOMB, b"[" + b"[]," * 600_000 + b"]", b"x: " + b"y" * 3_000_000, b"- a\n" * 900_000])
    return f"{large[:20]!r}... of {len(large):,} bytes", large if draw.random() < 0.5 else content + b"\n" + large


def _json(content: bytes, draw: Random) -> tuple[str, bytes]:
    """A value of another kind somewhere in it, or a key less or twice."""
    try:
        tree = json.loads(content.split(b"\n", 1)[0] if content.count(b"\n{") else content)
    except (ValueError, RecursionError):
        return _flip(content, draw)
    places = list(_places(tree, ()))
    where = draw.choice(places)
    value = draw.choice(_VALUES)
    if not where:
        return f"became {value!r:.30}", _dumped(value)
    inside = tree
    for key in where[:-1]:
        inside = inside[key]
    if isinstance(inside, dict) and draw.random() < 0.3:
        del inside[where[-1]]
        return f"without {'.'.join(map(str, where))}", _dumped(tree)
    inside[where[-1]] = value
    return f"{'.'.join(map(str, where))} became {value!r:.30}", _dumped(tree)


def _places(tree: Any, location: tuple[Any, ...]) -> Any:
    yield location
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from _places(value, (*location, key))


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
