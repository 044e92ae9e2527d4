"""Learning from the score of a model's own translations: settings and their defaults."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mtkit.settings.section import Mistakes, Section, Share

RiskMetric = Literal["bleu", "chrf"]


class MinimumRiskConfig(Section):
    """Minimum risk training (Shen et al. 2016): translations that the model draws for each source are scored against
    the reference, and the better ones made more probable (docs/teaching.md). Of use from a trained model on, with
    ``from``, and an update takes many times as long.
    """

    metric: RiskMetric | None = None
    """What scores the translations, by the sentence; the risk is 1 minus it. By default nothing is drawn."""

    n_samples: Annotated[int, Field(ge=1, le=1000)] = 20
    """Number of translations drawn for each source. Those that differ are the candidates, with the reference."""

    sharpness: Annotated[float, Field(gt=0, le=10)] = 0.005
    """Exponent of the probabilities by which candidates are weighed against each other: near 0 all weigh the same,
    with 1 the probable ones decide."""

    weight: Share = 0.5
    """How much the risk counts; the cross-entropy counts the rest."""

    @model_validator(mode="after")
    def _check_metric(self) -> Self:
        if self.metric is None:
            for name in ("n_samples", "sharpness", "weight"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise Mistakes(self, [(name, "does nothing here: give training.minimum_risk.metric, bleu or chrf")])
        elif self.weight == 0:
            raise Mistakes(self, [("weight", "must be above 0, or the risk counts for nothing")])
        return self
