"""The processes that train one model together, and what they ask each other.

All of them do the same updates, each on batches of its own, and ask the same questions in the same order.
"""

from typing import Protocol, TypeVar

from torch import Tensor

Summed = TypeVar("Summed", int, float, list[Tensor])
Answer = TypeVar("Answer")


class Team(Protocol):
    """One of the processes, as it sees the others."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes what there is one of, such as checkpoints."""

    def sum(self, value: Summed) -> Summed:
        """The sum over all processes of a count, or of each of some tensors, in place."""

    def agree(self, answer: Answer) -> Answer:
        """The answer of the first process, where each may have come to another: by its clock, or by a signal."""

    def barrier(self) -> None:
        """Wait until all processes are here."""


class Solo:
    """A process that trains alone."""

    is_first = True

    def sum(self, value: Summed) -> Summed:
        """The value itself."""
        return value

    def agree(self, answer: Answer) -> Answer:
        """The answer itself."""
        return answer

    def barrier(self) -> None:
        """There is nobody to wait for."""


SOLO = Solo()
