"""Headers of safetensors files that lie: none is believed before it was held against the file."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from mtkit.errors import CheckpointError
from mtkit.files.tensor_file import check_finite, read_tensor_file

TENSORS: dict[str, np.ndarray[Any, Any]] = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.arange(4, dtype=np.float16),
}


def write(path: Path, header: Any, n_bytes: int = 32, *, length: int | None = None) -> Path:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(content) if length is None else length) + content + b"\0" * n_bytes)
    return path


def tensor(dtype: Any = "F32", shape: Any = (2, 3), offsets: Any = (0, 24)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": offsets}


def test_what_the_library_writes_is_read_as_it_is(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x", metadata={"one_in": "2"})
    found = read_tensor_file(tmp_path / "x")
    assert {name: (info.dtype, info.shape, info.n_numbers) for name, info in found.tensors.items()} == {
        "a": ("F32", (2, 3), 6),
        "b": ("F16", (4,), 4),
    }
    assert found.metadata == {"one_in": "2"}
    content = (tmp_path / "x").read_bytes()
    for name, numbers in TENSORS.items():
        assert content[found.tensors[name].start : found.tensors[name].end] == numbers.tobytes()


@pytest.mark.parametrize(
    "header",
    [
        [],
        None,
        "text",
        {"a": None},
        {"a": []},
        {"a": {"dtype": "F32"}},
        {"a": tensor(dtype=["F32"])},
        {"a": tensor(shape="23")},
        {"a": tensor(shape=(2, -3))},
        {"a": tensor(shape=(2, 3.0))},
        {"a": tensor(shape=(True, 6))},
        {"a": tensor(shape=(1,) * 500 + (6,))},
        {"a": tensor(shape=(10**12, 10**12))},
        {"a": tensor(shape=(2, 4))},
        {"a": tensor(offsets=(0, 10**15))},
        {"a": tensor(offsets=(24, 0))},
        {"a": tensor(offsets=(0, 24, 48))},
        {"a": tensor(offsets=None)},
        {"a": tensor(offsets=("0", "24"))},
        {"a": tensor(), "b": tensor()},
        {"a": tensor(), "b": tensor(shape=(2,), offsets=(20, 28))},
        {"a": tensor(shape=(1,), offsets=(0, 4)), "b": tensor(shape=(1,), offsets=(8, 12))},
        {"a": tensor(), "__metadata__": []},
    ],
    ids=str,
)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, header: Any) -> None:
    with pytest.raises(CheckpointError, match=r"x: damaged: ") as caught:
        read_tensor_file(write(tmp_path / "x", header, 24))
    assert "\n" not in str(caught.value)


def test_a_type_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"x: a is of type 'X9', which mtkit does not read$"):
        read_tensor_file(write(tmp_path / "x", {"a": tensor(dtype="X9")}, 24))


@pytest.mark.parametrize("n_bytes", [0, 23, 25, 1000])
def test_a_file_is_as_long_as_its_tensors(tmp_path: Path, n_bytes: int) -> None:
    assert read_tensor_file(write(tmp_path / "x", {"a": tensor()}, 24)).tensors["a"].shape == (2, 3)
    with pytest.raises(CheckpointError, match=r"x: damaged: it has .* bytes, its tensors end after"):
        read_tensor_file(write(tmp_path / "x", {"a": tensor()}, n_bytes))


@pytest.mark.parametrize("length", [10**18, 2**64 - 1, 60_000_000, 1])
def test_the_length_of_a_header_is_not_believed(tmp_path: Path, length: int) -> None:
    with pytest.raises(CheckpointError, match=r"x: damaged: its header "):
        read_tensor_file(write(tmp_path / "x", {"a": tensor()}, 24, length=length))


def test_a_sparse_file_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x", {"a": tensor()}, 24)
    os.truncate(path, 10**12)
    with pytest.raises(CheckpointError, match=r"x: damaged: it has 1,000,000,000,000 bytes"):
        read_tensor_file(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"[" * 100_000, b'{"a": 1, "a": 1}', b"{\xff}", b'{"a": 1'])
def test_a_header_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"x: damaged: "):
        read_tensor_file(write(tmp_path / "x", content))


def test_what_is_not_a_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "directory").mkdir()
    for name in ("pipe", "zero", "directory", "nothing"):
        with pytest.raises(CheckpointError, match=name):
            read_tensor_file(tmp_path / name)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_found_in_every_kind_of_tensor(
    tmp_path: Path, kind: torch.dtype, value: float
) -> None:
    tensors = {"whole": torch.ones(3, dtype=torch.int64), "a": torch.zeros(2, 3, dtype=kind), "b": torch.ones(5)}
    tensors["a"][1, 2] = torch.finfo(kind).max
    save_tensors(tensors, tmp_path / "good")
    check_finite(tmp_path / "good")
    tensors["a"][1, 1] = value
    save_tensors(tensors, tmp_path / "bad")
    with pytest.raises(CheckpointError, match=r"bad: a holds numbers that are not finite: .*; take another checkpoint"):
        check_finite(tmp_path / "bad")


def test_a_number_is_found_wherever_it_is_in_a_large_tensor(tmp_path: Path) -> None:
    for place in (0, 1 << 22, (1 << 22) + 6):
        tensor = torch.zeros((1 << 22) + 7)
        tensor[place] = torch.nan
        save_tensors({"large": tensor}, tmp_path / "file")
        with pytest.raises(CheckpointError, match="large holds numbers"):
            check_finite(tmp_path / "file")


def test_an_empty_tensor_is_finite(tmp_path: Path) -> None:
    save_tensors({"none": torch.zeros(0, 4)}, tmp_path / "file")
    check_finite(tmp_path / "file")
