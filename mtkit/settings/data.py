"""The corpus in a recipe: its languages, where it comes from, what is held out."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mtkit.settings.cleaning import CleaningConfig
from mtkit.settings.sampling import MixingConfig
from mtkit.settings.section import MAY_CHANGE, NOT_IN_CORPUS, Mistakes, Section
from mtkit.settings.source import SourceConfig

_MAX_SHARE = 0.5


class DataConfig(Section):
    """The corpus: its languages, where it comes from and what is dropped from it."""

    src_lang: str
    """Language code of the source, such as ``en``."""

    tgt_lang: str
    """Language code of the target, such as ``de``."""

    task: Literal["translate", "reconstruct"] = "translate"
    """What is learnt: to translate the source, or to reconstruct it from noise (``training.sampling.noise``, by default
    text infilling) as a denoising autoencoder. For that one language is enough: ``tgt_lang`` is ``src_lang`` then, and
    sources are text in one language (``mono``) or one side of pairs (``take``)."""

    train: list[SourceConfig] = Field(min_length=1)
    """Sources of training pairs, read in order."""

    valid: list[SourceConfig] = Field(default_factory=list)
    """Sources of validation pairs, required unless ``hold_out`` says how many pairs to take from ``train``."""

    test: list[SourceConfig] = Field(default_factory=list)
    """Test sets, each kept apart under its name."""

    hold_out: Annotated[float, Field(ge=1e-9, le=1e9)] | None = None
    """Number of training pairs, or share of them (0.01), held out as validation set where none is named, and as many
    again as test set where none is named."""

    prepared: Annotated[str | None, MAY_CHANGE, NOT_IN_CORPUS] = None
    """Directory of the prepared corpus; by default ``prepared/NAME``."""

    language_tags: Literal["none", "target", "both"] = "none"
    """Tags of the languages put before each source text: ``<2de>`` (target) or ``<en> <2de>`` (both). One model then
    learns many directions."""

    mixing: Annotated[MixingConfig, NOT_IN_CORPUS] = MixingConfig()
    cleaning: CleaningConfig = CleaningConfig()

    @model_validator(mode="before")
    @classmethod
    def _one_language(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("task") == "reconstruct" and "src_lang" in value:
            return {"tgt_lang": value["src_lang"]} | value
        return value

    @field_validator("train", "valid", "test", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, (str, dict)) else value

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        weighted = [source.weight is not None for source in self.train]
        if any(weighted) and not all(weighted):
            place = f"train.{weighted.index(False)}"
            raise Mistakes(self, [(place, "has no weight: give one to every source, or to none")])
        if any(weighted) and self.mixing.temperature != 1:
            raise ValueError("train has weights, so that mixing.temperature has no effect: leave out either")
        if any(source.weight is not None for source in (*self.valid, *self.test)):
            raise ValueError("valid and test are always read whole: only train takes a weight")
        return self

    @model_validator(mode="after")
    def _check_one_side(self) -> Self:
        found: list[tuple[str, str]] = []
        for place in ("train", "valid", "test"):
            for number, source in enumerate(getattr(self, place)):
                if self.task == "reconstruct" and not self.is_one_side(source):
                    found.append((f"{place}.{number}.take", "with task: reconstruct, take src or tgt"))
        for number, source in enumerate(self.train):
            steps = [step.name for step in (*source.filters, *self.cleaning.steps)]
            if self.is_one_side(source) and "identical" in steps:
                found.append((f"train.{number}", "loses every line to the cleaning step identical: leave that out"))
        if found:
            raise Mistakes(self, found)
        return self

    @model_validator(mode="after")
    def _check_valid(self) -> Self:
        if self.hold_out is None:
            if not self.valid:
                way_out = "name a set, or hold some out with data.hold_out, a number of pairs or a share such as 0.05"
                raise Mistakes(self, [("valid", f"required, but not given: {way_out}")])
            return self
        if self.valid:
            raise Mistakes(self, [("hold_out", "does nothing where there is a validation set: leave out either")])
        if self.hold_out >= _MAX_SHARE and not self.hold_out.is_integer():
            reason = f"must be a number of pairs, or a share of them below {_MAX_SHARE:g}"
            raise Mistakes(self, [("hold_out", reason)])
        if len({(self.languages_of(source), *self.tags_of(source)) for source in self.train}) > 1:
            reason = "cannot serve sources of several languages or tags: name validation and test sets of each"
            raise Mistakes(self, [("hold_out", reason)])
        return self

    def held_out(self) -> dict[str, SourceConfig]:
        """What is held out of the training pairs, by its place: the languages and tags of such a set."""
        if self.hold_out is None:
            return {}
        like = self.train[0].model_copy(update={"weight": None, "filters": []})  # its languages, tags and what it takes
        return {"valid": like} if self.test else {"valid": like, "test": like}

    def sources_of(self, place: str) -> list[SourceConfig]:
        """What the sources of train, valid or test are, those that are held out of train too."""
        given = {"train": self.train, "valid": self.valid, "test": self.test}[place]
        return [*given, *(like for of_place, like in self.held_out().items() if of_place == place)]

    def take_of(self, source: SourceConfig) -> Literal["both", "swapped", "src", "tgt"]:
        """What becomes of the pairs of a source."""
        if source.take is not None:
            return source.take
        return "src" if self.task == "reconstruct" and source.kind != "mono" else "both"

    def languages_of(self, source: SourceConfig) -> tuple[str, str]:
        """Source and target language of the pairs that are taken of a source."""
        src, tgt = source.languages(self.src_lang, self.tgt_lang)
        return {"both": (src, tgt), "swapped": (tgt, src), "src": (src, src), "tgt": (tgt, tgt)}[self.take_of(source)]

    def is_one_side(self, source: SourceConfig) -> bool:
        """Whether source and target of a source are the same text."""
        return source.kind == "mono" or self.take_of(source) in ("src", "tgt")

    def tags_of(self, source: SourceConfig) -> list[str]:
        """What stands before each source text of a source: its languages, where they are tagged, and its tags."""
        return [*language_tags(self.language_tags, *self.languages_of(source)), *source.tags]

    @property
    def directions(self) -> list[tuple[str, str]]:
        """Source and target language of the training sources, each pair of them once."""
        return list(dict.fromkeys(map(self.languages_of, self.train)))

    @property
    def separators(self) -> list[str]:
        """What stands between the columns of every source that joins some, once."""
        sources = (*self.train, *self.valid, *self.test)
        return list(dict.fromkeys(source.between for source in sources if source.joins))

    @property
    def all_tags(self) -> list[str]:
        """Every tag of every source, once."""
        sources = (*self.train, *self.valid, *self.test)
        return list(dict.fromkeys(tag for source in sources for tag in self.tags_of(source)))


def language_tags(kind: str, src_lang: str, tgt_lang: str) -> list[str]:
    """What stands before a source text to say its languages: nothing, <2de>, or <en> <2de>."""
    return {"none": [], "target": [f"<2{tgt_lang}>"], "both": [f"<{src_lang}>", f"<2{tgt_lang}>"]}[kind]
