"""Settings of what pairs a model is shown and in what guise: the mix of the corpora, and what is drawn at random."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from mtkit.settings.section import Mistakes, Section, Share


def _as_curriculum(value: Any) -> Any:
    """A number as the curriculum that never changes."""
    if value is None:
        return None
    curriculum = value if isinstance(value, dict) else {0: value}
    weights = [w for w in curriculum.values() if isinstance(w, int | float) and not isinstance(w, bool)]
    if len(weights) < max(len(curriculum), 1) or not all(w > 0 and math.isfinite(w) for w in weights):
        raise ValueError("must be a positive number, or a curriculum of them by update: {0: 1.0, 20_000: 0.2}")
    if not {"0", 0} & curriculum.keys():
        raise ValueError("a curriculum begins with update 0, such as {0: 1.0, 20_000: 0.2}")
    return curriculum


Weight = Annotated[float, Field(ge=1e-9, le=1e9)]
Curriculum = Annotated[
    dict[NonNegativeInt, Weight],
    BeforeValidator(_as_curriculum, json_schema_input_type=Weight | dict[NonNegativeInt, Weight]),
]
"""After so many updates, this weight; one number alone stands for {0: number}."""


MASK = "<mask>"
"""What stands in a source for words that are to be guessed; one piece of the tokenizer."""


class MixingConfig(Section):
    """How often each corpus is seen, where none has a weight."""

    temperature: Annotated[float, Field(ge=0.1, le=1_000)] = 1.0
    """Temperature T of the mix: a corpus of n pairs has a share in proportion to ``n ** (1 / T)``. With 1 every pair is
    seen equally often, with more small corpora are seen more often, with 100 all corpora equally often."""


class SubwordConfig(Section):
    """Random segmentation of sentences: sampled with a unigram tokenizer (Kudo 2018), by dropped merges with bpe
    (Provilkov et al. 2020).
    """

    probability: Share = 0.0
    """Share of sentences that are segmented at random, each side by itself."""

    alpha: Annotated[float, Field(ge=0, le=100)] = 0.2
    """For unigram: a segmentation is drawn in proportion to its probability ``** alpha``; 0 draws uniformly."""

    n_best: PositiveInt = 16
    """For unigram: number of the best segmentations to draw from."""

    dropout: Share = 0.1
    """For bpe: probability that a merge is left out."""

    sides: Literal["both", "src", "tgt"] = "both"
    """Sides that are segmented at random."""


class NoiseConfig(Section):
    """Noise on the source, for denoising: words dropped, moved and masked (Lample et al. 2018), spans of words and
    sentences (BART, Lewis et al. 2020), one span to be predicted (MASS, Song et al. 2019). A word is what stands
    between spaces.
    """

    probability: Share = 0.0
    """Share of sentences that get noise."""

    drop: Share = 0.1
    """Probability that a word is dropped; one always stays."""

    swap: NonNegativeInt = 3
    """Largest number of places that a word moves when words are shuffled."""

    mask: Share = 0.0
    """Probability that a word becomes ``<mask>``, which ``tokenizer.user_defined_symbols`` must contain."""

    permute: Share = 0.0
    """Share of such texts whose sentences are put in random order; one sentence stays as it is (see ``join``)."""

    infill: Share = 0.0
    """Share of the words that are masked in spans, each of which becomes one ``<mask>`` (text infilling); BART has 0.3,
    mBART 0.35."""

    mean_span: Annotated[float, Field(ge=0.1, le=100)] = 3.5
    """For ``infill``: mean length of a span in words, drawn from the Poisson distribution; a span of length 0 is a
    ``<mask>`` between two words."""

    random: Share = 0.0
    """Share of all ``<mask>`` that become a random piece of the vocabulary instead; mBART has 0.1."""

    span: Share = 0.0
    """Share of the words that are masked in one span, word by word, and alone are the target, as in MASS, which has
    0.5; no word is dropped or moved then. Only where source and target are the same text (``data.task:
    reconstruct``)."""

    @property
    def masks(self) -> bool:
        """Whether any of it writes ``<mask>``."""
        return bool(self.probability and (self.mask or self.infill or self.span))

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        others = [name for name in ("mask", "permute", "infill") if getattr(self, name)]
        if self.span and others:
            raise Mistakes(self, [("span", f"masks its span alone: leave out either span or {' and '.join(others)}")])
        return self


class CasingConfig(Section):
    """Sentences in another case: shares of all pairs, at most 1 together."""

    upper: Share = 0.0
    """Share of pairs written in CAPITALS, on both sides."""

    title: Share = 0.0
    """Share of pairs written With A Capital On Each Word, on both sides."""

    lower: Share = 0.0
    """Share of pairs without capitals in the source; the target stays as it is."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.upper + self.title + self.lower > 1:
            raise ValueError("upper, title and lower are more than 1 together")
        return self


class TyposConfig(Section):
    """Typing errors in the source: neighbouring letters swapped, a letter doubled or left out."""

    probability: Share = 0.0
    """Share of sentences that get typing errors."""

    words: Share = 0.1
    """Share of the words of such a sentence that get one error each, among those of four letters or more."""


class SamplingConfig(Section):
    """Random changes of training pairs, drawn again in each pass over the corpus. Probabilities are 0 by default."""

    subword: SubwordConfig = SubwordConfig()

    word_dropout: Share = 0.0
    """Probability that a source token becomes the unknown token."""

    noise: NoiseConfig = NoiseConfig()
    casing: CasingConfig = CasingConfig()

    no_full_stop: Share = 0.0
    """Share of pairs that lose their final punctuation mark, where both sides end with one."""

    typos: TyposConfig = TyposConfig()

    join: Share = 0.0
    """Share of pairs to which the next pair of the same corpus is appended, on both sides, where the result is not too
    long."""

    @property
    def active(self) -> bool:
        """Whether anything is changed at all."""
        casing = self.casing
        of_sections = (self.subword.probability, self.noise.probability, self.typos.probability)
        of_text = (casing.upper, casing.title, casing.lower, self.no_full_stop)
        return any((*of_sections, *of_text, self.word_dropout, self.join))
