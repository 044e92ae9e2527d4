"""When a run goes back to an earlier checkpoint, and how often: every setting of it, and its default."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mtkit.settings.section import MAY_CHANGE, Mistakes, Section


class HealingConfig(Section):
    """When training has gone wrong, it goes back to a checkpoint from before and leaves out the pairs since then
    (PaLM, Chowdhery et al. 2022, section 5.1; docs/resume.md): once ``max_bad_updates`` in a row were not finite, or
    the loss has jumped up and stays there.
    """

    rollbacks: Annotated[NonNegativeInt, MAY_CHANGE] = 3
    """Number of times in a row that training goes back before it gives up. The count starts again at zero once
    ``window`` updates have gone well. 0 never goes back."""

    sigmas: Annotated[Annotated[float, Field(ge=1, le=1000)] | None, MAY_CHANGE] = 5.0
    """How far the loss jumps: the mean over ``recent`` updates, and most of these, are so many standard deviations of
    the loss above its mean in the updates before them, and at least 0.1 nats per token. null looks for no jumps."""

    rate_factor: Annotated[Annotated[float, Field(gt=0, le=1)], MAY_CHANGE] = 1.0
    """Factor by which the learning rate is lower from there on, each time that training goes back."""

    recent: Annotated[Annotated[int, Field(ge=1, le=1000)], MAY_CHANGE] = 10
    """Number of updates whose loss is compared with that before. The checkpoint to go back to is at least ten times as
    many updates older than the trouble."""

    window: Annotated[PositiveInt, MAY_CHANGE] = 1_000
    """Number of updates before them that their loss is compared with, roughly; jumps are seen from a tenth of it on."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.window < 2 * self.recent:
            raise Mistakes(self, [("window", f"must be at least twice recent ({self.recent})")])
        return self
