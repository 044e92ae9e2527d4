"""What the machine can do at most: its matrix products, measured or as published, and its memory."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from mtkit.machine.compute import Compute
from mtkit.machine.device import bf16_is_native

# Dense bf16 products with float32 accumulation, in TFLOP/s, from the makers' data sheets (half of what these give
# "with sparsity"). A name may be part of another: the longest that occurs in the device's name counts.
PUBLISHED_BF16_TFLOPS = {
    "A10G": 70.0,
    "A10": 125.0,
    "A30": 165.0,
    "A40": 149.7,
    "A100": 312.0,
    "L4": 121.0,
    "L40": 181.0,
    "L40S": 362.0,
    "H100": 989.0,
    "H100 PCIe": 756.0,
    "H100 NVL": 835.0,
    "H200": 989.0,
    "H200 NVL": 836.0,
    "GH200": 989.0,
    "B200": 2250.0,
    "RTX 3090": 71.0,
    "RTX 4090": 165.2,
    "RTX A6000": 154.8,
    "RTX 6000 Ada": 364.2,
}


@dataclass(frozen=True)
class Peak:
    """The most matrix arithmetic that a machine does."""

    flop_per_second: float

    published: bool
    """Whether it is from the maker's data sheet, not measured here."""

    def __str__(self) -> str:
        return f"{flop_shown(self.flop_per_second)}, {'published' if self.published else 'measured'}"


def flop_shown(flop_per_second: float) -> str:
    """``8.51e10`` as ``85.1 GFLOP/s``."""
    giga = flop_per_second / 1e9
    return f"{giga:.1f} GFLOP/s" if giga < 1000 else f"{giga / 1000:.1f} TFLOP/s"


def peak(compute: Compute, *, seconds: float = 0.2) -> Peak:
    """What a share of peak refers to: published for bf16 on a well-known GPU, else measured for ``seconds``.

    A device that does not multiply in bf16 itself is held against what it does in float32.
    """
    if compute.precision == "bf16" and not bf16_is_native(compute.device):
        compute = compute.with_precision("fp32")
    if compute.device.type == "cuda" and compute.precision == "bf16":
        published = published_peak(torch.cuda.get_device_name(compute.device))
        if published is not None:
            return Peak(published, published=True)
    return Peak(measured_peak(compute, seconds=seconds), published=False)


def published_peak(name: str) -> float | None:
    """Dense bf16 FLOP/s of a GPU by the name that its driver gives, or None if it is not in the table."""
    # "NVIDIA A100-SXM4-80GB" names an A100, "NVIDIA A1000" does not; a variant or a part of a GPU does less.
    if re.search(r"Laptop|Max-Q|MIG|\bTi\b|4090 D\b", name, re.IGNORECASE):
        return None
    known = [model for model in PUBLISHED_BF16_TFLOPS if re.search(rf"\b{model}\b", name, re.IGNORECASE)]
    return PUBLISHED_BF16_TFLOPS[max(known, key=len)] * 1e12 if known else None


def measured_peak(compute: Compute, *, seconds: float = 0.2) -> float:
    """FLOP/s in products of two large square matrices: the best of those that ``seconds`` have room for."""
    device = compute.device
    n = 8192 if device.type == "cuda" else 1024 if compute.threads <= 8 else 2048
    dtype = torch.bfloat16 if compute.precision == "bf16" else torch.float32
    generator = torch.Generator(device).manual_seed(0)  # the one of the run stays as it is
    a, b = (torch.randn(n, n, device=device, generator=generator).to(dtype) for _ in range(2))
    products: list[Callable[[], object]] = [lambda: a @ b]
    if compute.on_cpu and compute.precision == "fp32" and torch.backends.mkldnn.is_available():
        # A convolution of width 1 is the same product through oneDNN, which may be faster than the BLAS behind ``@``.
        image, kernel = a.view(1, n, n, 1), b.view(n, n, 1, 1)
        products.append(lambda: F.conv2d(image, kernel))
    with torch.inference_mode():
        best = min(_fastest(product, device, seconds / len(products)) for product in products)
    return 2 * n**3 / best


def memory_bandwidth(device: torch.device, *, seconds: float = 0.3) -> float:
    """Bytes read and written per second by a copy much larger than the caches: the best one of ``seconds``."""
    n = (1 << 30) if device.type == "cuda" else (1 << 27)
    source = torch.zeros(n, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * n / _fastest(lambda: target.copy_(source), device, seconds)


def _fastest(work: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Seconds of the fastest run, after one that does not count."""
    work()
    end = time.perf_counter() + seconds
    best = float("inf")
    while True:
        best = min(best, _gpu_seconds(work) if device.type == "cuda" else _cpu_seconds(work))
        if time.perf_counter() >= end:
            return best


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _gpu_seconds(work: Callable[[], object]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000
