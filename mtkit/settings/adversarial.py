"""Settings of training on embeddings that are changed for the worse."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mtkit.settings.section import Mistakes, Section


class AdversarialConfig(Section):
    """Training on token embeddings that are moved a little to where the model does worst (docs/objectives.md), which
    makes it robust to noise in what it reads. An update takes two to three times as long.
    """

    method: Literal["none", "fgm", "vat"] = "none"
    """What is made worse, and counts as a loss there: the cross-entropy (fgm, Miyato et al. 2017), or the divergence
    from what the model predicts for the embeddings as they are (vat, Sato et al. 2019)."""

    epsilon: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    """How far the embeddings of a sentence are moved: the L2 norm of the change of all of them together, before
    embeddings are scaled by the root of their width."""

    side: Literal["src", "tgt", "both"] = "both"
    """Embeddings that are moved, those of each side by ``epsilon``."""

    weight: Annotated[float, Field(ge=0, le=1_000)] = 1.0
    """Weight of the loss on the moved embeddings, beside the cross-entropy on them as they are."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.method == "none":
            for name in ("epsilon", "side", "weight"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise Mistakes(self, [(name, "does nothing here: give adversarial.method, fgm or vat")])
        return self
