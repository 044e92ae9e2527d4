"""YAML that would hang, fill the memory or become something that is no setting: one line, with the line of the file."""

import os
from datetime import date
from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.yaml_file import YamlError, parse_yaml, read_yaml

BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(12))
MERGED = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, r"^\S+:\d+: not valid YAML: .*more than 100,000 values"),
        (MERGED, r"^\S+:\d+: not valid YAML: .*more than 100,000 values"),
        ("x: [" + "1, " * 300_000 + "]\n", r":1: not valid YAML: more than 100,000 values"),
        ("[" * 2_000, r":1: not valid YAML: more than 50 values within each other"),
        ("a: 1\nb: " + "{a: " * 2_000, r":2: not valid YAML: more than 50 values within each other"),
        ("- " * 500 + "x", r":1: not valid YAML: more than 50 values within each other"),
        ("a: 1\nx: &x [*x]\n", r":2: not valid YAML: x\.0: stands within itself"),
        ("a: &a {b: *a}\n", r":1: not valid YAML: a\.b: stands within itself"),
        (
            "a: 1\nname: 2024-02-30\n",
            r":2: not valid YAML: name: '2024-02-30' has the form of a date, but is none; wri",
        ),
        ("data:\n  x: 0x_\n", r":2: not valid YAML: data\.x: '0x_' has the form of a whole number, but is none; write"),
        ("x: !!int abc\n", r":1: not valid YAML: x: 'abc' has the form of a whole number"),
        ("x: !!int ''\n", r":1: not valid YAML: x: '' has the form of a whole number"),
        ("x: !!float abc\n", r":1: not valid YAML: x: 'abc' has the form of a number"),
        ("x: !!bool abc\n", r":1: not valid YAML: x: 'abc' has the form of a truth value"),
        ("x: !!timestamp abc\n", r":1: not valid YAML: x: 'abc' has the form of a date"),
        ("x: " + "9" * 5_000 + "\n", r":1: not valid YAML: x: '9+\S* has the form of a whole number"),
        (
            "y: 1\nx: 0100\n",
            r":2: not valid YAML: x: 0100 begins with a zero: octal in YAML 1.1, decimal in 1.2; leave that out, or",
        ),
        ("x: {y: [1, -007]}\n", r":1: not valid YAML: x.y.1: -007 begins with a zero"),
        ("x: !!int 0_17\n", r":1: not valid YAML: x: 0_17 begins with a zero"),
        (
            "x: 1:40\n",
            r":1: not valid YAML: x: 1:40 is a number in sixties in YAML 1.1, a text in 1.2; write one number, or",
        ),
        ("x: -1:40:00.5\n", r":1: not valid YAML: x: -1:40:00.5 is a number in sixties"),
        ("010: x\n", r":1: not valid YAML: 010 begins with a zero"),
        ("x: !!binary abc=\n", r":1: not valid YAML: x: the tag !!binary is not known"),
        ("x: !!set {a, b}\n", r":1: not valid YAML: x: the tag !!set is not known"),
        ("x: !!python/object:os.system {}\n", r":1: not valid YAML: x: the tag !!python/object:os.system is not known"),
        ("x: !mine y\n", r":1: not valid YAML: x: the tag !mine is not known"),
        ("x: !!int [1]\n", r":1: not valid YAML: "),
        ("x: 1\n? [a, b]\n: y\n", r":2: not valid YAML: a list or a section stands in the place of a key"),
        ("x: 1\ny: {a: 1, a: 2}\n", r":2: a is given twice \(first on line 2\)"),
        ("x: 1\ny: a\0b\n", r":2: not valid YAML: the character U\+0000 is not allowed"),
        ('x: 1\ny: "a\\0b"\n', r":2: not valid YAML: y: 'a\\x00b' holds what is not a character"),
        ('x: "\\ud800"\n', r":1: not valid YAML: x: .*holds what is not a character"),
        ('x: 1\ny: "\\UFFFFFFFF"\n', r":2: not valid YAML: "),
        ("x:\n\ty: 1\n", r":2: not valid YAML: .*indent with spaces, not with tabs"),
        ("x: 1\n---\ny: 2\n", r":2: not valid YAML: "),
        ("x: *nothing\n", r":1: not valid YAML: "),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_yaml(path, "; expected gates")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.5", 0.5),
        ("00.5", 0.5),
        ("08", "08"),  # a text that settings read as decimal
        ("1_000", 1000),
        ("0x10", 16),
        ("0b11", 3),
        ("0o17", "0o17"),
        ("'0100'", "0100"),
        ("'1:40'", "1:40"),
        ("de:en", "de:en"),
        ("no", False),
        (".inf", float("inf")),
        ("~", None),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_plain_values_are_read_as_yaml_1_1_has_them(text: str, value: object) -> None:
    assert parse_yaml(f"x: {text}") == {"x": value}


def test_what_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"my.yaml:2: not UTF-8 at byte 12"):
        read_yaml(path, "")


def test_a_corpus_in_the_place_of_a_recipe_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("a line of text\n" * 200_000)
    with pytest.raises(ConfigError, match=r"my.yaml: too long, 3.0 MB; expected gates"):
        read_yaml(path, "; expected gates")


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "my.yaml")
    with pytest.raises(ConfigError, match=r"my\.yaml: a pipe, a socket or a device, not a file"):
        read_yaml(tmp_path / "my.yaml", "")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=r"zero\.yaml: a pipe, a socket or a device, not a file"):
        read_yaml(tmp_path / "zero.yaml", "")


def test_a_pipe_that_a_shell_has_opened_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a: [1, 2]\n")
    os.close(writer)
    try:
        assert read_yaml(Path(f"/dev/fd/{reader}"), "")[0] == {"a": [1, 2]}
    finally:
        os.close(reader)


def test_aliases_and_merged_sections_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("base: &base {a: 1, b: [x, y]}\nmore:\n  <<: *base\n  a: 2\nagain: *base\n")
    tree, lines = read_yaml(path, "")
    assert tree == {
        "base": {"a": 1, "b": ["x", "y"]},
        "more": {"a": 2, "b": ["x", "y"]},
        "again": {"a": 1, "b": ["x", "y"]},
    }
    assert lines["more", "a"] == 4
    assert lines["again",] == 5


@pytest.mark.parametrize("value", ["[" * 3_000, "2024-02-30", "!!int x", "&a [*a]"])
def test_a_typed_value_is_held_to_the_same(value: str) -> None:
    with pytest.raises(YamlError):
        parse_yaml(value)
