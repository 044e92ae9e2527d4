"""Search in a recipe: what a model's bundle keeps as its defaults."""

from typing import Annotated, Literal

from pydantic import Field

from mtkit.settings.section import MAY_CHANGE, LengthPenalty, Section

Split = Literal["auto", "sentences", "never"]


class DecodingConfig(Section):
    """How hypotheses are searched for. Kept in the bundle as the model's defaults."""

    beam_size: Annotated[int, Field(gt=0, le=10_000), MAY_CHANGE] = 5
    """Hypotheses kept per sentence; 1 is greedy search."""

    length_penalty: Annotated[LengthPenalty, MAY_CHANGE] = 1.0
    """Exponent p in ``score = log_prob / length ** p``, the end of sentence counted. Higher values favour longer
    output."""

    max_length_ratio: Annotated[float, Field(ge=0.01, le=1_000), MAY_CHANGE] = 2.0
    """Longest hypothesis per source token, in tokens, before ``max_length_offset`` is added."""

    max_length_offset: Annotated[int, Field(ge=0, le=1_000_000), MAY_CHANGE] = 20
    """Tokens added to ``max_length_ratio`` times the source tokens; the sum limits the length of a hypothesis."""

    split: Annotated[Split, MAY_CHANGE] = "auto"
    """What is translated in parts. auto: lines with more sentences than the training lines had, sentence by sentence,
    and longer sentences clause by clause. sentences: every line, sentence by sentence. never: only what is too long for
    the model."""
