from dataclasses import dataclass
from typing import Self

import pytest
import torch

from mtkit.errors import DeviceError
from mtkit.machine.compute import Compute

pytestmark = pytest.mark.processor

CPU = Compute(torch.device("cpu"), "fp32", 2)


@dataclass
class Parcel:
    """Notes where it was sent."""

    sent: tuple[torch.device, bool] | None = None

    def to(self, device: torch.device, *, non_blocking: bool) -> Self:
        return type(self)((device, non_blocking))


def test_names_become_a_device_a_precision_and_threads() -> None:
    before = torch.get_num_threads()
    try:
        assert Compute.choose("cpu", "bf16", 2) == Compute(torch.device("cpu"), "bf16", 2)
        assert torch.get_num_threads() == 2
        assert Compute.choose("cpu", "auto", 1) == Compute(torch.device("cpu"), "fp32", 1)
        chosen = Compute.choose("cpu", "fp32", None)
        assert chosen.threads == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("device", "precision"), [("abacus", "fp32"), ("cpu", "int8")])
def test_a_name_that_stands_for_nothing_is_refused(device: str, precision: str) -> None:
    with pytest.raises(DeviceError, match="unknown; use auto"):
        Compute.choose(device, precision, 1)


def test_a_process_is_alone_unless_it_is_told_otherwise() -> None:
    assert (CPU.rank, CPU.n_ranks) == (0, 1)


def test_products_run_in_the_precision_and_afterwards_as_before() -> None:
    a = torch.ones(2, 2)
    with CPU.with_precision("bf16").autocast():
        assert (a @ a).dtype == torch.bfloat16
        with CPU.autocast():
            assert (a @ a).dtype == torch.float32
    assert (a @ a).dtype == torch.float32


def test_another_precision_leaves_the_rest() -> None:
    gpu = Compute(torch.device("cuda:1"), "fp32", 4, rank=1, n_ranks=2)
    assert gpu.with_precision("bf16") == Compute(torch.device("cuda:1"), "bf16", 4, rank=1, n_ranks=2)
    assert CPU.on_cpu
    assert not gpu.on_cpu


def test_a_batch_goes_to_the_device_while_the_program_goes_on() -> None:
    gpu = torch.device("cuda:1")
    assert Compute(gpu, "fp32", 1).put(Parcel()).sent == (gpu, True)


def test_on_a_cpu_each_thread_computes_an_item() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(CPU.map(lambda _: torch.get_num_threads(), range(4))) == [1] * 4
        assert list(Compute(torch.device("cuda"), "fp32", 2).map(lambda _: torch.get_num_threads(), [0, 1])) == [2, 2]
    finally:
        torch.set_num_threads(before)


def test_a_cpu_has_nothing_to_wait_for() -> None:
    CPU.synchronize()


def test_the_log_has_it_in_a_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CPU.describe() == "cpu, 2 threads, fp32"
    assert Compute(torch.device("cpu"), "bf16", 1).describe() == "cpu, 1 thread, bf16"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"the one at {device.index}")
    assert Compute(torch.device("cuda:1"), "bf16", 1).describe() == "cuda:1 (the one at 1), bf16"
