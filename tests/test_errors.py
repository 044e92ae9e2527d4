import errno
import os

import pytest

from mtkit import errors
from mtkit.errors import MtkitError, reason


def test_a_reason_is_what_the_system_says_without_the_file() -> None:
    error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/a/file")
    assert reason(error) == "No such file or directory"
    assert reason(OSError("one sentence")) == "one sentence"


@pytest.mark.parametrize("kind", MtkitError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_the_tree_names_every_error_and_its_exit_code(kind: type[MtkitError]) -> None:
    (line,) = (line for line in (errors.__doc__ or "").splitlines() if line[4:].startswith(f"{kind.__name__} "))
    assert kind.exit_code == 1 or f"(exit code {kind.exit_code})" in line
    assert "exit code" not in line or kind.exit_code != 1
