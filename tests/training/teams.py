"""Teams that need no second process."""

from collections import deque
from typing import Any

from mtkit.training.team import Answer, Solo, Summed


class Twins(Solo):
    """Two processes that do the same on the same batches: a sum is twice what one gives."""

    def sum(self, value: Summed) -> Summed:
        """Twice the value."""
        if not isinstance(value, list):
            return 2 * value
        for tensor in value:
            tensor *= 2
        return value


class First(Solo):
    """The first of two processes; what it answers is noted for the second."""

    def __init__(self, answers: deque[Any]) -> None:
        self._answers = answers

    def agree(self, answer: Answer) -> Answer:
        """The answer itself."""
        self._answers.append(answer)
        return answer


class Second(Solo):
    """The second of two processes, once the first has given all its answers."""

    is_first = False

    def __init__(self, answers: deque[Any]) -> None:
        self._answers = answers

    def agree(self, answer: Answer) -> Answer:
        """What the first process answered to the same question."""
        said = self._answers.popleft()
        assert type(said) is type(answer)
        return said
