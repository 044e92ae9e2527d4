"""Every setting of a run and its default: one YAML recipe, one frozen object.

Each default lives here and nowhere else. Code below the command line takes the section it needs
(``ModelConfig``, ``TrainingConfig``, ...), never the whole ``Config`` and never a dictionary.
``mtkit.settings`` reads recipes and lays the sources of settings over each other.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from mtkit.cleaning_config import Steps
from mtkit.model_config import ModelConfig
from mtkit.sampling_config import MixingConfig, SamplingConfig
from mtkit.section import Mistakes, Probability, Section
from mtkit.source_config import SourceConfig

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Metric = Literal["loss", "bleu", "chrf"]


class CleaningConfig(Section):
    """What is dropped from the training pairs. Validation and test sets are never touched."""

    max_tokens: PositiveInt = 256
    """Drop a pair with more tokens than this on either side."""

    max_ratio: Annotated[float, Field(ge=1)] = 6.0
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

    valid: list[SourceConfig] = Field(min_length=1)
    """Sources of validation pairs."""

    test: list[SourceConfig] = Field(default_factory=list)
    """Test sets, kept apart from each other under their names."""

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
    """Strings that always stay one piece."""

    max_sample_characters: PositiveInt = 25_000_000
    """Train each model on about this many characters at most, drawn evenly from the corpus. Training a unigram model
    takes some 25 bytes of memory for each of them."""

    @model_validator(mode="after")
    def _check_fallback(self) -> Self:
        if self.byte_fallback and self.type in ("char", "word"):
            raise ValueError(f"byte_fallback needs type unigram or bpe, not {self.type}")
        return self


class EarlyStoppingConfig(Section):
    """When to end before ``max_updates``."""

    metric: Metric = "bleu"
    """What must go on improving on the validation set; also what *best* means for checkpoints. Where the validation set
    is not translated (``validate_text: false``) and patience is null, the loss takes its place."""

    patience: PositiveInt | None = None
    """Stop after this many validations without a new best; by default never."""


class AverageConfig(Section):
    """Which checkpoints are averaged into the bundle at the end of the run."""

    n: NonNegativeInt = 0
    """How many; 0 takes the best checkpoint as it is."""

    by: Literal["last", "best"] = "last"


class TrainingConfig(Section):
    """How the model is fitted. An *update* is one optimiser step."""

    max_updates: PositiveInt | None = 100_000
    """Stop after this many updates; null where ``max_minutes`` alone is to end the run."""

    max_epochs: PositiveInt | None = None
    """Stop after this many passes over the corpus, where that comes first."""

    max_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """End after this much time, from the start of the command to the scores of the test sets, with the learning rate
    decayed to zero. Validations and checkpoints then come at shares of the time, not every so many updates."""

    batch_tokens: PositiveInt = 25_000
    """Target tokens per update on average, padding excluded, summed over accumulated micro-batches. In a recipe the
    word auto stands for the number that the preset recommends, with ``accumulate: auto``."""

    min_updates: NonNegativeInt = 0
    """With ``max_minutes``: make updates smaller than ``batch_tokens``, down to 500 target tokens, where the machine is
    too slow for so many, at a learning rate lower by the square root; found out once, when the run begins. 2,000 with
    ``max_minutes`` where nothing says ``batch_tokens``; 0 leaves them as they are."""

    accumulate: PositiveInt | Literal["auto"] = 1
    """Micro-batches per update: each holds about ``batch_tokens / accumulate`` target tokens. auto: the fewest that
    fit the memory, found out once, when the run begins."""

    schedule: Literal["inverse_sqrt", "linear", "cosine", "constant"] = "inverse_sqrt"
    """What the learning rate does after warm-up; linear and cosine reach zero at the end of the run."""

    learning_rate: Positive = 7e-4
    """Peak learning rate, reached at the end of warm-up."""

    warmup_updates: NonNegativeInt = 4_000
    """Updates of linear warm-up from zero; with ``max_minutes`` at most a tenth of the time."""

    adam_betas: tuple[Probability, Probability] = (0.9, 0.98)
    adam_epsilon: Positive = 1e-9
    weight_decay: NonNegative = 0.0
    """Decoupled weight decay (AdamW), on matrices only."""

    label_smoothing: Probability = 0.1
    """Probability mass moved from the reference token to the whole vocabulary."""

    max_grad_norm: Positive = 1.0
    """Clip the global L2 norm of the gradient to this."""

    max_bad_updates: PositiveInt = 20
    """Stop after this many updates in a row were skipped for a loss or gradient that is not finite."""

    report_every: PositiveInt = 100
    """Updates between two lines of the log and of metrics.jsonl."""

    validate_every: PositiveInt = 1_000
    """Updates between two validations."""

    validate_text: bool = True
    """Also translate the validation set, greedily, for BLEU and chrF."""

    n_samples: NonNegativeInt = 3
    """Validation translations shown at each validation."""

    save_every: PositiveInt = 1_000
    """Updates between two checkpoints. A new best is saved besides."""

    keep_last: PositiveInt = 3
    """Newest checkpoints kept."""

    keep_best: PositiveInt = 1
    """Best checkpoints kept."""

    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    average: AverageConfig = AverageConfig()
    sampling: SamplingConfig = SamplingConfig()

    workers: NonNegativeInt | None = None
    """Processes that sample pairs ahead of the training, where anything is sampled; by default one for every four CPU
    threads, at least one and at most four. They change the speed alone, never the result."""

    seed: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of forward and backward; weights and optimiser stay in float32. auto: bf16 on a GPU or CPU that
    multiplies in it."""

    compile: bool | None = None
    """Compile the layers with torch.compile; by default on a GPU, for runs long enough that it pays."""

    threads: PositiveInt | None = None
    """CPU threads; by default one per core this process may use."""

    tensorboard: bool = False
    """Also write the metrics for TensorBoard; needs the extra mtkit[tensorboard]."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_end()
        if self.accumulate != "auto" and self.batch_tokens < self.accumulate:
            raise ValueError(f"accumulate ({self.accumulate}) exceeds batch_tokens ({self.batch_tokens})")
        kept = self.keep_last if self.average.by == "last" else self.keep_best
        if self.average.n > kept:
            raise ValueError(f"average.n ({self.average.n}) exceeds keep_{self.average.by} ({kept})")
        patient = self.early_stopping.patience is None
        if self.early_stopping.metric != "loss" and not self.validate_text and not patient:
            raise ValueError(f"early_stopping.metric {self.early_stopping.metric} needs validate_text: true")
        return self

    @property
    def best_metric(self) -> Metric:
        """What decides which checkpoint is best: what is measured at all."""
        return self.early_stopping.metric if self.validate_text else "loss"

    def _check_end(self) -> None:
        decays = self.schedule in ("linear", "cosine")
        if self.max_minutes is not None:
            if not decays:
                raise ValueError(
                    f"schedule {self.schedule} does not reach zero when max_minutes are over; write linear or cosine"
                )
        elif self.max_updates is None:
            raise ValueError("max_updates: null needs max_minutes, or the run never ends")
        elif decays and self.warmup_updates >= self.max_updates:
            raise ValueError(f"warmup_updates ({self.warmup_updates}) must be below max_updates ({self.max_updates})")


class DecodingConfig(Section):
    """How hypotheses are searched for. Kept in the bundle as the model's defaults."""

    beam_size: PositiveInt = 5
    """Hypotheses kept per sentence; 1 is greedy search."""

    length_penalty: float = 1.0
    """Exponent p in score = log_prob / length ** p, the end of sentence counted. Higher favours longer output."""

    max_length_ratio: Positive = 2.0
    max_length_offset: NonNegativeInt = 20
    """A hypothesis has at most max_length_ratio * source tokens + max_length_offset tokens."""


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
