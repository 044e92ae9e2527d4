import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from mtkit.errors import DataError
from mtkit.files.text import read_blocks, read_lines

ZEROS = bytes(300_000_000)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.zst", zstandard.compress),
        ("a.xz", lambda content: lzma.compress(content, preset=0)),
        ("a.gz", lambda content: gzip.compress(content, compresslevel=1)),
        ("a.bz2", lambda content: bz2.compress(content[:60_000_000], compresslevel=1)),
    ],
)
def test_a_small_file_that_unpacks_to_a_large_one_takes_little_memory(
    name: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(pack(ZEROS))
    tracemalloc.start()
    try:
        blocks = read_blocks(path)
        assert sum(len(next(blocks)) for _ in range(40)) > 30_000_000
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_a_window_of_more_than_128_mb_is_refused(tmp_path: Path) -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(1, window_log=28)
    frame = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    (tmp_path / "a.zst").write_bytes(frame.compress(b"one\n") + frame.flush())
    stream = lzma.LZMACompressor(
        filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**28, "mode": lzma.MODE_FAST, "preset": 0}]
    )
    (tmp_path / "a.xz").write_bytes(stream.compress(b"one\n") + stream.flush())
    for name, way_out in (("a.zst", "zstd --long=31 unpacks it"), ("a.xz", "xz -d unpacks it")):
        with pytest.raises(DataError, match=rf"{name}: needs more than 128 MB of memory to be unpacked: {way_out}"):
            list(read_lines(tmp_path / name))


def test_the_widest_window_that_the_tools_use_unasked_is_read(tmp_path: Path) -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    frame = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    (tmp_path / "a.zst").write_bytes(frame.compress(b"one\n") + frame.flush())
    (tmp_path / "a.xz").write_bytes(lzma.compress(b"one\n", preset=9))
    for name in ("a.zst", "a.xz"):
        assert list(read_lines(tmp_path / name)) == ["one"]


def test_several_xz_streams_with_padding_are_one_text(tmp_path: Path) -> None:
    parts = [lzma.compress(b"one\n"), lzma.compress(b"two\nthr"), lzma.compress(b""), lzma.compress(b"ee\n")]
    (tmp_path / "a.xz").write_bytes(bytes(4).join(parts) + bytes(70_000))
    assert list(read_lines(tmp_path / "a.xz")) == ["one", "two", "three"]
