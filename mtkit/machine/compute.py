"""Where a process computes, and in which precision: one value, made once, instead of several that travel together.

torch is imported inside the methods that need it: translating with CTranslate2 does not.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from mtkit.machine.device import Precision, choose_device, choose_precision
from mtkit.machine.threads import set_threads
from mtkit.wording import counted

if TYPE_CHECKING:
    import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class Movable(Protocol):
    """Tensors that go to a device together, such as a batch."""

    def to(self, device: "torch.device", *, non_blocking: bool) -> Self:
        """The same on another device."""


Moved = TypeVar("Moved", bound=Movable)


@dataclass(frozen=True)
class Compute:
    """A device, the precision of matrix products on it, and the CPU threads of this process."""

    device: "torch.device"
    precision: Precision

    threads: int
    """CPU threads that work on one thing, or each on a piece of work."""

    rank: int = 0
    """This process among those that work on the same model, counted from 0."""

    n_ranks: int = 1

    @classmethod
    def choose(cls, device: str, precision: str, threads: int | None) -> "Compute":
        """Turn names into what they stand for here, and set the threads of this process.

        Args:
            device: auto, cpu, cuda, or one of several GPUs such as cuda:1.
            precision: auto, fp32 or bf16; see ``choose_precision``.
            threads: None for as many as ``set_threads`` finds best.

        Raises:
            DeviceError: If there is no such device or precision.
        """
        n_threads = set_threads(threads)
        chosen = choose_device(device)
        return cls(chosen, choose_precision(precision, chosen), n_threads)

    @property
    def on_cpu(self) -> bool:
        """Whether the device is the CPU, whose threads then compute."""
        return self.device.type == "cpu"

    def with_precision(self, precision: Precision) -> "Compute":
        """The same in another precision."""
        return replace(self, precision=precision)

    def autocast(self) -> "torch.autocast":
        """A context in which matrix products run in this precision."""
        import torch

        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def put(self, batch: Moved) -> Moved:
        """A batch on the device; from pinned memory the copy goes on while the program does."""
        return batch.to(self.device, non_blocking=True)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]:
        """``function(item)`` for each item, in order; on a CPU each thread computes one of its own."""
        from mtkit.machine.cores import map_on_cores

        return map_on_cores(function, items, self.threads) if self.on_cpu else map(function, items)

    def synchronize(self) -> None:
        """Wait until a GPU has done what it was given; a CPU has always."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def describe(self) -> str:
        """One phrase for the log, such as ``cpu, 2 threads, fp32``."""
        import torch

        if self.device.type == "cuda":
            return f"{self.device} ({torch.cuda.get_device_name(self.device)}), {self.precision}"
        return f"{self.device}, {counted(self.threads, 'thread')}, {self.precision}"
