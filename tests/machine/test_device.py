import pytest
import torch

from mtkit.errors import DeviceError
from mtkit.machine.device import bf16_is_native, check_device, choose_device, choose_precision
from mtkit.machine.memory import memory_advice
from mtkit.machine.threads import set_threads

pytestmark = pytest.mark.processor


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(DeviceError, match=rf"device {name}: .*; use --device cpu or auto"):
        choose_device(name)


@pytest.mark.parametrize("name", ["abacus", "gpu", "meta", "mps", "cuda:x", "CPU", "", None])
def test_an_unknown_device_is_refused(name: str) -> None:
    for refusing in (check_device, choose_device):
        with pytest.raises(DeviceError, match=f"device {name}: unknown; use auto, cpu or cuda"):
            refusing(name)


def test_a_device_of_torch_is_taken_too() -> None:
    assert choose_device(torch.device("cpu")) == torch.device("cpu")  # type: ignore[arg-type]


@pytest.mark.parametrize("native", [False, True])
def test_a_cpu_computes_in_float32_unless_asked_for_less(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    cpu = torch.device("cpu")
    assert bf16_is_native(cpu) is native
    assert [choose_precision(name, cpu) for name in ("auto", "fp32", "bf16")] == ["fp32", "fp32", "bf16"]


def test_threads_are_set_as_asked() -> None:
    before = torch.get_num_threads()
    try:
        assert set_threads(1) == 1
        assert torch.get_num_threads() == 1
        assert set_threads(None) >= 1
    finally:
        torch.set_num_threads(before)


def test_the_allocator_of_the_cpu_gets_advice_too() -> None:
    with pytest.raises(DeviceError, match="the machine's memory is full; lower it"), memory_advice("lower it"):
        torch.empty(1 << 60)


def test_other_errors_pass_through() -> None:
    with pytest.raises(RuntimeError, match="a bug"), memory_advice("lower it"):
        raise RuntimeError("a bug")
