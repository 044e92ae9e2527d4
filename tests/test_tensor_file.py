import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mtkit.errors import CheckpointError
from mtkit.tensor_file import check_finite, n_numbers


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_found_in_every_kind_of_tensor(
    tmp_path: Path, kind: torch.dtype, value: float
) -> None:
    tensors = {"whole": torch.ones(3, dtype=torch.int64), "a": torch.zeros(2, 3, dtype=kind), "b": torch.ones(5)}
    tensors["a"][1, 2] = torch.finfo(kind).max
    save_file(tensors, tmp_path / "good")
    check_finite(tmp_path / "good")
    assert n_numbers(tmp_path / "good") == 14
    tensors["a"][1, 1] = value
    save_file(tensors, tmp_path / "bad")
    with pytest.raises(CheckpointError, match=r"bad: a holds numbers that are not finite: .*; take another checkpoint"):
        check_finite(tmp_path / "bad")


def test_a_number_is_found_wherever_it_is_in_a_large_tensor(tmp_path: Path) -> None:
    for place in (0, 1 << 22, (1 << 22) + 6):
        tensor = torch.zeros((1 << 22) + 7)
        tensor[place] = torch.nan
        save_file({"large": tensor}, tmp_path / "file")
        with pytest.raises(CheckpointError, match="large holds numbers"):
            check_finite(tmp_path / "file")


def test_an_empty_tensor_is_finite(tmp_path: Path) -> None:
    save_file({"none": torch.zeros(0, 4)}, tmp_path / "file")
    check_finite(tmp_path / "file")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        (2).to_bytes(8, "little") + b"[]",
        (5).to_bytes(8, "little") + b'{"a":',
        *(
            len(head).to_bytes(8, "little") + head + b"1234"
            for head in (
                json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode(),
                json.dumps({"a": {"dtype": "F32", "shape": [1]}}).encode(),
                json.dumps({"a": 5}).encode(),
            )
        ),
    ],
)
def test_what_is_no_tensor_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError, match="file: cannot read: ") as caught:
        check_finite(tmp_path / "file")
    assert "\n" not in str(caught.value)
