import errno
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mtkit import errors
from mtkit.cli import app
from mtkit.errors import MtkitError, UnknownDeviceError, reason
from tests.tiny import save_tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


def test_a_reason_is_what_the_system_says_without_the_file() -> None:
    error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/a/file")
    assert reason(error) == "No such file or directory"
    assert reason(OSError("one sentence")) == "one sentence"


@pytest.mark.parametrize(
    ("code", "command"),
    [
        # 2: what was typed cannot be meant
        (2, "evaluate --hyp text.de --ref text.de --metrics nope"),
        (2, "export RUN --to nope"),
        (2, "translate -m BUNDLE -i text.en --device gpu"),
        (2, "translate -m BUNDLE -i text.en --precision fp16"),
        (2, "translate -m BUNDLE -i text.en --engine ct2"),
        (2, "score -m BUNDLE --src text.en --tgt text.de --precision fp16"),
        (2, "align -m BUNDLE --src text.en --tgt text.de --device gpu"),
        (2, "average -m BUNDLE -o new --last 2 --best 2"),
        (2, "train --src text.en --tgt text.de -o mine"),
        (2, "preprocess --src text.en --tgt text.de -o mine"),
        (2, "export -m BUNDLE --to safetensors -o mine"),
        (2, "average -m BUNDLE --last 1 -o mine --overwrite"),
        (2, "train --src text.en --tgt text.de -o text.en"),
        # 1: what was named is not there, or not what is needed
        (1, "train nope.yaml"),
        (1, "doctor nope.yaml"),
        (1, "preprocess -c nope.yaml"),
        (1, "describe nope.yaml"),
        (1, "train --src nope.en --tgt nope.de -o new"),
        (1, "train --src . --tgt . -o new"),
        (1, "evaluate --hyp nope --ref text.de"),
        (1, "evaluate --sets nope.yaml"),
        (1, "evaluate --hyp text.de --ref text.de --gate nope.yaml"),
        (1, "translate -m nope -i text.en"),
        (1, "translate -m BUNDLE -i nope"),
        (1, "translate -m mine -i text.en"),
    ],
)
def test_a_command_exits_with_2_where_it_is_mistyped_and_with_1_where_a_file_is_wrong(
    code: int, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("text.en", "text.de", "mine/keep"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("one line and another word\n" * 200)
    found = CliRunner().invoke(app, command.replace("BUNDLE", str(bundle)).split())
    assert (found.exception.exit_code if isinstance(found.exception, MtkitError) else found.exit_code) == code


@pytest.mark.parametrize("kind", [*MtkitError.__subclasses__(), UnknownDeviceError], ids=lambda kind: kind.__name__)
def test_the_tree_names_every_error_and_its_exit_code(kind: type[MtkitError]) -> None:
    tree = [line.lstrip(" │├└─") for line in (errors.__doc__ or "").splitlines()]
    (line,) = (line for line in tree if line.startswith(f"{kind.__name__} "))
    assert kind.exit_code == 1 or f"(exit code {kind.exit_code})" in line
    assert "exit code" not in line or kind.exit_code != 1
