import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.files import atomic_directory, atomic_file, read_json, remove_leftovers, sha256_file, write_json

ROOT = Path(__file__).parents[1]


def test_an_atomic_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with atomic_file(path) as file:
        file.write(b"first")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"%d" % (1 // 0))
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_signal_while_an_atomic_file_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = os.open

    def interrupted(path: Path, flags: int, mode: int) -> None:
        os.close(make(path, flags, mode))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_atomic_directory_replaces_the_old_one_or_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    with atomic_directory(path) as work:
        (work / "a").write_text("1")
        assert not path.exists()
    with pytest.raises(FileNotFoundError), atomic_directory(path) as work:
        (work / "missing" / "b").write_text("2")
    assert [entry.name for entry in path.iterdir()] == ["a"]
    (tmp_path / ".directory.partial").mkdir()
    (tmp_path / ".directory.partial" / "leftover").write_text("of a killed process")
    with atomic_directory(path) as work:
        (work / "c").write_text("3")
    assert [entry.name for entry in path.iterdir()] == ["c"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["directory"]


def test_json_survives_and_damage_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ä": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"ä": [1, 2.5, None]}
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a.json: not valid JSON"):
        read_json(tmp_path / "a.json")


def test_the_hash_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


def test_what_killed_processes_left_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    """A process is killed in the middle of a file and of a directory, while another one goes on writing."""
    code = (
        "import os, sys; from pathlib import Path; from mtkit.files import atomic_directory, atomic_file\n"
        "with atomic_file(Path('dead.yaml')), atomic_directory(Path('dead')) as work:\n"
        "    (work / 'part').write_text('x'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL
    (tmp_path / ".update-7.old").mkdir()
    for name in (".profile.old", ".mine.0123456789abcde", "dead.0123456789abcdef", ".lock"):
        (tmp_path / name).touch()
    own = {".profile.old", ".mine.0123456789abcde", "dead.0123456789abcdef", ".lock"}
    assert len(list(tmp_path.iterdir())) == len(own) + 3
    with atomic_file(tmp_path / "a") as file, atomic_directory(tmp_path / "b") as work:
        file.write(b"1")
        (work / "c").write_text("2")
        remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == own | {"a", "b"}
    assert ((tmp_path / "a").read_text(), (tmp_path / "b" / "c").read_text()) == ("1", "2")
    remove_leftovers(tmp_path / "nowhere")
