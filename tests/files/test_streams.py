"""Standard streams that are closed, full, unread or a terminal, of processes of their own."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "mtkit"]
SCORES = "evaluate --hyp a --ref b --metrics exact -b"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("".join(f"one two three four {number}\n" for number in range(50)))
    Path("b").write_text(Path("a").read_text().replace("49", "50"))


def run(line: str) -> "subprocess.CompletedProcess[str]":
    """What a shell does with a command and its redirections; mtkit is ``$M``."""
    environment = os.environ | {"M": " ".join(f'"{part}"' for part in COMMAND)}
    line = line.replace("$M", environment["M"])
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)


@FULL
@pytest.mark.parametrize("command", [SCORES, "--help", "--version", "evaluate --help", "describe --preset tiny"])
def test_a_full_standard_output_is_one_line(command: str) -> None:
    done = run(f"$M {command} > /dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "mtkit: error: standard output: cannot write: No space left on device\n",
    )


@pytest.mark.parametrize("command", [SCORES, "--help", "--version", "describe --preset tiny", "train none.yaml"])
def test_a_closed_standard_output_is_one_line_before_any_work(command: str) -> None:
    done = run(f"$M {command} >&-")
    message = "mtkit: error: standard output is closed; redirect it, for example with > FILE\n"
    assert (done.returncode, done.stderr) == (1, message)


@pytest.mark.parametrize("stderr", ["2>&-", pytest.param("2>/dev/full", marks=FULL)])
@pytest.mark.parametrize(
    ("command", "code", "printed"),
    [(SCORES, 0, "98.00\n"), ("evaluate --nonsense", 2, ""), ("evaluate --hyp none --ref a", 1, "")],
)
def test_an_error_stream_that_takes_nothing_changes_nothing(stderr: str, command: str, code: int, printed: str) -> None:
    done = run(f"$M {command} {stderr}")
    assert (done.returncode, done.stdout) == (code, printed)


def test_a_file_never_takes_the_place_of_a_closed_stream() -> None:
    code = (
        "import sys; from mtkit.files import streams; streams.set_up(); file = open('x', 'w'); sys.stderr.write('told')"
    )
    done = run(f'"{sys.executable}" -c "{code}" 2>&-')
    assert done.returncode == 0
    assert Path("x").read_text() == ""


@pytest.mark.parametrize(("gate", "code"), [("0", 0), ("99.99", 3)])
def test_a_reader_that_has_gone_does_not_let_a_gate_pass(gate: str, code: int) -> None:
    done = run(f"$M -q {SCORES} --metrics bleu --min-bleu {gate} | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout == f"{code}\n"
    assert ("mtkit: error" in done.stderr) == (code == 3)
    assert "Traceback" not in done.stderr


def test_results_are_in_utf_8_whatever_the_locale() -> None:
    Path("ä").write_text(Path("a").read_text())
    done = run("LC_ALL=C PYTHONIOENCODING=ascii $M evaluate --hyp ä --hyp a --ref a --metrics exact")
    assert done.returncode == 0, done.stderr
    assert "\nä " in done.stdout


def on_a_terminal(command: list[str]) -> str:
    """What a terminal receives."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(command[0], command)
    parts = []
    try:
        while part := os.read(terminal, 1 << 16):
            parts.append(part)
    except OSError:  # the other end is closed
        pass
    os.waitpid(process, 0)
    os.close(terminal)
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("name", ["\x1b[31mred", "\x9b2J", "bell\x07", "gpj.\u202eexe"])
def test_a_terminal_receives_no_control_characters_of_names(name: str) -> None:
    Path(name).write_text(Path("a").read_text())
    spelt = {"\x1b": "\\x1b", "\x07": "\\x07", "\x9b": "\\u009b", "\u202e": "\\u202e"}
    shown = "".join(spelt.get(letter, letter) for letter in name)
    table = on_a_terminal([*COMMAND, "evaluate", "--hyp", name, "--hyp", "a", "--ref", "a", "--metrics", "exact"])
    assert f"\n{shown} " in table
    error = on_a_terminal([*COMMAND, "evaluate", "--hyp", f"{name}.none", "--ref", "a"])
    assert error == f"mtkit: error: {shown}.none: No such file or directory\n"
    piped = run(f"$M evaluate --hyp $'{name}' --hyp a --ref a --metrics exact")
    assert f"\n{name} " in f"{piped.stdout}"
