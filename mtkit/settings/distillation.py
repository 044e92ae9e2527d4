"""Learning from the predictions of another model: settings and their defaults."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mtkit.settings.section import MAY_CHANGE, Mistakes, Section, Share


class DistillationConfig(Section):
    """A model whose predictions are learnt beside the references (Hinton et al. 2015; Kim and Rush 2016, section 3.1).
    The loss is ``(1 - weight)`` times the cross-entropy plus ``weight`` times the divergence from the teacher
    (docs/teaching.md).
    """

    teacher: Annotated[Annotated[str, Field(min_length=1)] | None, MAY_CHANGE] = None
    """Model whose predictions are learnt: a run directory, a checkpoint or a bundle. The tokenizer is its own. By
    default there is none."""

    weight: Share = 0.5
    """How much the teacher counts; the references count the rest."""

    temperature: Annotated[float, Field(ge=0.1, le=100)] = 1.0
    """What the logits of both models are divided by where they are compared: above 1, what the teacher thinks
    improbable counts more."""

    @model_validator(mode="after")
    def _check_teacher(self) -> Self:
        if self.teacher is None:
            for name in ("weight", "temperature"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise Mistakes(self, [(name, "does nothing here: name a model with training.distillation.teacher")])
        elif self.weight == 0:
            raise Mistakes(self, [("weight", "must be above 0, or the teacher counts for nothing")])
        return self
