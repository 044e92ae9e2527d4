import pytest
import torch

from mtkit.machine.compute import Compute
from mtkit.machine.peak import Peak, flop_shown, measured_peak, memory_bandwidth, peak, published_peak

pytestmark = pytest.mark.processor

CPU = Compute(torch.device("cpu"), "fp32", 1)


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA A10G", 70),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("NVIDIA GeForce RTX 4090", 165.2),
    ],
)
def test_the_published_peak_of_a_well_known_gpu(name: str, tera: float) -> None:
    assert published_peak(name) == tera * 1e12


@pytest.mark.parametrize(
    "name",
    [
        "Tesla T4",
        "NVIDIA A1000",  # no A100
        "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 3090 Ti",
    ],
)
def test_any_other_gpu_has_no_published_peak(name: str) -> None:
    assert published_peak(name) is None


def test_what_is_not_published_is_measured() -> None:
    found = peak(CPU, seconds=0.01)
    assert not found.published
    assert found.flop_per_second > 0


def test_measuring_leaves_the_random_numbers_of_a_run_alone() -> None:
    torch.manual_seed(1)
    expected = torch.randn(3)
    torch.manual_seed(1)
    measured_peak(CPU, seconds=0.01)
    assert torch.equal(torch.randn(3), expected)


def test_memory_is_copied_at_some_speed() -> None:
    assert memory_bandwidth(CPU.device, seconds=0.01) > 0


def test_speeds_are_shown_with_their_unit() -> None:
    assert flop_shown(8.51e10) == "85.1 GFLOP/s"
    assert str(Peak(9.89e14, published=True)) == "989.0 TFLOP/s, published"
    assert str(Peak(8.51e10, published=False)) == "85.1 GFLOP/s, measured"
