"""The stage of a run before the one that learns to translate."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from mtkit.settings.section import Mistakes, Section, Share
from mtkit.settings.source import SourceConfig, kind_of

_DEFAULT_SHARE = 0.3

MONOLINGUAL = ("denoise", "mass")
"""Tasks that learn from text in one language, beside the two sides of the pairs."""

DENOISING = (*MONOLINGUAL, "parallel_denoise")
"""Tasks that write a text from a noisy form of it."""


class PretrainingConfig(Section):
    """A first stage of the run: the same model learns another task on the same vocabulary, and its weights are what
    training begins with. Optimiser, schedule and order of the data start afresh (docs/pretraining.md).
    """

    task: Literal["none", "denoise", "mass", "parallel_denoise", "both_directions"] = "none"
    """What is learnt first. denoise: to write sentences of both languages from noisy ones (BART, Lewis et al. 2020;
    mBART, Liu et al. 2020), those of ``src``, ``tgt`` and both sides of the pairs; parallel_denoise: the same, of both
    sides of the pairs alone (Ding et al. 2022); mass: to write a part of a sentence that is masked (Song et al. 2019),
    of the same text as denoise; both_directions: to translate the pairs either way (Ding et al. 2021)."""

    src: list[SourceConfig] = Field(default_factory=list)
    """For denoise and mass: text in the source language. A string is a file of lines; of pairs one side is taken."""

    tgt: list[SourceConfig] = Field(default_factory=list)
    """For denoise and mass: text in the target language."""

    max_updates: PositiveInt | None = None
    """Number of updates of the stage. They are a part of ``training.max_updates``, which counts both stages."""

    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the run that the stage takes, of ``training.max_updates`` or of ``training.max_minutes``; by default 0.3
    where ``max_updates`` is not given."""

    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    """Peak learning rate of the stage; by default that of ``training``."""

    warmup_updates: NonNegativeInt | None = None
    """Warm-up of the stage; by default that of ``training``, and at most a quarter of the updates of the stage."""

    batch_tokens: PositiveInt | None = None
    """Target tokens per update of the stage; by default those of ``training``."""

    infill: Share = 0.35
    """For denoise and parallel_denoise: share of the words that are masked, as ``training.sampling.noise.infill``."""

    mean_span: Annotated[float, Field(ge=0.1, le=100)] = 3.5
    """For denoise and parallel_denoise: mean length of the masked spans, in words."""

    random: Share = 0.1
    """For denoise and parallel_denoise: share of all ``<mask>`` that become a random piece."""

    permute: Share = 0.0
    """For denoise and parallel_denoise: share of the texts whose sentences are put in random order."""

    span: Annotated[float, Field(gt=0, le=1)] = 0.5
    """For mass: share of the words that are masked in one span."""

    @property
    def active(self) -> bool:
        """Whether there is such a stage."""
        return self.task != "none"

    @property
    def share_of_run(self) -> float:
        """The share that the stage takes, where no number of updates is given."""
        return _DEFAULT_SHARE if self.share is None else self.share

    def updates_of(self, max_updates: int) -> int:
        """The updates of the stage, of a run of so many in all."""
        return self.max_updates or max(round(self.share_of_run * max_updates), 1)

    @property
    def noise(self) -> dict[str, Any]:
        """What the task makes of ``training.sampling.noise``."""
        others = {"drop": 0.0, "swap": 0, "mask": 0.0, "infill": 0.0, "permute": 0.0, "random": 0.0, "span": 0.0}
        whole = {"probability": 1.0} | others
        if self.task == "mass":
            return whole | {"span": self.span}
        if self.task not in DENOISING:
            return {}
        return whole | {name: getattr(self, name) for name in ("infill", "mean_span", "random", "permute")}

    @field_validator("src", "tgt", mode="before")
    @classmethod
    def _files_of_lines(cls, value: Any) -> Any:
        given = [value] if isinstance(value, str | dict) else value
        if not isinstance(given, list):
            return given
        return [{"mono": each} if isinstance(each, str) and _is_lines(each) else each for each in given]

    @model_validator(mode="after")
    def _check(self) -> Self:
        monolingual = self.src or self.tgt
        if self.task == "none":
            changed = [
                name
                for name, field in type(self).model_fields.items()
                if getattr(self, name) != field.get_default(call_default_factory=True)
            ]
            if changed:
                tasks = "denoise, mass, parallel_denoise or both_directions"
                raise Mistakes(self, [(changed[0], f"does nothing without a task: write pretraining.task: {tasks}")])
        elif self.task in MONOLINGUAL and not monolingual:
            way_out = "name files of lines with src: FILE or tgt: FILE; parallel_denoise learns from the pairs alone"
            raise Mistakes(self, [("task", f"{self.task} needs text in one language: {way_out}")])
        elif self.task not in MONOLINGUAL and monolingual:
            name = "src" if self.src else "tgt"
            raise Mistakes(self, [(name, f"does nothing with task: {self.task}, which learns from the pairs alone")])
        if self.max_updates is not None and self.share is not None:
            raise Mistakes(self, [("share", "stands beside max_updates: give one of them")])
        for place in ("src", "tgt"):
            for number, source in enumerate(getattr(self, place)):
                if source.take in ("both", "swapped"):
                    raise Mistakes(self, [(f"{place}.{number}.take", "one side is wanted: write src or tgt")])
        return self


def _is_lines(name: str) -> bool:
    """Whether a string names a file of lines: it is no file of pairs by its ending, and no data set."""
    return kind_of(name) is None and not name.startswith(("hf:", "mtdata:"))
