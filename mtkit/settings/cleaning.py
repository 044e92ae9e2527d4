"""The steps that clean training pairs, as a recipe names them, with the default of each parameter."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_serializer, model_validator

from mtkit.settings.section import Section, Share

_OfScores = Annotated[float, Field(ge=-1e12, le=1e12)]
By = Literal["pair", "src", "tgt"]


class PlainStep(Section):
    """A step without parameters."""


class LengthStep(Section):
    """Drop a pair with a side shorter or longer than this. Words are what stands between spaces."""

    min_characters: NonNegativeInt = 1
    max_characters: PositiveInt | None = 1_000
    min_words: NonNegativeInt = 1
    max_words: PositiveInt | None = 150


class RatioStep(Section):
    """Drop a pair whose sides differ too much in length."""

    max: Annotated[float, Field(ge=1, le=1_000)] = 3.0
    """The longer side may be this many times as long as the shorter."""

    unit: Literal["characters", "words"] = "characters"


class DuplicateStep(Section):
    """Drop a pair that occurred before."""

    by: By = "pair"
    """What must have occurred: both sides together, or one of them."""


class LanguageStep(Section):
    """Drop a pair with a side in another language than the recipe says; needs the extra mtkit[langid]."""

    min_probability: Annotated[float, Field(gt=0, le=1)] = 0.5
    """How sure of another language the identification must be. What it is not sure of, such as a short line, stays."""


class ScriptStep(Section):
    """Drop a pair with a side whose letters are mostly of another script."""

    src_scripts: list[str] | None = None
    """Scripts of the source, as Unicode names them (LATIN, CYRILLIC, CJK); by default those of its language."""

    tgt_scripts: list[str] | None = None
    """Scripts of the target."""


class CharactersStep(Section):
    """Drop a pair by what a side consists of; shares are of all characters but white space."""

    min_letters: Share = 0.5
    """Least share of letters, vowel signs and accents among them."""

    max_digits: Share = 1.0
    """Largest share of digits."""

    max_punctuation: Share = 1.0
    """Largest share of punctuation and symbols."""

    forbidden: str = ""
    """Characters that must not occur, one after the other."""


class RepeatedStep(Section):
    """Drop a pair with a side in which a phrase is said over and over."""

    max: PositiveInt = 3
    """A phrase may stand this often in a row."""

    max_words: PositiveInt = 4
    """Length of the phrases looked for."""


class LeakageStep(Section):
    """Drop a pair that stands in a validation or test set too."""

    by: Literal["either", "pair", "src", "tgt"] = "either"
    """What must stand there: the source or the target, both in one pair, or the side that is named."""

    near: bool = False
    """Compare the letters alone: neither case, punctuation, digits nor spaces count."""

    sets: list[str] | None = None
    """Names of the sets to look into; by default all of the recipe's."""


class ScoreStep(Section):
    """Drop a pair by the score that its source gives it."""

    min: _OfScores | None = None
    max: _OfScores | None = None

    @model_validator(mode="after")
    def _check_some(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self


class StepConfig(Section):
    """One step: its name, with its parameters where they are not the defaults."""

    nfc: PlainStep | None = None
    """Compose letters and accents (Unicode NFC)."""

    nfkc: PlainStep | None = None
    """NFC, and the plain form of ligatures, full-width letters and the like (Unicode NFKC)."""

    quotes: PlainStep | None = None
    """Typographic quotation marks and apostrophes become " and '."""

    spaces: PlainStep | None = None
    """Runs of white space of any kind become one space; none is left at either end."""

    entities: PlainStep | None = None
    """HTML entities such as &amp;amp; become the characters they stand for."""

    mojibake: PlainStep | None = None
    """Text that was read in a wrong encoding (Ã¼ for ü) is mended; needs the extra mtkit[repair]."""

    invisible: PlainStep | None = None
    """Zero-width and control characters are taken out."""

    length: LengthStep | None = None
    ratio: RatioStep | None = None

    identical: PlainStep | None = None
    """Drop a pair whose sides are alike, upper and lower case being the same."""

    duplicate: DuplicateStep | None = None

    near_duplicate: DuplicateStep | None = None
    """Drop a pair that occurred before but for case, punctuation, digits and spaces."""

    language: LanguageStep | None = None
    script: ScriptStep | None = None
    characters: CharactersStep | None = None
    repeated: RepeatedStep | None = None

    numbers: PlainStep | None = None
    """Drop a pair whose sides do not hold the same digits."""

    urls: PlainStep | None = None
    """Drop a pair whose sides do not hold the same web and mail addresses."""

    placeholders: PlainStep | None = None
    """Drop a pair whose sides do not hold the same placeholders (%s, {name})."""

    tags: PlainStep | None = None
    """Drop a pair whose sides do not hold the same markup tags."""

    leakage: LeakageStep | None = None
    score: ScoreStep | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: {}}
        if isinstance(value, dict):
            if len(value) != 1:
                raise ValueError(f"a step has one name, here are {len(value)}: {', '.join(map(str, value)) or 'none'}")
            return {name: {} if parameters is None else parameters for name, parameters in value.items()}
        return value

    @model_serializer
    def _as_in_a_recipe(self) -> str | dict[str, dict[str, Any]]:
        values = self.parameters.model_dump(mode="json")
        return {self.name: values} if values else self.name

    @property
    def name(self) -> str:
        """The step's name in a recipe."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def parameters(self) -> Section:
        """The step's section."""
        parameters: Section = getattr(self, self.name)
        return parameters


Steps = Annotated[list[StepConfig], Field(max_length=100)]
"""Steps in the order in which they are taken; a verdict numbers them in one byte."""


class CleaningConfig(Section):
    """What is dropped from the training pairs. Validation and test sets are never touched."""

    max_tokens: PositiveInt = 256
    """Drop a pair with more tokens than this on either side."""

    max_ratio: Annotated[float, Field(ge=1, le=1_000)] = 6.0
    """Drop a pair whose longer side has more than this many times the tokens of the shorter."""

    drop_duplicates: bool = True
    """Drop a pair that occurred before, both sides alike."""

    steps: Steps = Field(default_factory=list)
    """Steps that change or drop training pairs by their text, in this order, before the limits above are looked at."""
