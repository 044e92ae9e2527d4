"""Options that are typed more than once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mtkit.cli import app
from mtkit.errors import ConfigError


def commands() -> Iterator[tuple[str, Any]]:
    """Each command by what is typed for it."""
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        yield from ((f"{name} {sub}", each) for sub, each in inner.items()) if inner else [(name, command)]


def options(*, switches: bool) -> Iterator[tuple[str, str]]:
    """Command and flag of every option that has one value, or of those that are on or off in two flags."""
    for name, command in commands():
        for option in command.params:
            if option.param_type_name != "option" or option.multiple:
                continue
            if switches and option.secondary_opts:
                yield name, f"{max(option.opts, key=len)} {max(option.secondary_opts, key=len)}"
            elif not switches and not option.is_flag:
                yield from ((name, flag) for flag in option.opts)


def told(command: str) -> str:
    found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
    assert (found.exit_code, found.stdout) == (2, "")
    return found.stderr


@pytest.mark.parametrize(("command", "flag"), [*options(switches=False)])
def test_an_option_for_one_value_refuses_two(command: str, flag: str) -> None:
    message = told(f"{command} {flag} 7 {flag} 8")
    assert "takes one value, but was given 2: 7 and 8; see mtkit" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(("command", "flags"), [*options(switches=True)])
def test_opposites_do_not_go_together(command: str, flags: str) -> None:
    assert f"{flags.replace(' ', ' and ')} do not go together" in told(f"{command} {flags}")


def test_two_names_of_an_option_are_one_option() -> None:
    assert "--beam-size takes one value, but was given 2: 5 and 6" in told("translate -b 5 --beam-size=6")
    assert "--input takes one value, but was given 2: a and b" in told("score -i a --src b")


@pytest.mark.parametrize("command", ["translate -b 5 -b 5", "translate -q -q --scores --scores", "-v -v -q translate"])
def test_the_same_twice_is_the_same(command: str) -> None:
    """What is missing is told of, and nothing else."""
    found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
    assert "no model; give a run directory" in str(found.exception)


def test_a_setting_has_one_value() -> None:
    def refused(*overrides: str) -> str:
        typed = [part for override in overrides for part in ("--set", override)]
        found = CliRunner().invoke(app, ["describe", "--preset", "tiny", *typed])
        return str(found.exception or "")

    assert "--set model.dropout is given twice, as 0.1 and as 0.3: give it once" in refused(
        "model.dropout=0.1", "model.d_model=64", "model.dropout=0.3"
    )
    assert refused("model.dropout=0.1", "model.d_model=64", "model.dropout=0.1") == ""


@pytest.mark.parametrize("command", [["train", "-o", "run"], ["doctor"]])
def test_several_pairs_of_files_are_paired_in_order(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(arguments: str) -> Any:
        return CliRunner().invoke(app, [*command, *arguments.split()])

    for name in ("a", "b"):
        for language in ("en", "de"):
            Path(f"{name}.{language}").write_text("".join(f"{name} {language} {i}\n" for i in range(30)))
    for missing, message in (
        ("--src a.en --src b.en --tgt a.de", "2 --src but 1 --tgt: give as many of both, in the same order"),
        (
            "--src a.en --src b.en",
            "--src and --tgt go together: a.en is not a file of pairs by its ending (.tmx, .xlf, .po, .tsv, .csv or "
            ".jsonl); name its translations with --tgt FILE"
            if command == ["doctor"]
            else "--src and --tgt go together: name the translations of a.en with --tgt FILE; to learn from one "
            "language alone, write a recipe with data.task: reconstruct and train: [{mono: a.en}], see "
            "docs/pretraining.md",
        ),
        ("--tgt a.de --tgt b.de", "--src and --tgt go together: name both files"),
        (
            "--src a.en --tgt a.de --src b.de --tgt b.en",
            "a.en is en but b.de is de: name their language with --src-lang",
        ),
    ):
        found = run(missing)
        assert isinstance(found.exception, ConfigError)
        assert str(found.exception) == message
    if command == ["doctor"]:
        found = run("--src a.en --src b.en --tgt a.de --tgt b.de --json --workers 1")
        assert found.exit_code == 0, found.exception
        assert '"a"' in found.stdout
        assert '"b"' in found.stdout
