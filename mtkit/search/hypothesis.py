"""What a search is asked for and what it finds, for every engine: nothing here needs torch."""

from dataclasses import dataclass, fields
from typing import Any, TypedDict, Unpack

from mtkit.errors import ConfigError
from mtkit.settings.bounds import LENGTH_PENALTY, check_whole
from mtkit.settings.decoding import DecodingConfig

NOT_FINITE = (
    "the model computes numbers that are not finite: its weights are damaged or its training diverged; take another "
    "checkpoint"
)
"""What is wrong with a model whose search yields one empty hypothesis with a log_prob of minus infinity."""


class Asked(TypedDict, total=False):
    """What one search may be asked for in place of the model's own settings; None stands for these."""

    beam_size: int | None
    n_best: int
    length_penalty: float | None
    max_length_ratio: float
    max_length_offset: int
    scores: bool


@dataclass(frozen=True)
class SearchOptions:
    """How hypotheses are searched for; the defaults live in ``mtkit.settings.decoding.DecodingConfig``."""

    beam_size: int
    """Hypotheses kept per sentence; 1 is greedy search."""

    n_best: int
    """Hypotheses returned per sentence, at most ``beam_size``."""

    length_penalty: float
    """Exponent p in score = log_prob / length ** p, the end of sentence and a forced target prefix counted."""

    max_length_ratio: float
    max_length_offset: int
    """A hypothesis has at most max_length_ratio * source tokens + max_length_offset tokens, both ends of sentence and a
    forced target prefix counted."""

    scores: bool = True
    """Whether ``log_prob`` and ``score`` are wanted; a greedy search may be faster without."""

    def __post_init__(self) -> None:
        if not 1 <= self.n_best <= self.beam_size:
            raise ValueError(f"n_best ({self.n_best}) must lie between 1 and beam_size ({self.beam_size})")

    @classmethod
    def of(cls, decoding: DecodingConfig, **asked: Unpack[Asked]) -> "SearchOptions":
        """The search of a model: its settings, those of the same name, with what was asked for over them.

        Args:
            decoding: Settings of the model.
            **asked: Fields of this class; ``n_best`` is 1 by default.

        Raises:
            ConfigError: If ``n_best`` exceeds the beam size, or a number is not possible.
        """
        given = {name: value for name, value in asked.items() if value is not None}
        settings = {each.name for each in fields(cls)} & type(decoding).model_fields.keys()
        values: dict[str, Any] = {"n_best": 1, **{name: getattr(decoding, name) for name in settings}, **given}
        if "length_penalty" in given:
            LENGTH_PENALTY.check("length penalty", values["length_penalty"])
        n_best, beam_size = values["n_best"], values["beam_size"]
        for name, number in (("n-best", n_best), ("beam size", beam_size)):
            check_whole(name, number)
        if n_best > beam_size:
            raise ConfigError(f"n-best {n_best} exceeds the beam size {beam_size}; add --beam-size {n_best}")
        return cls(**values)

    def max_length(self, n_src_tokens: int, limit: int, n_prefix: int = 0) -> int:
        """The longest hypothesis for a source, of at most ``limit`` tokens.

        Ends of sentence and the ``n_prefix`` tokens of a forced target prefix are counted.
        """
        return min(max(int(n_src_tokens * self.max_length_ratio + self.max_length_offset), 1 + n_prefix), limit)


@dataclass(frozen=True)
class Hypothesis:
    """One translation of one sentence, in ids."""

    ids: list[int]
    """Token ids without what the decoder was given to begin with, and without the end of sentence."""

    log_prob: float
    """Sum over the tokens, nats, the end of sentence included where the hypothesis reached it."""

    score: float
    """``log_prob / length ** length_penalty``; higher is better. NaN, as ``log_prob``, where it was not asked for."""

    finished: bool
    """Whether it ended by itself and not at the longest length allowed."""
