"""How the test sets of a run are scored."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from mtkit.settings.section import MAY_CHANGE, Section

MetricName = Literal[
    "bleu", "chrf", "chrf++", "ter", "spbleu", "exact", "rouge1", "rouge2", "rougel", "rouge", "length"
]


class EvaluationConfig(Section):
    """How the test sets are scored at the end of a run."""

    metrics: Annotated[list[MetricName], Field(min_length=1), MAY_CHANGE] = ["bleu", "chrf"]  # noqa: RUF012  # frozen
    """Metrics of the test sets, as of ``mtkit evaluate --metrics``: ``[exact]`` for answers to questions, ``[rouge]``
    (ROUGE-1, ROUGE-2 and ROUGE-L; needs the extra ``mtkit[rouge]``) for summaries."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value
