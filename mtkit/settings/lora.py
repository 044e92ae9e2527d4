"""Settings of low-rank adapters, which are trained in the place of the model."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from mtkit.settings.section import Probability, Section


class LoraConfig(Section):
    """Low-rank adapters, trained while the model ``from`` stays as it is (LoRA, Hu et al. 2021). The run's model is
    that with the adapters taken into its weights; by themselves they lie in ``adapter/``, as PEFT keeps them.
    """

    rank: Annotated[int, Field(gt=0, le=4096)] | None = None
    """Rows of the two matrices that are trained beside a linear map, such as 16: more of them learn more, and take more
    memory. By default there are none, and the model itself is trained."""

    alpha: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """How much the adapters count: ``alpha / rank`` times. By default twice the rank."""

    dropout: Probability = 0.0
    """Probability of dropout on what the adapters read."""

    modules: list[Annotated[str, Field(min_length=1)]] = Field(default=["query", "value"], min_length=1)
    """Linear maps that get adapters: ``query``, ``key``, ``value`` and ``output`` of all attention, ``feed_forward``,
    or single ones such as ``decoder.layers.*.cross_attention.value``."""

    @field_validator("modules", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value
