import os
import subprocess
import sys
from pathlib import Path

import pytest

KEEP = """
import resource, sys, torch
from mtkit.machine.memory import keep_freed_memory
told = keep_freed_memory() if sys.argv[1] == "keep" else True
for _ in range(20):
    torch.ones(1 << 24)  # 64 MB, freed at once
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(1 << 24)
print(int(told), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

COMPILE = """
import torch
from mtkit.machine.compiling import compile_layers
from mtkit.settings.model import ModelConfig
from mtkit.model.transformer import EncoderLayer
layer = EncoderLayer(ModelConfig(d_model=8, n_heads=2, d_ff=16, dropout=0.0), "scaled_dot")
x = torch.randn(2, 3, 8, requires_grad=True)
plain = layer(x, None)
names = list(layer.state_dict())
print(compile_layers([layer], torch.device("cpu")))
compiled = layer(x, None)
torch.testing.assert_close(compiled, plain)
(expected,), (found,) = (torch.autograd.grad(y.square().sum(), x) for y in (plain, compiled))
torch.testing.assert_close(found, expected)
assert list(layer.state_dict()) == names
"""


def page_faults(mode: str) -> int:
    run = subprocess.run([sys.executable, "-c", KEEP, mode], capture_output=True, text=True, check=True)
    told, faults = map(int, run.stdout.split())
    assert told
    return faults


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of the GNU C library")
def test_what_is_freed_is_not_mapped_anew() -> None:
    assert page_faults("keep") < page_faults("leave") / 4


@pytest.mark.slow
@pytest.mark.parametrize("compiler", [None, "/nowhere/c++"])
def test_compiled_layers_compute_the_same_and_a_missing_compiler_stops_nothing(
    compiler: str | None, tmp_path: Path
) -> None:
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path)} | ({"CXX": compiler} if compiler else {})
    run = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(compiler is None)
    assert (compiler is None) == any(tmp_path.rglob("*.so"))
