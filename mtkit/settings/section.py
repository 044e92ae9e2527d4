"""What all sections of the settings have in common."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from mtkit.settings.bounds import LENGTH_PENALTY

Probability = Annotated[float, Field(ge=0.0, lt=1.0)]

Share = Annotated[float, Field(ge=0, le=1)]
"""A probability that may be certainty."""

LengthPenalty = Annotated[float, Field(ge=LENGTH_PENALTY.least, le=LENGTH_PENALTY.most)]

Mistake = tuple[str, str]
"""A setting of a section, dotted where it lies deeper (``train.1``), and what is wrong with it."""


class Mark(Enum):
    """What other rooms need to know of a setting. It stands at the field: ``Annotated[int, MAY_CHANGE]``."""

    MAY_CHANGE = "may change when a run resumes"
    """The setting says how long, where or how fast a run works, not what it computes."""

    TRAINING_ONLY = "matters in training alone"
    """The setting of a model makes no difference to a trained one."""

    CONVERTIBLE = "is part of a conversion"
    """CTranslate2 expresses the setting of a model; of one without this or ``TRAINING_ONLY``, the default alone."""

    NOT_IN_CORPUS = "does not change a prepared corpus"
    """The setting of the data is not noted in a prepared corpus, which stays valid when it changes."""

    PLACE = "names an input"
    """The setting says where an input lies; what the input holds is told by its hash."""

    FETCHING = "says how an input is read"
    """The setting changes how an input is fetched, not what it holds."""


MAY_CHANGE = Mark.MAY_CHANGE
TRAINING_ONLY = Mark.TRAINING_ONLY
CONVERTIBLE = Mark.CONVERTIBLE
NOT_IN_CORPUS = Mark.NOT_IN_CORPUS
PLACE = Mark.PLACE
FETCHING = Mark.FETCHING


class Section(BaseModel):
    """A part of the settings: no unknown keys, no later changes, and no number that is not finite.

    Each number that need not be whole has a least and a greatest value beside its type.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        serialize_by_alias=True,  # what is called as a keyword of Python is written as recipes have it
    )


class Mistakes(ValueError):
    """What is wrong with a section whose values are each possible by themselves."""

    def __init__(self, section: Section, found: Sequence[Mistake]) -> None:
        super().__init__("; ".join(f"{setting}: {reason}" for setting, reason in found))
        self.section = section
        self.found = found


def settings_of(section: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The settings of a section by the names that recipes give them."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def marked(section: type[BaseModel], *marks: Mark) -> set[str]:
    """The names of the settings that bear one of the marks, dotted where they lie in a section within the section.

    Sections in lists (the sources of a corpus) are not entered: ask for the marks of their own class.
    """
    found = set()
    for name, field in settings_of(section).items():
        if not {*marks}.isdisjoint(mark for mark in field.metadata if isinstance(mark, Mark)):
            found.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= {f"{name}.{inner}" for inner in marked(field.annotation, *marks)}
    return found
