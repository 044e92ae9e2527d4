"""Settings of losses that make a model predict the same twice: R-Drop and SimCut."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mtkit.settings.section import Mistakes, Probability, Section

_ALPHA = {"none": 0.0, "r_drop": 5.0, "simcut": 3.0}


class ConsistencyConfig(Section):
    """A loss that makes the model predict the same in two passes over each batch (docs/objectives.md). An update takes
    about twice the time.
    """

    method: Literal["none", "r_drop", "simcut"] = "none"
    """What differs between the passes: dropout alone in R-Drop (Liang et al. 2021), which needs a model with dropout;
    in SimCut (Gao et al. 2022) the second pass also lacks some tokens."""

    alpha: Annotated[float, Field(ge=0, le=1_000)] | None = None
    """Weight of the divergence between the two predictions. By default 5 for r_drop, where the cross-entropy counts
    twice, and 3 for simcut."""

    cutoff: Probability = 0.05
    """With simcut: probability that the second pass reads zeros in the place of a token, of source and target."""

    @property
    def weight(self) -> float:
        """``alpha``, or its default for the method."""
        return _ALPHA[self.method] if self.alpha is None else self.alpha

    @model_validator(mode="after")
    def _check(self) -> Self:
        changed = self.cutoff != type(self).model_fields["cutoff"].default
        if self.method == "none":
            given = ["alpha"] * (self.alpha is not None) + ["cutoff"] * changed
            if given:
                raise Mistakes(self, [(given[0], "does nothing here: give consistency.method, r_drop or simcut")])
        if self.method == "r_drop" and changed:
            raise Mistakes(self, [("cutoff", "does nothing with r_drop, which leaves out no tokens: it is of simcut")])
        return self
