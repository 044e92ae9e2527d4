"""What a beam search weighed on its way, as a tree.

Shapes: K beam size, C candidates of a step.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Fate = Literal["live", "finished", "pruned"]


@dataclass(frozen=True)
class Node:
    """A candidate: one token more than its parent."""

    step: int
    """Tokens up to here, this one included."""

    place: int
    """Rank among the candidates of its step, 1 for the most probable one."""

    parent: int | None
    """Number of the node that it continues; None at the first step."""

    token_id: int
    log_prob: float
    """Log-probability of all tokens up to here, nats."""

    fate: Fate
    """live: went on to the next step; finished: ended the sentence within the beam; pruned: too improbable."""


class History:
    """The nodes of the search for one sentence; it is the search's observer."""

    def __init__(self, *, beam_size: int, eos_id: int) -> None:
        """Begin before the first step.

        Args:
            beam_size: Beam of the search, K.
            eos_id: What ends a hypothesis.
        """
        self.nodes: list[Node] = []
        self._beam_size = beam_size
        self._eos_id = eos_id
        self._live: list[int | None] = [None]  # the node of each live hypothesis; the root is none
        self._step = 0

    def __call__(self, batch: Tensor, parents: Tensor, tokens: Tensor, log_probs: Tensor, live: Tensor) -> None:
        """Note a step; see ``mtkit.search.beam.Observer``."""
        assert len(batch) == 1, "the history is that of one sentence"
        self._step += 1
        going = set(live[0].tolist())
        numbers: list[int | None] = []
        columns = zip(parents[0].tolist(), tokens[0].tolist(), log_probs[0].tolist(), strict=True)
        for column, (parent, token, log_prob) in enumerate(columns):
            if not math.isfinite(log_prob):  # fewer candidates than the beam has room for
                numbers.append(None)
                continue
            fate: Fate = "live" if column in going else "pruned"
            if token == self._eos_id:
                fate = "finished" if column < self._beam_size else "pruned"
            numbers.append(len(self.nodes))
            self.nodes.append(Node(self._step, column + 1, self._live[parent], token, log_prob, fate))
        self._live = [numbers[column] for column in live[0].tolist()]


def path(nodes: Sequence[Node], ids: Sequence[int]) -> list[int]:
    """The numbers of the nodes that spell ``ids``, from the first token as far as the search followed them."""
    children = {(node.parent, node.token_id): number for number, node in enumerate(nodes)}
    found: list[int] = []
    for token in ids:
        number = children.get((found[-1] if found else None, token))
        if number is None:
            break
        found.append(number)
    return found
