"""What turns source ids into target ids."""

from collections.abc import Callable, Sequence
from typing import Protocol

from mtkit.engines.batching import BatchType
from mtkit.search.hypothesis import Hypothesis, SearchOptions

Pending = Callable[[], list[list[Hypothesis]]]
"""A search that has been asked for; calling it waits for the hypotheses of each sentence."""


class Engine(Protocol):
    """Anything that can translate ids."""

    description: str
    """For the log: the library, where it computes, and in which precision."""

    n_parameters: int
    """Trained numbers of the model."""

    max_length: int
    """Tokens that the model can read or write, the end of sentence counted."""

    def begin(
        self,
        sources: Sequence[Sequence[int]],
        options: SearchOptions,
        *,
        batch_size: int,
        batch_type: BatchType,
        tgt_prefix: Sequence[int] = (),
    ) -> Pending:
        """Search for each sentence its ``options.n_best`` hypotheses.

        Args:
            sources: Any number of sentences in any order, in source ids without the end of sentence, none of them
                empty and each shorter than ``max_length``.
            options: Beam size and so on.
            batch_size: Sentences, or source tokens with padding, that are searched at once; at most.
            batch_type: What ``batch_size`` counts.
            tgt_prefix: Ids that every target begins with; fewer than ``max_length``. Hypotheses are what follows them.

        Returns:
            What waits for the hypotheses, best first, in the order of ``sources``. An engine with threads of its own
            searches in the meantime.
        """
