"""What all sections of the settings have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0.0, lt=1.0)]


class Section(BaseModel):
    """A part of the settings: no unknown keys, no later changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
