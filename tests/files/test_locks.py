import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mtkit.files.locks import open_lock, remove_leftovers_of, sole_writer
from mtkit.files.whole import lock_open_file

ROOT = Path(__file__).parents[2]
KILLED_WHILE_WRITING = """
import os; from pathlib import Path; from mtkit.files.locks import sole_writer; from mtkit.files.whole import *
with sole_writer(Path("corpus")), atomic_directory(Path("corpus")) as work:
    (work / "part").write_text("x"); os.kill(os.getpid(), 9)
"""


def kill_a_writer(directory: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING], cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == -signal.SIGKILL
    assert {path.name for path in directory.iterdir()} == {".corpus.lock", ".corpus.partial"}


def test_a_lock_ends_with_its_process_and_what_that_left_is_removed(tmp_path: Path) -> None:
    kill_a_writer(tmp_path)
    with sole_writer(tmp_path / "corpus"):
        assert [path.name for path in tmp_path.iterdir()] == [".corpus.lock"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_without_writing_anew(tmp_path: Path) -> None:
    kill_a_writer(tmp_path)
    remove_leftovers_of(tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []
    remove_leftovers_of(tmp_path / "none")


def test_what_a_living_process_is_at_work_on_stays(tmp_path: Path) -> None:
    kill_a_writer(tmp_path)
    with open_lock(tmp_path / ".corpus.lock") as lock:
        assert lock_open_file(lock.fileno())
        remove_leftovers_of(tmp_path / "corpus")
    assert {path.name for path in tmp_path.iterdir()} == {".corpus.lock", ".corpus.partial"}


def test_a_second_writer_waits_for_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    order: list[str] = []

    def second() -> None:
        with sole_writer(tmp_path / "link"):
            order.append("second")

    (tmp_path / "link").symlink_to(tmp_path / "corpus")  # the same directory by another name
    with caplog.at_level("INFO", logger="mtkit"):
        with sole_writer(tmp_path / "corpus"):
            waiting = threading.Thread(target=second)
            waiting.start()
            waiting.join(0.3)
            order.append("first")
        waiting.join()
    assert order == ["first", "second"]
    assert "another process is writing it, waiting" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_a_pipe_in_the_place_of_a_lock_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".corpus.lock")
    with sole_writer(tmp_path / "corpus"):
        pass
    assert list(tmp_path.iterdir()) == []
