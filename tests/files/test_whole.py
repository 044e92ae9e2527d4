import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mtkit.errors import DataError
from mtkit.files.whole import (
    atomic_directory,
    atomic_file,
    delete_directory,
    remove_leftovers,
    replace_directory,
    write_json,
)

ROOT = Path(__file__).parents[2]


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


def test_a_file_in_the_place_of_a_directory_gives_way(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("in the way")
    with atomic_directory(tmp_path / "x") as work:
        (work / "a").write_text("there")
    assert (tmp_path / "x" / "a").read_text() == "there"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.fixture
def other_disk(tmp_path: Path) -> Path:
    """A directory with a link to it elsewhere, ``tmp_path / "here" / "link"``."""
    (tmp_path / "disk" / "real").mkdir(parents=True)
    (tmp_path / "disk" / "real" / "old").write_text("old")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "disk" / "real")
    return tmp_path


def test_a_directory_that_is_a_link_is_replaced_where_it_leads(other_disk: Path) -> None:
    link = other_disk / "here" / "link"
    (other_disk / "disk" / "real").chmod(0o700)
    for name in ("first", "second"):
        with atomic_directory(link) as work:
            assert work.parent == other_disk / "disk"
            (work / name).write_text("new")
        assert link.is_symlink()
        assert [path.name for path in (other_disk / "disk" / "real").iterdir()] == [name]
    assert (other_disk / "disk" / "real").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (other_disk / "here").iterdir()] == ["link"]
    assert [path.name for path in (other_disk / "disk").iterdir()] == ["real"]


def test_what_was_made_beside_a_link_goes_where_it_leads(other_disk: Path) -> None:
    link = other_disk / "here" / "link"
    (other_disk / "here" / "work").mkdir()
    (other_disk / "here" / "work" / "new").write_text("new")
    replace_directory(link, other_disk / "here" / "work")
    assert link.is_symlink()
    assert [path.name for path in (other_disk / "disk" / "real").iterdir()] == ["new"]
    assert [path.name for path in (other_disk / "here").iterdir()] == ["link"]


def test_a_directory_is_deleted_where_a_link_leads(other_disk: Path) -> None:
    delete_directory(other_disk / "here" / "link")
    assert list((other_disk / "disk").iterdir()) == []
    delete_directory(other_disk / "here" / "none")
    with atomic_directory(other_disk / "here" / "link") as work:
        (work / "new").write_text("new")
    assert (other_disk / "disk" / "real" / "new").read_text() == "new"


def test_a_link_that_an_interrupted_attempt_has_left_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".x.old").symlink_to(tmp_path / "elsewhere")
    for name in ("one", "two"):
        with atomic_directory(tmp_path / "x") as work:
            (work / name).write_text("")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["two"]
    assert (tmp_path / "elsewhere").is_dir()


def test_what_killed_processes_left_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    """A process is killed in the middle of a file and of a directory, while another one goes on writing."""
    code = (
        "import os, sys; from pathlib import Path; from mtkit.files.whole import atomic_directory, atomic_file\n"
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


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    left = tmp_path / ".file.0123456789abcdef"
    left.write_text("torn")
    other = tmp_path / ".file.of.the.user"
    other.write_text("mine")
    with atomic_file(path) as file:
        assert not left.exists()
        file.write(b"slow")
        write_json(path, "quick")
    assert path.read_bytes() == b"slow"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [other.name, "file"]


def test_a_directory_that_is_being_written_is_not_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    with atomic_directory(path) as work:
        (work / "a").write_text("1")
        with pytest.raises(DataError, match="another process is writing it"), atomic_directory(path):
            pass
    assert [entry.name for entry in path.iterdir()] == ["a"]


@pytest.mark.parametrize("is_linked", [True, False])
def test_nothing_is_put_in_the_place_of_a_pipe_or_a_device(tmp_path: Path, is_linked: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = tmp_path / "link" if is_linked else pipe
    if is_linked:
        path.symlink_to(pipe)
    (tmp_path / "work").mkdir()
    message = f"{path.name}: a pipe, a socket or a device, not a file"
    with pytest.raises(DataError, match=message):
        write_json(path, {})
    with pytest.raises(DataError, match=message), atomic_directory(path):
        pass
    with pytest.raises(DataError, match=message):
        replace_directory(path, tmp_path / "work")
    with pytest.raises(DataError, match=message):
        delete_directory(path)
    assert pipe.is_fifo()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted({"pipe", path.name, "work"})
