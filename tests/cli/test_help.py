"""The help of every command can be read: in words, in groups, and within the width of a terminal."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mtkit.cli import app
from mtkit.engines.batching import BATCH_SIZE

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
NAMES = [name for name in COMMANDS if name != "forge"]
NAMES += [f"forge {name}" for name in COMMANDS["forge"].commands]


def command_of(name: str) -> Any:
    first, *rest = name.split()
    return COMMANDS["forge"].commands[rest[0]] if rest else COMMANDS[first]


def help_of(name: str, columns: int = 80) -> str:
    shown = CliRunner().invoke(app, [*name.split(), "--help"], prog_name="mtkit", terminal_width=columns - 2)
    assert shown.exit_code == 0
    return shown.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_help_a_metavar_and_a_group(name: str) -> None:
    for param in command_of(name).params:
        assert param.help, param.name
        if param.param_type_name == "argument":
            assert param.metavar, param.name
            continue
        assert param.rich_help_panel, param.name
        assert param.is_flag or param.metavar, param.name


@pytest.mark.parametrize("name", ["", "forge", *NAMES])
@pytest.mark.parametrize("columns", [80, 120])
def test_no_type_of_python_and_no_line_too_long_is_shown(name: str, columns: int) -> None:
    shown = help_of(name, columns)
    assert not re.search(r"<(str|int|float|path|list)|x[<>]=", shown)
    assert [line for line in shown.splitlines() if len(line) > columns] == []


@pytest.mark.parametrize("name", ["", "forge", *NAMES])
def test_every_description_is_in_plain_words(name: str) -> None:
    shown = " ".join(help_of(name).split()).lower()
    assert [word for word in ("likewise", "is no ", "what stands", "of its own", "goes on") if word in shown] == []


@pytest.mark.parametrize("name", ["", "forge"])
def test_no_command_is_cut_in_the_list(name: str) -> None:
    listed = help_of(name).partition("Commands:\n")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize("name", NAMES)
def test_the_first_sentence_says_what_a_command_does(name: str) -> None:
    first = command_of(name).help.partition("\n")[0]
    assert first.endswith(".")
    assert len(first) <= 61


@pytest.mark.parametrize("name", NAMES)
def test_examples_fit_on_a_terminal(name: str) -> None:
    examples = command_of(name).help.partition("\b\n")[2].partition("\n\n")[0].splitlines()
    assert any(line.startswith(f"mtkit {name}") for line in examples)
    assert [line for line in examples if len(f"  {line}") > 80] == []


def test_options_are_shown_in_groups_in_one_column() -> None:
    shown = help_of("evaluate", 120)
    titles = re.findall(r"^(\w+):$", shown, flags=re.MULTILINE)
    assert titles == [
        *("Arguments", "Input", "Model", "Output", "Search", "Metrics", "Certainty", "Gates", "Speed", "General")
    ]
    columns = {
        line.index(text)
        for line in shown.splitlines()
        for text in ("Output to", "Decimals", "CPU threads")
        if text in line
    }
    assert len(columns) == 1


def test_a_wide_terminal_is_used_up_to_120_columns() -> None:
    command = [sys.executable, "-m", "mtkit", "evaluate", "--help"]
    env = os.environ | {"COLUMNS": "200"}
    shown = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert 110 < max(map(len, shown.splitlines())) <= 120


def test_defaults_and_ranges_are_told_in_words() -> None:
    shown = " ".join(help_of("evaluate").split())
    assert "--width N Decimals of the scores. 0 to 10. Default: 2." in shown
    assert "At least 100. Default: 30,000." in " ".join(help_of("doctor").split())
    assert "Recipe that the pairs are for. Required." in " ".join(help_of("forge distill").split())


def test_the_batch_size_that_is_told_is_the_default() -> None:
    told = f"Default: {BATCH_SIZE['sentences']} sentences or {BATCH_SIZE['tokens']:,} tokens."
    assert told in " ".join(help_of("translate").split())
    assert f"Sentences per batch. Default: {BATCH_SIZE['sentences']}." in " ".join(help_of("evaluate").split())


def test_a_short_letter_means_the_same_in_every_command() -> None:
    meanings: dict[str, set[str]] = {}
    for name in NAMES:
        for param in command_of(name).params:
            for letter in (opt for opt in param.opts if re.fullmatch(r"-\w", opt)):
                known = {"--input", "--src"} & set(param.opts) or {max(param.opts, key=len)}
                meanings.setdefault(letter, set()).add(sorted(known)[0])
    assert {letter: names for letter, names in meanings.items() if len(names) > 1} == {}
    assert {meanings[letter].pop() for letter in ("-b", "-s", "-t", "-i", "-o", "-m", "-c")} == {
        *("--beam-size", "--src-lang", "--tgt-lang", "--input", "--output", "--model", "--config")
    }


def test_completion_knows_commands_options_and_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MTKIT_COMPLETE", "complete_bash")
    for typed, expected in (
        ("mtkit tra", ["train", "translate"]),
        ("mtkit translate --len", ["--length-penalty"]),
        ("mtkit evaluate --paired ", ["bs", "ar"]),
    ):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
        assert CliRunner().invoke(app, [], prog_name="mtkit").stdout.split() == expected
