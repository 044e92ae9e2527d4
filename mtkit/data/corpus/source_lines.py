"""What the source lines are like that a model was trained on: it translates others badly, and without a sign of that.

A model that has seen single sentences gives one sentence back for four, with a good score. What it has seen is noted
with it, so that a translation can cut what it is given into what the model knows.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

RANKS = (0.5, 0.9, 0.99, 0.999, 1.0)
MOST_SENTENCES = 8
"""Lines of more sentences are not told apart."""

_USUAL = "0.999"
_ENOUGH = 0.05  # share of the training lines from which a model learns how to treat such


@dataclass(frozen=True)
class SourceLines:
    """Lengths and sentences of the source side of the training pairs."""

    n_lines: int
    """Lines that were looked at, evenly spread over the corpus."""

    n_tokens: dict[str, int]
    """Source tokens at the ranks 0.5, 0.9, 0.99, 0.999 and 1 of the lines, without tags and end of sentence."""

    sentences: list[float]
    """Share of the lines that have at least two sentences, at least three and so on, up to eight."""

    tgt_per_src: float
    """Target tokens for each source token."""

    @property
    def usual_tokens(self) -> int:
        """The longest source that the model has seen more than once in a while."""
        return max(self.n_tokens[_USUAL], 1)

    @property
    def usual_sentences(self) -> int:
        """The most sentences on a line that the model has learnt to translate together."""
        return 1 + sum(share >= _ENOUGH for share in self.sentences)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> "SourceLines | None":
        """The object from its JSON; None where that is not what ``as_json`` writes."""
        try:
            lines = cls(
                int(value["n_lines"]),
                {str(rank): int(value["n_tokens"][str(rank)]) for rank in RANKS},
                [float(share) for share in value["sentences"]],
                float(value["tgt_per_src"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return lines if 0 < lines.tgt_per_src < math.inf else None
