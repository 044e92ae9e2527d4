import os
import subprocess
import sys

import pytest

from mtkit.errors import DeviceError
from mtkit.machine.memory import is_out_of_memory, keep_few_kernels, memory_advice


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


def test_an_exhausted_memory_is_told_with_what_to_lower() -> None:
    with pytest.raises(DeviceError, match="the machine's memory is full; lower it"), memory_advice("lower it"):
        raise MemoryError
    with pytest.raises(RuntimeError, match="of another kind"), memory_advice("lower it"):
        raise RuntimeError("of another kind")
    assert not is_out_of_memory(ValueError("not enough memory"))
