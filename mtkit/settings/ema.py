"""Settings of the average of the weights that a run keeps beside them."""

from typing import Annotated

from pydantic import Field, NonNegativeInt

from mtkit.settings.section import Section


class EmaConfig(Section):
    """A running average of the weights (EMA), kept beside them while training. Every validation measures both, and the
    model of the run has those that were better.
    """

    decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    """How much of the average is kept at each update, such as 0.999: it then covers about the last 1,000 updates. Lower
    at first: (1 + n) / (10 + n) after n updates. By default none is kept."""

    start: NonNegativeInt | None = None
    """Update whose weights the average begins with; by default the end of the warm-up."""
