import hashlib
import os
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.files.reading import read_json, read_regular, sha256_file
from mtkit.files.whole import write_json


def test_json_survives_and_damage_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ä": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"ä": [1, 2.5, None]}
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a.json: not valid JSON"):
        read_json(tmp_path / "a.json")


def test_the_hash_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "values are nested too deeply"),
        ('{"a":' * 100_000, "values are nested too deeply"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is given twice"),
        ('{"a": ' + "9" * 41 + "}", "the number 9+... is too large"),
        ('{"a": -' + "9" * 5_000 + "}", "the number -9+... is too large"),
        ('{"a": 1', "Expecting"),
        ('{"a": "x\\ud800"}', "half of a surrogate pair"),
        ('{"\\uDFFF": 1}', "half of a surrogate pair"),
        ("", "Expecting value"),
    ],
)
def test_json_that_no_file_of_ours_holds_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x").write_text(content)
    with pytest.raises(DataError, match=f"x: not valid JSON: {message}") as caught:
        read_json(tmp_path / "x")
    assert "\n" not in str(caught.value)


def test_json_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b'{"a": "caf\xe9"}')
    with pytest.raises(DataError, match="x: not valid JSON: not UTF-8 at byte 11"):
        read_json(tmp_path / "x")


def test_json_with_what_python_writes_beside_it_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "x", {"a": [float("inf"), 10**39, True, None, "ü"]})
    assert read_json(tmp_path / "x") == {"a": [float("inf"), 10**39, True, None, "ü"]}


def test_a_pipe_and_a_device_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(DataError, match=f"{name}: a pipe, a socket or a device, not a file"):
            read_json(tmp_path / name)
    with pytest.raises(DataError, match="Is a directory"):
        read_json(tmp_path)


def test_what_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_regular(tmp_path / "x", max_bytes=5) == b"12345"
    with pytest.raises(DataError, match="x: 5 bytes, but it should have 4 at most"):
        read_regular(tmp_path / "x", max_bytes=4)


@pytest.mark.parametrize("name", ["none", "a\0b"])
def test_a_name_without_a_file_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"No such file or directory|embedded null") as caught:
        read_json(tmp_path / name)
    assert "\n" not in str(caught.value)
