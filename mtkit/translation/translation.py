"""What a text becomes: its best translation, those that came close, and what is doubtful about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mtkit.search.hypothesis import Hypothesis
from mtkit.translation.segmentation import Segment, join

Part = tuple[str, Hypothesis]
"""One way to translate a segment."""


@dataclass(frozen=True)
class Candidate:
    """One way to translate a text."""

    text: str
    """Never holds a line feed. White space around the source stands around it too."""

    tokens: list[str]
    """The pieces that the text was made of."""

    log_prob: float
    """Nats; the sum over the segments where the text was split."""

    score: float
    """``log_prob`` divided by the length penalty; higher is better. 0 for a text that is blank."""

    finished: bool
    """False where the search was cut off at the longest length allowed."""


@dataclass(frozen=True)
class Translation(Candidate):
    """The best translation of a text, and what came close."""

    n_best: list[Candidate]
    """Best first, this one included; empty for a text that is blank."""

    n_segments: int
    """Parts that the text was translated in: 0 for a text that is blank, above 1 for one that was split."""

    is_short: bool = False
    """Whether it is so much shorter than its source that some of that is probably left out."""

    missing: list[str] = field(default_factory=list)
    """Placeholders, markup, addresses and symbols of the source that it does not hold, each once."""


def merged(parts: Sequence[Part], segments: Sequence[Segment]) -> tuple[str, list[int], float, int, bool]:
    """Text, ids, log-probability, length and whether it is finished, of a text whose segments are translated so."""
    if len(parts) == 1:  # nearly always; it is worth some of the time that a line takes here
        ((text, found),) = parts
        return text, found.ids, found.log_prob, len(found.ids) + found.finished, found.finished
    hypotheses = [hypothesis for _, hypothesis in parts]
    return (
        join([text for text, _ in parts], [segment.gap for segment in segments]),
        [i for hypothesis in hypotheses for i in hypothesis.ids],
        sum(hypothesis.log_prob for hypothesis in hypotheses),
        sum(len(hypothesis.ids) + hypothesis.finished for hypothesis in hypotheses),
        all(hypothesis.finished for hypothesis in hypotheses),
    )
