"""How a model is fitted: every setting of training, and its default."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from mtkit.machine.threads import MOST_THREADS
from mtkit.settings.adversarial import AdversarialConfig
from mtkit.settings.bounds import MINUTES
from mtkit.settings.consistency import ConsistencyConfig
from mtkit.settings.distillation import DistillationConfig
from mtkit.settings.ema import EmaConfig
from mtkit.settings.healing import HealingConfig
from mtkit.settings.lora import LoraConfig
from mtkit.settings.minimum_risk import MinimumRiskConfig
from mtkit.settings.sampling import SamplingConfig
from mtkit.settings.section import MAY_CHANGE, Mistake, Mistakes, Probability, Section
from mtkit.settings.source import SourceConfig

Metric = Literal["loss", "bleu", "chrf"]


class EarlyStoppingConfig(Section):
    """When training stops before ``max_updates``."""

    metric: Metric = "bleu"
    """Metric on the validation set that must keep improving, and that decides which checkpoint is best. Where BLEU
    says nothing, as on lines of one word, chrF is used instead. The loss is used where chrF says nothing either, or
    where the validation set is not translated (``validate_text: false``) and patience is null."""

    patience: Annotated[PositiveInt | None, MAY_CHANGE] = None
    """Number of validations without a new best after which training stops; by default never."""


class AverageConfig(Section):
    """Checkpoints that are averaged into the bundle at the end of the run."""

    n: Annotated[NonNegativeInt, MAY_CHANGE] = 0
    """Number of checkpoints to average; 0 takes the best checkpoint as it is."""

    by: Annotated[Literal["last", "best"], MAY_CHANGE] = "last"
    """Whether the newest checkpoints are averaged (last), or those best on the validation set (best)."""


_NO_LORA = LoraConfig()


class TrainingConfig(Section):
    """How the model is fitted. An *update* is one optimiser step."""

    from_: Annotated[Annotated[str, Field(min_length=1)] | None, MAY_CHANGE] = Field(default=None, alias="from")
    """Model to start from: a run directory, a checkpoint or a bundle. Tokenizer and sizes are its own; what this
    section does not say then suits fine-tuning (docs/fine-tuning.md). By default the weights are random."""

    freeze: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """What of the model ``from`` stays as it is: ``embeddings``, ``encoder``, ``decoder``, or names of weights and
    layers, such as ``encoder.layers.0`` or ``decoder.*.norm``."""

    keep_test: Annotated[list[SourceConfig], MAY_CHANGE] = Field(default_factory=list)
    """Old test sets that are translated before and after fine-tuning too, to see what is forgotten. Those of the corpus
    that the model ``from`` was trained on are, where they are found."""

    max_updates: Annotated[PositiveInt | None, MAY_CHANGE] = 100_000
    """Number of updates after which training stops; null where ``max_minutes`` alone is to end the run."""

    max_epochs: Annotated[PositiveInt | None, MAY_CHANGE] = None
    """Number of passes over the corpus after which training stops, where that comes first."""

    max_minutes: Annotated[Annotated[float, Field(ge=MINUTES.least, le=MINUTES.most)] | None, MAY_CHANGE] = None
    """Time of the whole command in minutes, the scores of the test sets included. The learning rate decays to zero by
    then, and validations and checkpoints come at shares of the time, not every so many updates."""

    batch_tokens: PositiveInt = 25_000
    """Target tokens per update on average, padding excluded, summed over accumulated micro-batches. In a recipe
    ``auto`` stands for the number that the preset recommends, with ``accumulate: auto``."""

    min_updates: Annotated[NonNegativeInt, MAY_CHANGE] = 0
    """With ``max_minutes``: number of updates to reach. Where the machine is too slow for so many, updates become
    smaller than ``batch_tokens``, down to 500 target tokens, and the learning rate falls with the square root; this is
    decided once, at the start. By default 2,000 with ``max_minutes`` where no ``batch_tokens`` is given; 0 never makes
    them smaller."""

    accumulate: PositiveInt | Literal["auto"] = 1
    """Number of micro-batches per update, each of about ``batch_tokens / accumulate`` target tokens. auto is the
    smallest number that fits the memory, found once, at the start."""

    schedule: Literal["inverse_sqrt", "linear", "cosine", "constant", "wsd"] = "inverse_sqrt"
    """Course of the learning rate after warm-up. linear, cosine and wsd reach zero at the end of the run: wsd (warm-up,
    stable, decay) stays at the peak until the last ``decay_share``, so that a run may be made longer later."""

    decay_share: Annotated[Annotated[float, Field(gt=0, le=0.9)], MAY_CHANGE] = 0.2
    """With the schedule wsd: share of the run, at its end, in which the learning rate falls to zero."""

    learning_rate: Annotated[float, Field(gt=0, le=10)] = 7e-4
    """Peak learning rate, reached at the end of warm-up."""

    warmup_updates: NonNegativeInt = 4_000
    """Number of updates in which the learning rate rises linearly from zero; with ``max_minutes`` at most a tenth of
    the time."""

    optimizer: Literal["adamw", "adafactor", "schedule_free", "muon"] = "adamw"
    """Optimiser: AdamW; Adafactor, whose state is a row and a column for each matrix in the place of two matrices; Muon
    for the linear maps of the layers, with AdamW for all else; or Schedule-Free AdamW (schedule_free), whose model is
    an average that is kept while training, so that the schedule is constant. All take the learning rate of the
    schedule."""

    adam_betas: tuple[Probability, Probability] = (0.9, 0.98)
    """Decay rates of Adam's running means of the gradient and of its square; with schedule_free the first is how near
    the gradient is taken to the average."""

    adam_epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-9
    """Number added to the divisor of Adam's steps, so that it is never zero."""

    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Decoupled weight decay, on matrices only."""

    label_smoothing: Probability = 0.1
    """Probability mass moved from the reference token to the whole vocabulary."""

    max_grad_norm: Annotated[float, Field(ge=1e-6, le=1e9)] = 1.0
    """Largest global L2 norm of the gradient; a larger gradient is scaled down to it."""

    max_bad_updates: Annotated[PositiveInt, MAY_CHANGE] = 20
    """Number of updates skipped in a row, for a loss or gradient that is not finite, after which training goes
    back to an earlier checkpoint (``healing``), or stops where that does not help."""

    report_every: Annotated[PositiveInt, MAY_CHANGE] = 100
    """Number of updates between two lines of the log and of ``metrics.jsonl``."""

    validate_every: PositiveInt = 1_000
    """Number of updates between two validations."""

    validate_text: bool = True
    """Whether validations also translate the validation set, greedily, for BLEU and chrF."""

    n_samples: Annotated[NonNegativeInt, MAY_CHANGE] = 3
    """Number of translations shown at each validation."""

    save_every: PositiveInt = 1_000
    """Number of updates between two checkpoints. A new best is also saved; where checkpoints are rare, so is the state
    after the first minute and then every ten minutes, each kept until the next one."""

    keep_last: Annotated[PositiveInt, MAY_CHANGE] = 3
    """Number of newest checkpoints kept."""

    keep_best: Annotated[PositiveInt, MAY_CHANGE] = 1
    """Number of best checkpoints kept."""

    healing: HealingConfig = HealingConfig()
    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    average: AverageConfig = AverageConfig()
    ema: EmaConfig = EmaConfig()
    lora: LoraConfig = LoraConfig()
    consistency: ConsistencyConfig = ConsistencyConfig()
    adversarial: AdversarialConfig = AdversarialConfig()
    distillation: DistillationConfig = DistillationConfig()
    minimum_risk: MinimumRiskConfig = MinimumRiskConfig()
    sampling: SamplingConfig = SamplingConfig()

    workers: Annotated[NonNegativeInt | None, MAY_CHANGE] = None
    """Number of processes that sample pairs ahead of the training, where anything is sampled; by default one per four
    CPU threads, at least one and at most four. They change the speed, never the result."""

    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 64)] = 1
    """Seed of all random numbers: initial weights, order of the pairs, dropout and sampling."""

    device: Annotated[Literal["auto", "cpu", "cuda"], MAY_CHANGE] = "auto"
    """Device that trains; auto is the GPU where there is one."""

    precision: Annotated[Literal["auto", "fp32", "bf16"], MAY_CHANGE] = "auto"
    """Arithmetic of forward and backward passes; weights and optimiser stay in float32. auto is bf16 on a GPU that
    supports it, and on a CPU whichever is measured to be faster at the start."""

    compile: bool | None = None
    """Whether the layers are compiled with ``torch.compile``; by default on a GPU, for runs long enough to gain from
    it."""

    threads: Annotated[int | None, Field(gt=0, le=MOST_THREADS), MAY_CHANGE] = None
    """Number of CPU threads; by default one per core that this process may use."""

    tensorboard: Annotated[bool, MAY_CHANGE] = False
    """Whether metrics are also written for TensorBoard; needs the extra ``mtkit[tensorboard]``."""

    @field_validator("freeze", "keep_test", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | dict) else value

    @model_validator(mode="before")
    @classmethod
    def _without_schedule(cls, values: Any) -> Any:
        free = isinstance(values, dict) and values.get("optimizer") == "schedule_free"
        return {"schedule": "constant", **values} if free else values

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_end()
        if self.freeze and self.from_ is None:
            raise Mistakes(self, [("freeze", "keeps what a model brought along: name the model with from, or --from")])
        mistakes = (
            self._mistake_of_lora(),
            self._mistake_of_optimizer(),
            self._mistake_of_schedule(),
            self._mistake_of_ema(),
            self._mistake_of_objective(),
        )
        if mistake := next(filter(None, mistakes), None):
            raise Mistakes(self, [mistake])
        if self.accumulate != "auto" and self.batch_tokens < self.accumulate:
            raise ValueError(f"accumulate ({self.accumulate}) exceeds batch_tokens ({self.batch_tokens})")
        if self.keep_test and self.from_ is None:
            raise Mistakes(
                self, [("keep_test", "needs the model that it is of: name it with training.from, or --from MODEL")]
            )
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

    def _mistake_of_optimizer(self) -> Mistake | None:
        if self.optimizer == "adafactor":
            for name in ("adam_betas", "adam_epsilon"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    return name, "does nothing with optimizer: adafactor"
        return None

    def _mistake_of_objective(self) -> Mistake | None:
        named = {
            "consistency.method": self.consistency.method,
            "adversarial.method": self.adversarial.method,
            "distillation.teacher": self.distillation.teacher or "none",
        }
        used = [(name, method) for name, method in named.items() if method != "none"]
        if len(used) > 1:
            (first, method), (second, _) = used[:2]
            return second, f"does not go with {first}: {method}; use one"
        if used and self.minimum_risk.metric is not None and self.minimum_risk.weight == 1:
            return "minimum_risk.weight", f"leaves no weight to {used[0][0]}: lower it, or use one"
        return None

    def _mistake_of_schedule(self) -> Mistake | None:
        if self.optimizer == "schedule_free" and self.schedule != "constant":
            return "schedule", f"{self.schedule} does not go with optimizer: schedule_free; write constant"
        if self.schedule != "wsd":
            unused = self.decay_share != type(self).model_fields["decay_share"].default
            return ("decay_share", f"does nothing with schedule: {self.schedule}") if unused else None
        if self.max_updates is not None and self.max_minutes is None:
            begin = decay_begins(self.max_updates, self.decay_share)
            if self.warmup_updates >= begin:
                reason = f"must be below {begin}, where the decay begins; lower it, or decay_share"
                return "warmup_updates", f"({self.warmup_updates}) {reason}"
        return None

    def _mistake_of_ema(self) -> Mistake | None:
        if self.ema.decay is None:
            return None if self.ema.start is None else ("ema.start", "does nothing here: give ema.decay, such as 0.999")
        if self.optimizer == "schedule_free":
            return "ema.decay", "does nothing beside optimizer: schedule_free, whose model is an average already"
        if self.ema.start is not None and self.max_updates is not None and self.ema.start >= self.max_updates:
            return "ema.start", f"({self.ema.start}) must be below max_updates ({self.max_updates})"
        return None

    def _mistake_of_lora(self) -> Mistake | None:
        if self.lora.rank is None:
            changed = [name for name in LoraConfig.model_fields if getattr(self.lora, name) != getattr(_NO_LORA, name)]
            return (f"lora.{changed[0]}", "does nothing here: give training.lora.rank, such as 16") if changed else None
        if self.from_ is None:
            return "lora.rank", "adapters need a model that is there: name it with from, or --from"
        if self.optimizer == "muon":
            return "optimizer", "muon does nothing with lora, whose adapters are not what it is for; write adamw"
        if self.freeze:
            return "freeze", "does nothing with lora, which leaves the whole model as it is"
        return None

    def _check_end(self) -> None:
        decays = self.schedule in ("linear", "cosine", "wsd")
        if self.max_minutes is not None:
            if not decays and self.optimizer != "schedule_free":
                raise ValueError(
                    f"schedule {self.schedule} does not reach zero when max_minutes are over; "
                    "write linear, cosine or wsd"
                )
        elif self.max_updates is None:
            raise ValueError("max_updates: null needs max_minutes, or the run never ends")
        elif decays and self.warmup_updates >= self.max_updates:
            reason = f"must be below max_updates ({self.max_updates}): lower training.warmup_updates too"
            raise ValueError(f"warmup_updates ({self.warmup_updates}) {reason}")


def decay_begins(max_updates: int, decay_share: float) -> int:
    """The last update of a run before the decay of the schedule wsd."""
    return max_updates - max(1, round(decay_share * max_updates))
