"""All that there is to see of one sentence: the search, its result, and what the model expected and looked at.

Shapes: S source pieces and T target pieces, both with the end of sentence; H heads.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from mtkit.inspection.history import Node
from mtkit.inspection.words import Word


@dataclass(frozen=True)
class Guess:
    """A token that the model thought possible."""

    token: str
    log_prob: float
    """Nats."""


@dataclass(frozen=True)
class Position:
    """What stands at a place of a translation, and what the model expected there."""

    token: str
    log_prob: float
    """Given the source and the tokens before it, nats."""

    rank: int
    """Rank among all tokens, 1 for the most probable one."""

    entropy: float
    """Entropy of the distribution, nats: 0 is certainty."""

    alternatives: list[Guess]
    """The most probable tokens, best first; the one that stands here may be among them."""


@dataclass(frozen=True)
class Candidate:
    """A translation, the end of the sentence among its positions where it was reached."""

    text: str
    positions: list[Position]
    log_prob: float
    """The sum over the positions, nats."""

    score: float
    """``log_prob / length ** length_penalty``, by which a search ranks; higher is better."""

    finished: bool
    """False where the search was cut off at the longest length allowed."""

    path: list[int]
    """The nodes of ``Look.history`` that spell it, as far as the search followed it."""


@dataclass(frozen=True)
class Heads:
    """What the heads of one layer attended to."""

    part: str
    """encoder, decoder or cross: who looks at what."""

    layer: int
    """Counted from 1, bottom to top."""

    weights: list[list[list[float]]]
    """(H, Q, K), to four decimals. Queries and keys are ``src_tokens`` (encoder, and keys of cross) or
    ``tgt_read`` (decoder, and queries of cross)."""


@dataclass(frozen=True)
class Look:
    """One sentence."""

    number: int
    """Line of the sentence, counted from 1."""

    source: str
    src_tokens: list[str]
    """(S,), the tags of languages first."""

    src_words: list[Word]
    """Without the tags and the end of sentence."""

    src_unknown: list[str]
    """What of it no piece spells, each once: the model reads bytes or the unknown token in its place."""

    shown: Candidate
    """What the rest is about: the translation that was given, or else the best of the search."""

    forced: bool
    """Whether it was given."""

    tgt_read: list[str]
    """What the decoder had read last when it predicted each position, (T,): first what it was given, such as the
    begin of sentence and the tag of a language."""

    tgt_words: list[Word]
    """Words of ``shown``, without the end of sentence."""

    n_best: list[Candidate]
    """What the search found, best first."""

    beam_size: int
    attention: list[Heads]
    alignment: list[tuple[int, int]]
    """(source word, target word) of ``shown``, both counted from 0."""

    alignment_by: str
    """The layer whose attention tells what is aligned, in words."""

    alignment_layer: int
    history: list[Node]
    history_tokens: list[str]
    """The token of each node of ``history``."""

    def as_json(self) -> dict[str, Any]:
        """Plain values; null where a model computed NaN or infinity."""
        return _plain(asdict(self))


def _plain(value: Any) -> Any:
    """Without NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
