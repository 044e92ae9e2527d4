import os
import subprocess
import sys

import pytest
import torch

from mtkit.errors import DeviceError
from mtkit.machine.memory import free_memory, is_out_of_memory, keep_few_kernels, memory_advice, peak_memory


@pytest.mark.parametrize(
    ("error", "owner"),
    [
        (MemoryError(), "machine"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), "machine"),
        (RuntimeError("oneDNN: failed to allocate memory"), "machine"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB"), "GPU"),
        (RuntimeError("CUDA error: out of memory"), "GPU"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), "GPU"),
    ],
)
def test_whose_memory_is_full_is_said_with_the_way_out(error: BaseException, owner: str) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(DeviceError, match=f"^the {owner}'s memory is full; lower it$"), memory_advice("lower it"):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("can't allocate memory"), OSError()])
def test_another_error_stays_what_it_is(error: Exception) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)), memory_advice("lower it"):
        raise error


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_taken_and_what_is_free_are_bytes() -> None:
    before, taken = peak_memory(), 200_000_000
    assert 10_000_000 < before < 1 << 40
    bytearray(max(before, taken)).decode("latin-1")
    assert peak_memory() > before
    assert free_memory() is not None


@pytest.mark.parametrize(("given", "kept"), [({}, "128"), ({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}, "1024")])
def test_the_kernels_that_are_kept_are_few_unless_the_user_says_otherwise(
    given: dict[str, str], kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    keep_few_kernels()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == kept


def test_the_command_line_says_so_before_torch_is_loaded() -> None:
    code = (
        "import atexit, os, sys; atexit.register(lambda: print(os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY']));"
        "from mtkit.cli import main; sys.argv = ['mtkit', '--version']; main()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ONEDNN_PRIMITIVE_CACHE_CAPACITY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "128"
