import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mtkit.cli import app, foreign
from mtkit.settings.recipe import Config


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("evaluate --min-bleu 1_0", "--min-bleu 1_0: is not a number; see mtkit evaluate --help"),
        ("translate --beam-size １", "--beam-size １: is not a whole number; see mtkit translate --help"),
        ("translate --length-penalty 1_0", "--length-penalty 1_0: is not a number; see mtkit translate --help"),
        ("evaluate --min-bleu thirty", "--min-bleu thirty: is not a number; see mtkit evaluate --help"),
        ("translate -b 2.5", "--beam-size 2.5: is not a whole number; see mtkit translate --help"),
        ("evaluate --samples 0", "--samples 0: must be at least 1; see mtkit evaluate --help"),
        ("evaluate --paired xx", "--paired xx: 'xx' is not one of 'bs', 'ar'; see mtkit evaluate --help"),
        ("evaluate --paired", "--paired needs a value"),
        ("evaluate --metric bleu", "no such option: --metric; did you mean --metrics?"),
        ("evaluate --tgt a", "no such option: --tgt; here it is --ref; see mtkit evaluate --help"),
        ("score --ref a", "no such option: --ref; here it is --tgt; see mtkit score --help"),
        (
            "describe a b",
            "unexpected b: every value except one RECIPE needs an option before it; see mtkit describe --help",
        ),
        ("evaluate -hyp a", "-hyp: long options have two dashes: --hyp; see mtkit evaluate --help"),
        ("translate -beam 5", "-beam: long options have two dashes: --beam-size; see mtkit translate --help"),
        ("translate -model=a", "-model: long options have two dashes: --model; see mtkit translate --help"),
        (
            "train a.yaml --set model.dropout 0.3",
            "a setting and its value are one word: --set model.dropout=0.3; see mtkit train --help",
        ),
        (
            "evaluate a -i b -m bleu chrf TER -b",
            "-m names a model here; metrics are --metrics bleu,chrf,ter; see mtkit evaluate --help",
        ),
        (
            "evaluate -m run bleu",
            "unexpected bleu: every value needs an option before it; see mtkit evaluate --help",
        ),
        ("forge distill", "missing argument 'RECIPE'; see mtkit forge distill --help"),
        ("evalute", "no such command 'evalute'; did you mean evaluate?"),
        ("generate", "no such command 'generate'; here it is mtkit translate; see mtkit --help"),
        (
            "serve",
            "no such command 'serve'; mtkit has no server; mtkit translate reads from a pipe, line by line; see "
            "mtkit --help",
        ),
        ("forge distil", "no such command 'distil'; did you mean distill?"),
        ("frobnicate", "no such command 'frobnicate'; see mtkit --help"),
        (
            "train --lr 1",
            "no such option: --lr; here it is a setting: --set training.learning_rate=VALUE; see mtkit train --help",
        ),
        (
            "train --batch-size 9",
            "no such option: --batch-size; here it is a setting: --set training.batch_tokens=VALUE; "
            "see mtkit train --help",
        ),
        (
            "translate --ensemble a",
            "no such option: --ensemble; mtkit has no ensembles yet; mtkit average makes one model "
            "of several checkpoints; see mtkit translate --help",
        ),
        ("translate --beam_size 5", "no such option: --beam_size; did you mean --beam-size?"),
        ("translate --nbest 5", "no such option: --nbest; here it is --n-best; see mtkit translate --help"),
        ("translate --lr 5", "no such option: --lr; see mtkit translate --help"),
        ("evaluate --paired-bs", "no such option: --paired-bs; here it is --paired bs; see mtkit evaluate --help"),
    ],
)
def test_a_mistake_in_a_command_is_one_line(command: str, told: str) -> None:
    found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr == f"mtkit: error: {told}\n"


def test_a_model_may_be_called_like_a_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ter").mkdir()
    found = CliRunner().invoke(app, ["evaluate", "-m", "ter", "bleu"], prog_name="mtkit")
    assert found.stderr.startswith("mtkit: error: unexpected bleu: every value")
    assert "ter: holds no model" in str(CliRunner().invoke(app, ["evaluate", "-m", "ter"]).exception)


@pytest.mark.parametrize("command", ["", "forge"])
def test_nothing_to_do_shows_the_help(command: str) -> None:
    found = CliRunner().invoke(app, command.split(), prog_name="mtkit")
    assert found.exit_code == 2
    assert found.stderr.startswith(f"Usage: mtkit {command}".rstrip())
    assert "Commands:" in found.stderr


def test_every_hint_names_what_there_is() -> None:
    """Each command or option that is named instead of another program's is one, and each setting can be set."""
    root = typer.main.get_command(app)
    commands = root.commands  # type: ignore[attr-defined]
    told = CliRunner()
    for here, others in foreign.OPTIONS.items():
        for other in others.split():
            for command in (
                here_command for here_command in commands.values() if not hasattr(here_command, "commands")
            ):
                known = {name for param in command.params for name in param.opts}
                message = foreign.meant_option(f"--{other}", known)
                if f"--{other}" in known:
                    continue
                named = [
                    word for word in message.replace("=VALUE", "").replace("?", "").split() if word.startswith("--")
                ]
                assert set(named) <= known, (other, message)
        if "." in here:
            section: Any = Config
            for part in here.split("."):
                assert part in section.model_fields, here
                section = section.model_fields[part].annotation
        else:
            assert any(here.split()[0] in param.opts for command in commands.values() for param in command.params), here
    for here, others in foreign.COMMANDS.items():
        assert told.invoke(app, [*here.split(), *([] if here.startswith("--") else ["--help"])]).exit_code == 0, here
        assert not set(others.split()) & set(commands)


@pytest.mark.parametrize(("before", "after"), [("", "-q"), ("-q", ""), ("", "--quiet"), ("-v", "-q")])
def test_a_command_is_quiet_where_that_is_said_before_it_or_after(before: str, after: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one two three four\n")
    (tmp_path / "gate.yaml").write_text("min: {exact: 50}\n")
    files = f"--hyp {tmp_path / 'a'} --ref {tmp_path / 'a'} --metrics exact --gate {tmp_path / 'gate.yaml'}"
    run = CliRunner()
    assert "1 gate passed" in run.invoke(app, f"evaluate {files}".split()).stderr
    assert run.invoke(app, f"{before} evaluate {files} {after}".split()).stderr == ""


def test_every_command_takes_the_options_of_the_log() -> None:
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for inner in getattr(command, "commands", {"": command}):
            shown = CliRunner().invoke(app, [*f"{name} {inner}".split(), "--quiet", "-v", "--help"]).stdout
            assert "-q, --quiet" in shown
            assert "-v, --verbose" in shown


def test_a_mistyped_choice_is_guessed() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "mtkit", "export", "-m", "run", "--to", "hugginface"], capture_output=True, text=True
    )
    assert found.returncode == 2
    assert found.stderr.rstrip().splitlines()[0].count("did you mean huggingface?") == 1
