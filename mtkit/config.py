"""Every setting of a run and its default: one YAML recipe, one frozen object.

Each default lives here and nowhere else. Code below the command line takes the section it needs
(``ModelConfig``, ``TrainingConfig``, ...), never the whole ``Config`` and never a dictionary.
``mtkit.settings`` reads recipes and lays the sources of settings over each other.
"""

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from mtkit.cleaning_config import Steps
from mtkit.model_config import ModelConfig
from mtkit.sampling_config import MixingConfig
from mtkit.section import LengthPenalty, Mistakes, Section
from mtkit.source_config import SourceConfig
from mtkit.training_config import TrainingConfig

_MAX_SHARE = 0.5
_SPECIAL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")
_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")


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


class DataConfig(Section):
    """The corpus: its languages, where it comes from and what is dropped from it."""

    src_lang: str
    """Language code of the source, such as en."""

    tgt_lang: str
    """Language code of the target, such as de."""

    train: list[SourceConfig] = Field(min_length=1)
    """Sources of training pairs, read in order."""

    valid: list[SourceConfig] = Field(default_factory=list)
    """Sources of validation pairs; there must be some unless ``hold_out`` says how many to take from train."""

    test: list[SourceConfig] = Field(default_factory=list)
    """Test sets, kept apart from each other under their names."""

    hold_out: Annotated[float, Field(ge=1e-9, le=1e9)] | None = None
    """Where there is no validation set: hold out so many training pairs, or this share of them (0.01), for one, and as
    many for a test set where there is none."""

    prepared: str | None = None
    """Directory of the prepared corpus; by default prepared/NAME."""

    language_tags: Literal["none", "target", "both"] = "none"
    """Put the languages before each source: <2de>, or <en> <2de>. One model then learns many directions."""

    mixing: MixingConfig = MixingConfig()
    cleaning: CleaningConfig = CleaningConfig()

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
    def _check_valid(self) -> Self:
        if self.hold_out is None:
            if not self.valid:
                raise Mistakes(self, [("valid", "required, but not given: name a set, or say hold_out: 2000")])
            return self
        if self.valid:
            raise Mistakes(self, [("hold_out", "does nothing where there is a validation set: leave out either")])
        if self.hold_out >= _MAX_SHARE and not self.hold_out.is_integer():
            reason = f"must be a number of pairs, or a share of them below {_MAX_SHARE:g}"
            raise Mistakes(self, [("hold_out", reason)])
        if len({(source.src_lang, source.tgt_lang, *self.tags_of(source)) for source in self.train}) > 1:
            reason = "cannot serve sources of several languages or tags: name validation and test sets of each"
            raise Mistakes(self, [("hold_out", reason)])
        return self

    def held_out(self) -> dict[str, SourceConfig]:
        """What is held out of the training pairs, by its place: the languages and tags of such a set."""
        if self.hold_out is None:
            return {}
        like = self.train[0].model_copy(update={"weight": None, "filters": []})
        return {"valid": like} if self.test else {"valid": like, "test": like}

    def sources_of(self, place: str) -> list[SourceConfig]:
        """What the sources of train, valid or test are, those that are held out of train too."""
        given = {"train": self.train, "valid": self.valid, "test": self.test}[place]
        return [*given, *(like for of_place, like in self.held_out().items() if of_place == place)]

    def tags_of(self, source: SourceConfig) -> list[str]:
        """What stands before each source text of a source: its languages, where they are tagged, and its tags."""
        languages = source.src_lang or self.src_lang, source.tgt_lang or self.tgt_lang
        return [*language_tags(self.language_tags, *languages), *source.tags]

    @property
    def directions(self) -> list[tuple[str, str]]:
        """Source and target language of the training sources, each pair of them once."""
        pairs = [(source.src_lang or self.src_lang, source.tgt_lang or self.tgt_lang) for source in self.train]
        return list(dict.fromkeys(pairs))

    @property
    def all_tags(self) -> list[str]:
        """Every tag of every source, once."""
        sources = (*self.train, *self.valid, *self.test)
        return list(dict.fromkeys(tag for source in sources for tag in self.tags_of(source)))


def language_tags(kind: str, src_lang: str, tgt_lang: str) -> list[str]:
    """What stands before a source text to say its languages: nothing, <2de>, or <en> <2de>."""
    return {"none": [], "target": [f"<2{tgt_lang}>"], "both": [f"<{src_lang}>", f"<2{tgt_lang}>"]}[kind]


class TokenizerConfig(Section):
    """SentencePiece: how text is cut into the pieces that a model reads."""

    type: Literal["unigram", "bpe", "char", "word"] = "unigram"
    """Kind of SentencePiece model."""

    vocab_size: PositiveInt | None = None
    """Pieces, the four special ones included; by default chosen from the number of training pairs."""

    joint: bool = True
    """One vocabulary for both languages. Embeddings can only be shared between languages when it is."""

    character_coverage: Annotated[float, Field(gt=0.9, le=1.0)] = 0.9999
    """Share of all characters in the training text that get a piece of their own."""

    byte_fallback: bool | None = None
    """Spell characters without a piece as bytes, so that nothing is unknown; by default on for unigram and bpe."""

    user_defined_symbols: list[str] = Field(default_factory=list)
    """Strings that always stay one piece, such as <mask> or New York."""

    max_sample_characters: PositiveInt = 25_000_000
    """Train each model on about this many characters at most, drawn evenly from the corpus. Training a unigram model
    takes some 25 bytes of memory for each of them."""

    @model_validator(mode="after")
    def _check_fallback(self) -> Self:
        if self.byte_fallback and self.type in ("char", "word"):
            raise ValueError(f"byte_fallback needs type unigram or bpe, not {self.type}")
        return self

    @model_validator(mode="after")
    def _check_symbols(self) -> Self:
        found = []
        for number, symbol in enumerate(self.user_defined_symbols):
            if (mistake := symbol_mistake(symbol, self.type)) is not None:
                found.append((f"user_defined_symbols.{number}", mistake))
            elif as_piece(symbol) in map(as_piece, self.user_defined_symbols[:number]):
                found.append((f"user_defined_symbols.{number}", "given twice"))
        if found:
            raise Mistakes(self, found)
        return self


def as_piece(symbol: str) -> str:
    """A symbol as SentencePiece writes it, which has U+2581 for every blank."""
    return symbol.replace(" ", "\u2581")


def symbol_mistake(symbol: str, kind: str) -> str | None:
    """Why a symbol would never be found in a text; None where it would.

    Args:
        symbol: A string that is to stay one piece.
        kind: Of tokenizer, as ``TokenizerConfig.type``.
    """
    if not symbol.strip("\u2581 ") or symbol.isspace():
        return "empty" if not symbol else "only white space"
    if symbol in _SPECIAL_PIECES or _BYTE_PIECE.fullmatch(symbol):
        return "taken: a special piece is called so"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in symbol):
        return "holds a control character or half of a surrogate pair, which is in no segment"
    blanks = as_piece(symbol)
    if blanks != blanks.strip("\u2581") or "\u2581\u2581" in blanks:
        return "has a blank at its beginning or end, or two in a row: blanks part words, and text has one at a time"
    if kind == "word" and (as_piece(symbol) != symbol or "\u2581" in symbol):
        return "has a blank inside, and to a tokenizer of type word these are two words"
    return None


Split = Literal["auto", "sentences", "never"]


class DecodingConfig(Section):
    """How hypotheses are searched for. Kept in the bundle as the model's defaults."""

    beam_size: Annotated[int, Field(gt=0, le=10_000)] = 5
    """Hypotheses kept per sentence; 1 is greedy search."""

    length_penalty: LengthPenalty = 1.0
    """Exponent p in score = log_prob / length ** p, the end of sentence counted. Higher favours longer output."""

    max_length_ratio: Annotated[float, Field(ge=0.01, le=1_000)] = 2.0
    max_length_offset: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    """A hypothesis has at most max_length_ratio * source tokens + max_length_offset tokens."""

    split: Split = "auto"
    """What is translated in parts. auto: lines of more sentences than the training lines have, sentence by sentence,
    and sentences longer than those at the ends of their clauses. sentences: every line, sentence by sentence. never:
    only what is too long for the model."""


class Config(Section):
    """One run, complete."""

    name: str = "model"
    """Name of the run; by default the recipe's folder or file name."""

    data: DataConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    decoding: DecodingConfig = DecodingConfig()

    @property
    def prepared_directory(self) -> Path:
        """Where the prepared corpus lies."""
        return Path(self.data.prepared or f"prepared/{self.name}")

    @model_validator(mode="after")
    def _check_tying(self) -> Self:
        if self.model.tie_embeddings == "all" and not self.tokenizer.joint:
            raise ValueError("model.tie_embeddings: all needs tokenizer.joint: true; write decoder or none")
        n_tags = max(len(self.data.tags_of(source)) for source in (*self.data.train, *self.data.valid, *self.data.test))
        if self.data.cleaning.max_tokens + n_tags >= self.model.max_length:
            tags = f" with {n_tags} tags" if n_tags else ""
            raise ValueError(
                f"data.cleaning.max_tokens ({self.data.cleaning.max_tokens}){tags} must be below "
                f"model.max_length ({self.model.max_length}), which counts the end of sentence too"
            )
        if self.training.sampling.noise.mask and "<mask>" not in self.tokenizer.user_defined_symbols:
            raise ValueError("training.sampling.noise.mask needs tokenizer.user_defined_symbols: [<mask>]")
        if self.training.sampling.subword.probability and self.tokenizer.type not in ("unigram", "bpe"):
            raise ValueError(
                f"training.sampling.subword needs tokenizer.type unigram or bpe: with {self.tokenizer.type} there is "
                "one way to segment a sentence"
            )
        return self
