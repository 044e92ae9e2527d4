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
    """Fewest characters of a side."""

    max_characters: PositiveInt | None = 1_000
    """Most characters of a side; null for any number."""

    min_words: NonNegativeInt = 1
    """Fewest words of a side."""

    max_words: PositiveInt | None = 150
    """Most words of a side; null for any number."""


class RatioStep(Section):
    """Drop a pair whose sides differ too much in length."""

    max: Annotated[float, Field(ge=1, le=1_000)] = 3.0
    """Largest ratio of the longer side to the shorter."""

    unit: Literal["characters", "words"] = "characters"
    """Unit in which both sides are measured."""


class DuplicateStep(Section):
    """Drop a pair that occurred before."""

    by: By = "pair"
    """What must have occurred before: both sides together (pair), or one of them."""


class LanguageStep(Section):
    """Drop a pair with a side in another language than the recipe says; needs the extra mtkit[langid]."""

    min_probability: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Probability of another language from which a pair is dropped. What cannot be identified so surely, such as a
    short line, stays."""


class ScriptStep(Section):
    """Drop a pair with a side whose letters are mostly of another script."""

    src_scripts: list[str] | None = None
    """Scripts of the source, by their Unicode names (LATIN, CYRILLIC, CJK); by default those of its language."""

    tgt_scripts: list[str] | None = None
    """Scripts of the target; by default those of its language."""


class CharactersStep(Section):
    """Drop a pair by what a side consists of; shares are of all characters but white space."""

    min_letters: Share = 0.5
    """Smallest share of letters, vowel signs and accents included."""

    max_digits: Share = 1.0
    """Largest share of digits."""

    max_punctuation: Share = 1.0
    """Largest share of punctuation and symbols."""

    forbidden: str = ""
    """Characters that must not occur, written one after another."""


class RepeatedStep(Section):
    """Drop a pair with a side that repeats a phrase."""

    max: PositiveInt = 3
    """Largest number of times that a phrase may occur in a row."""

    max_words: PositiveInt = 4
    """Length of the longest phrases looked for, in words."""


class LeakageStep(Section):
    """Drop a pair that also occurs in a validation or test set."""

    by: Literal["either", "pair", "src", "tgt"] = "either"
    """What must occur in the set: the source or the target (either), both in one pair (pair), or the side that is
    named."""

    near: bool = False
    """Whether only letters are compared: case, punctuation, digits and spaces are ignored."""

    sets: list[str] | None = None
    """Names of the sets to look into; by default all sets of the recipe."""


class ScoreStep(Section):
    """Drop a pair by the score that its source gives it."""

    min: _OfScores | None = None
    """Lowest score of a pair that is kept."""

    max: _OfScores | None = None
    """Highest score of a pair that is kept."""

    @model_validator(mode="after")
    def _check_some(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self


class StepConfig(Section):
    """One step: its name, with its parameters where they are not the defaults."""

    nfc: PlainStep | None = None
    """Letters and accents are composed (Unicode NFC)."""

    nfkc: PlainStep | None = None
    """Letters and accents are composed, and ligatures, full-width letters and the like replaced by their plain forms
    (Unicode NFKC)."""

    quotes: PlainStep | None = None
    """Typographic quotation marks and apostrophes become ``"`` and ``'``."""

    spaces: PlainStep | None = None
    """Runs of white space of any kind become one space; none is left at either end."""

    entities: PlainStep | None = None
    """HTML entities such as ``&amp;`` become the characters they stand for."""

    mojibake: PlainStep | None = None
    """Text that was read in a wrong encoding (Ã¼ for ü) is repaired; needs the extra ``mtkit[repair]``."""

    invisible: PlainStep | None = None
    """Zero-width and control characters are removed."""

    length: LengthStep | None = None
    ratio: RatioStep | None = None

    identical: PlainStep | None = None
    """Drop a pair whose sides are identical, ignoring case."""

    duplicate: DuplicateStep | None = None

    near_duplicate: DuplicateStep | None = None
    """Drop a pair that occurred before, ignoring case, punctuation, digits and spaces."""

    language: LanguageStep | None = None
    script: ScriptStep | None = None
    characters: CharactersStep | None = None
    repeated: RepeatedStep | None = None

    numbers: PlainStep | None = None
    """Drop a pair whose sides do not contain the same digits."""

    urls: PlainStep | None = None
    """Drop a pair whose sides do not contain the same web and mail addresses."""

    placeholders: PlainStep | None = None
    """Drop a pair whose sides do not contain the same placeholders (``%s``, ``{name}``)."""

    tags: PlainStep | None = None
    """Drop a pair whose sides do not contain the same markup tags."""

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
    """Most tokens of a side; a pair with more is dropped."""

    max_ratio: Annotated[float, Field(ge=1, le=1_000)] = 6.0
    """Largest ratio of the tokens of the longer side to those of the shorter; a pair with a larger one is dropped."""

    drop_duplicates: bool = True
    """Whether a pair that occurred before, with both sides the same, is dropped."""

    steps: Steps = Field(default_factory=list)
    """Steps that change or drop training pairs by their text, taken in this order before the limits above."""
