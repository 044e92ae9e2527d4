"""How a model is fitted: every setting of training, and its default."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mtkit.settings.bounds import MINUTES
from mtkit.settings.sampling import SamplingConfig
from mtkit.settings.section import MAY_CHANGE, Probability, Section

Metric = Literal["loss", "bleu", "chrf"]


class EarlyStoppingConfig(Section):
    """When to end before ``max_updates``."""

    metric: Metric = "bleu"
    """What must go on improving on the validation set; also what *best* means for checkpoints. Where BLEU says nothing
    of it, as on lines of one word, chrF takes its place, and the loss where chrF does not either, or where the
    validation set is not translated (``validate_text: false``) and patience is null."""

    patience: Annotated[PositiveInt | None, MAY_CHANGE] = None
    """Stop after this many validations without a new best; by default never."""


class AverageConfig(Section):
    """Which checkpoints are averaged into the bundle at the end of the run."""

    n: Annotated[NonNegativeInt, MAY_CHANGE] = 0
    """How many; 0 takes the best checkpoint as it is."""

    by: Annotated[Literal["last", "best"], MAY_CHANGE] = "last"


class TrainingConfig(Section):
    """How the model is fitted. An *update* is one optimiser step."""

    max_updates: Annotated[PositiveInt | None, MAY_CHANGE] = 100_000
    """Stop after this many updates; null where ``max_minutes`` alone is to end the run."""

    max_epochs: Annotated[PositiveInt | None, MAY_CHANGE] = None
    """Stop after this many passes over the corpus, where that comes first."""

    max_minutes: Annotated[Annotated[float, Field(ge=MINUTES.least, le=MINUTES.most)] | None, MAY_CHANGE] = None
    """End after this much time, from the start of the command to the scores of the test sets, with the learning rate
    decayed to zero. Validations and checkpoints then come at shares of the time, not every so many updates."""

    batch_tokens: PositiveInt = 25_000
    """Target tokens per update on average, padding excluded, summed over accumulated micro-batches. In a recipe the
    word auto stands for the number that the preset recommends, with ``accumulate: auto``."""

    min_updates: Annotated[NonNegativeInt, MAY_CHANGE] = 0
    """With ``max_minutes``: make updates smaller than ``batch_tokens``, down to 500 target tokens, where the machine is
    too slow for so many, at a learning rate lower by the square root; found out once, when the run begins. 2,000 with
    ``max_minutes`` where nothing says ``batch_tokens``; 0 leaves them as they are."""

    accumulate: PositiveInt | Literal["auto"] = 1
    """Micro-batches per update: each holds about ``batch_tokens / accumulate`` target tokens. auto: the fewest that
    fit the memory, found out once, when the run begins."""

    schedule: Literal["inverse_sqrt", "linear", "cosine", "constant"] = "inverse_sqrt"
    """What the learning rate does after warm-up; linear and cosine reach zero at the end of the run."""

    learning_rate: Annotated[float, Field(gt=0, le=10)] = 7e-4
    """Peak learning rate, reached at the end of warm-up."""

    warmup_updates: NonNegativeInt = 4_000
    """Updates of linear warm-up from zero; with ``max_minutes`` at most a tenth of the time."""

    adam_betas: tuple[Probability, Probability] = (0.9, 0.98)
    adam_epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-9
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Decoupled weight decay (AdamW), on matrices only."""

    label_smoothing: Probability = 0.1
    """Probability mass moved from the reference token to the whole vocabulary."""

    max_grad_norm: Annotated[float, Field(ge=1e-6, le=1e9)] = 1.0
    """Clip the global L2 norm of the gradient to this."""

    max_bad_updates: Annotated[PositiveInt, MAY_CHANGE] = 20
    """Stop after this many updates in a row were skipped for a loss or gradient that is not finite."""

    report_every: Annotated[PositiveInt, MAY_CHANGE] = 100
    """Updates between two lines of the log and of metrics.jsonl."""

    validate_every: PositiveInt = 1_000
    """Updates between two validations."""

    validate_text: bool = True
    """Also translate the validation set, greedily, for BLEU and chrF."""

    n_samples: Annotated[NonNegativeInt, MAY_CHANGE] = 3
    """Validation translations shown at each validation."""

    save_every: PositiveInt = 1_000
    """Updates between two checkpoints. A new best is saved besides; and where these are rare, the first state after a
    minute, and others every ten minutes, each kept until the next one."""

    keep_last: Annotated[PositiveInt, MAY_CHANGE] = 3
    """Newest checkpoints kept."""

    keep_best: Annotated[PositiveInt, MAY_CHANGE] = 1
    """Best checkpoints kept."""

    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    average: AverageConfig = AverageConfig()
    sampling: SamplingConfig = SamplingConfig()

    workers: Annotated[NonNegativeInt | None, MAY_CHANGE] = None
    """Processes that sample pairs ahead of the training, where anything is sampled; by default one for every four CPU
    threads, at least one and at most four. They change the speed alone, never the result."""

    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 64)] = 1
    device: Annotated[Literal["auto", "cpu", "cuda"], MAY_CHANGE] = "auto"
    precision: Annotated[Literal["auto", "fp32", "bf16"], MAY_CHANGE] = "auto"
    """Arithmetic of forward and backward; weights and optimiser stay in float32. auto: bf16 on a GPU that multiplies in
    it; on a CPU what is measured to be faster when the run begins."""

    compile: bool | None = None
    """Compile the layers with torch.compile; by default on a GPU, for runs long enough that it pays."""

    threads: Annotated[PositiveInt | None, MAY_CHANGE] = None
    """CPU threads; by default one per core this process may use."""

    tensorboard: Annotated[bool, MAY_CHANGE] = False
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
