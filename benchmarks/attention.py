"""Time and memory of an encoder against the length of what it reads, for each kind of attention.

    python benchmarks/attention.py [--lengths 128 256 ... 8192] [--runs 3] [--device cpu]

One sequence, forward and backward through two layers of d_model 256, 4 heads, window and rank 64. Each measurement
has a process of its own, so that its peak memory is its own. The exponent is the slope of log(cost) against log(length)
over the last three lengths: 1 where the cost grows with the length, 2 where it grows with its square.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time

import torch

from mtkit.model.transformer import TransformerEncoder
from mtkit.settings.model import ModelConfig

KINDS = ("scaled_dot", "local", "linear", "low_rank")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128 * 2**n for n in range(7)])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # kind and length: what a child process measures
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(_measure(arguments.one[0], int(arguments.one[1]), arguments.device)))
        return
    header = ["length", *(f"{kind}, ms" for kind in KINDS), *(f"{kind}, MB" for kind in KINDS)]
    print(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    memory: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for length in arguments.lengths:
        results = {
            kind: [_in_a_process(kind, length, arguments.device) for _ in range(arguments.runs)] for kind in KINDS
        }
        for kind, values in results.items():
            seconds[kind].append(statistics.median(value[0] for value in values))
            memory[kind].append(statistics.median(value[1] for value in values))
        times = []
        for kind, values in results.items():
            spread = f"{1e3 * min(v[0] for v in values):.1f} to {1e3 * max(v[0] for v in values):.1f}"
            times.append(f"{1e3 * seconds[kind][-1]:.1f} ({spread})")
        print(f"| {' | '.join([f'{length:,}', *times, *(f'{memory[kind][-1]:,.0f}' for kind in KINDS)])} |", flush=True)
    exponents = [_exponent(arguments.lengths, costs[kind]) for costs in (seconds, memory) for kind in KINDS]
    print(f"| {' | '.join(['exponent', *(f'{value:.2f}' for value in exponents)])} |")


def _in_a_process(kind: str, length: int, device: str) -> tuple[float, float]:
    command = [sys.executable, __file__, "--one", kind, str(length), "--device", device]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, megabytes = json.loads(done.stdout)
    return seconds, megabytes


def _measure(kind: str, length: int, device_name: str) -> tuple[float, float]:
    """Median seconds of an update of five, and MB that it needed on top of what stood there before."""
    device = torch.device(device_name)
    owner: dict[str, object] = {"local": {"window": 64}, "low_rank": {"low_rank_size": 64}}.get(kind, {})  # type: ignore[assignment]
    config = ModelConfig.model_validate(
        {"d_model": 256, "n_heads": 4, "d_ff": 1024, "n_encoder_layers": 2, "n_decoder_layers": 1, "dropout": 0.0}
        | {"max_length": length, "encoder_attention": kind}
        | owner
    )
    encoder = TransformerEncoder(config).to(device)
    x = torch.randn(1, length, 256, device=device, requires_grad=True)
    before, times = _memory(device), []
    for _ in range(5):
        start = time.perf_counter()
        encoder(x, None).hidden.sum().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times), _memory(device) - before


def _memory(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _exponent(lengths: list[int], costs: list[float]) -> float:
    return math.log(costs[-1] / max(costs[-3], 1e-9)) / math.log(lengths[-1] / lengths[-3])


if __name__ == "__main__":
    main()
