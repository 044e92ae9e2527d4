"""What all sections of the settings have in common."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mtkit.settings.bounds import LENGTH_PENALTY

Probability = Annotated[float, Field(ge=0.0, lt=1.0)]

Share = Annotated[float, Field(ge=0, le=1)]
"""A probability that may be certainty."""

LengthPenalty = Annotated[float, Field(ge=LENGTH_PENALTY.least, le=LENGTH_PENALTY.most)]

Mistake = tuple[str, str]
"""A setting of a section, dotted where it lies deeper (``train.1``), and what is wrong with it."""


class Section(BaseModel):
    """A part of the settings: no unknown keys, no later changes, and no number that is not finite.

    Each number that need not be whole has a least and a greatest value beside its type.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Mistakes(ValueError):
    """What is wrong with a section whose values are each possible by themselves."""

    def __init__(self, section: Section, found: Sequence[Mistake]) -> None:
        super().__init__("; ".join(f"{setting}: {reason}" for setting, reason in found))
        self.section = section
        self.found = found
