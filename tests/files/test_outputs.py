import bz2
import gzip
import lzma
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from mtkit.errors import DataError, ReaderGone
from mtkit.files.outputs import descriptor_of, open_output, write_output
from mtkit.files.text import read_lines

UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed),
}


@pytest.mark.parametrize("ending", UNPACKERS)
@pytest.mark.parametrize("upper", [False, True])
def test_the_ending_says_how_it_is_packed_and_it_can_be_read_again(tmp_path: Path, ending: str, upper: bool) -> None:
    path = tmp_path / f"x{ending.upper() if upper else ending}"
    with open_output(path) as out:
        for line in (b"one\n", b"zw\xc3\xb6lf\n"):
            out.write(line)
            out.flush()
    assert UNPACKERS[ending](path.read_bytes()) == "one\nzwölf\n".encode()
    assert list(read_lines(path)) == ["one", "zwölf"]


def test_the_same_results_are_the_same_bytes_under_any_name(tmp_path: Path) -> None:
    for name in ("a.gz", "other.gz"):
        write_output(tmp_path / name, [b"one\n"])
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "other.gz").read_bytes()
    assert b"other" not in (tmp_path / "other.gz").read_bytes()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755])
def test_an_existing_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x"
    path.write_text("before")
    path.chmod(mode)
    os.utime(path, (1, 1))
    write_output(path, [])
    assert path.read_bytes() == b""
    assert path.stat().st_mode & 0o777 == mode
    assert path.stat().st_mtime > 1


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "real").write_text("before")
    (tmp_path / "link").symlink_to("disk/real")
    (tmp_path / "new").symlink_to("disk/not-yet")
    for name in ("link", "new"):
        write_output(tmp_path / name, [b"after"])
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_bytes() == b"after"
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["not-yet", "real"]


def test_a_file_of_two_names_keeps_both(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("before, and longer")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    with open_output(tmp_path / "one") as out:
        out.write(b"after")
        assert (tmp_path / "two").read_bytes() == b"before, and longer"
    assert (tmp_path / "one").samefile(tmp_path / "two")
    assert (tmp_path / "two").read_bytes() == b"after"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("n_names", [1, 2])
def test_what_fails_leaves_what_was_there(tmp_path: Path, n_names: int) -> None:
    path = tmp_path / "x"
    path.write_text("before")
    if n_names == 2:
        (tmp_path / "y").hardlink_to(path)
    with pytest.raises(ZeroDivisionError), open_output(path) as out:
        out.write(b"%d" % (1 // 0))
    assert path.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == n_names


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    write_output(tmp_path / ("x" * 255), [b"a"])
    assert [path.name for path in tmp_path.iterdir()] == ["x" * 255]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a directory; name a file$"):
        write_output(tmp_path, [b"a"])
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/x: cannot write: (Not a directory|File exists)$"):
        write_output(tmp_path / "file" / "x", [b"a"])


def test_a_named_pipe_receives_results_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.gz"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_output(pipe, [b"one\n"])
    reader.join()
    assert gzip.decompress(received[0]) == b"one\n"
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("n_bytes", [1, 1_000_000])
def test_a_full_device_is_an_error_of_one_line(n_bytes: int) -> None:
    with pytest.raises(DataError, match=r"^/dev/full: cannot write: No space left on device$"):
        write_output(Path("/dev/full"), [b"a" * n_bytes])


def test_a_reader_that_has_gone_is_no_error_of_a_result_but_one_of_a_report() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    path = Path(f"/dev/fd/{writing}")
    try:
        with pytest.raises(ReaderGone), open_output(path) as out:
            out.write(b"a")
        with pytest.raises(DataError, match="cannot write: its reader has closed it"):
            write_output(path, [b"a"])
    finally:
        os.close(writing)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no names for descriptors")
@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_what_is_open_is_written_on_from_where_it_stands(tmp_path: Path, name: str, mode: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    with path.open(mode) as file:
        file.seek(0, os.SEEK_END)
        descriptor = Path(name.format(file.fileno()))
        if name == "link":
            descriptor = tmp_path / "link"
            descriptor.symlink_to(f"/dev/fd/{file.fileno()}")
        if not name.startswith("/proc") or Path("/proc/self/fd").exists():
            assert descriptor_of(descriptor) == file.fileno()
            write_output(descriptor, [b"result\n"])
            file.write(b"after\n")
            file.flush()
            assert path.read_bytes() == b"before\nresult\nafter\n"


def test_a_descriptor_that_is_not_open_is_named() -> None:
    with pytest.raises(DataError, match=r"/dev/fd/999: cannot write: Bad file descriptor"):
        write_output(Path("/dev/fd/999"), [b"a"])


def test_standard_output_is_written_on_in_order() -> None:
    code = """
from pathlib import Path
from mtkit.files.outputs import open_output
print("before")
for path in (None, Path("-"), Path("/dev/stdout")):
    with open_output(path) as out:
        out.write(b"result\\n")
print("after")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "before\nresult\nresult\nresult\nafter\n"
