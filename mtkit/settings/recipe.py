"""Every setting of a run: one YAML recipe, one frozen object of sections.

Each default lives in its section and nowhere else. Code below the command line takes the section it needs
(``ModelConfig``, ``TrainingConfig``, ...), never the whole ``Config`` and never a dictionary.
``mtkit.settings.resolve`` reads recipes and lays the sources of settings over each other.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import model_validator

from mtkit.settings.data import DataConfig
from mtkit.settings.decoding import DecodingConfig
from mtkit.settings.evaluation import EvaluationConfig
from mtkit.settings.model import ModelConfig
from mtkit.settings.pretraining import PretrainingConfig
from mtkit.settings.sampling import MASK
from mtkit.settings.section import MAY_CHANGE, Mistakes, Section
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.settings.training import TrainingConfig


class Config(Section):
    """All settings of a run."""

    name: Annotated[str, MAY_CHANGE] = "model"
    """Name of the run, which names its directories; by default the recipe's folder or file name."""

    data: DataConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    decoding: DecodingConfig = DecodingConfig()
    pretraining: PretrainingConfig = PretrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @property
    def prepared_directory(self) -> Path:
        """Where the prepared corpus lies."""
        return Path(self.data.prepared or f"prepared/{self.name}")

    @property
    def own_training(self) -> TrainingConfig:
        """How the model of the run is trained, after pretraining: the updates of that are not among its own."""
        training = self.training
        if not self.pretraining.active or training.max_updates is None:
            return training
        n_left = training.max_updates - self.pretraining.updates_of(training.max_updates)
        return training.model_copy(update={"max_updates": n_left})

    @model_validator(mode="after")
    def _check_pretraining(self) -> Self:
        stage, training = self.pretraining, self.training
        if not stage.active:
            return self
        if training.from_ is not None:
            raise Mistakes(self, [("pretraining.task", "a model to start from brings its weights: leave out either")])
        if self.data.task != "translate":
            raise Mistakes(self, [("pretraining.task", f"does nothing with data.task: {self.data.task}")])
        if not self.tokenizer.joint:
            raise Mistakes(self, [("tokenizer.joint", "pretraining writes both languages: leave this out, or true")])
        if self.data.language_tags == "none":
            reason = "with pretraining a tag says which language is written: leave this out, or write target or both"
            raise Mistakes(self, [("data.language_tags", reason)])
        if self.data.hold_out is not None:
            reason = "pretraining would see what is held out: name files with data.valid and data.test"
            raise Mistakes(self, [("data.hold_out", reason)])
        if training.max_minutes is not None and stage.max_updates is not None:
            raise Mistakes(self, [("pretraining.max_updates", "the run is by time: give pretraining.share of it")])
        if training.max_updates is not None:
            self._check_updates_of_stages(training.max_updates)
        return self

    def _check_updates_of_stages(self, n_updates: int) -> None:
        """Refuse stages of a run of so many updates that are too short, or too short for their warm-up."""
        n_first = self.pretraining.updates_of(n_updates)
        if n_first >= n_updates:
            reason = f"{n_first:,} leave nothing of training.max_updates ({n_updates:,}) for translation"
            raise Mistakes(self, [("pretraining.max_updates", reason)])
        if self.training.max_minutes is not None or self.training.schedule not in ("linear", "cosine"):
            return
        for section, n, when in (("pretraining", n_first, "of"), ("training", n_updates - n_first, "after")):
            warmup = getattr(self, section).warmup_updates
            if warmup is not None and warmup >= n:
                reason = f"{warmup:,} must be below the {n:,} updates {when} pretraining"
                raise Mistakes(self, [(f"{section}.warmup_updates", reason)])

    @model_validator(mode="after")
    def _check_tying(self) -> Self:
        if self.model.tie_embeddings in ("all", "inputs") and not self.tokenizer.joint:
            raise ValueError(
                f"model.tie_embeddings: {self.model.tie_embeddings} needs tokenizer.joint: true; write decoder or none"
            )
        n_tags = max(len(self.data.tags_of(source)) for source in (*self.data.train, *self.data.valid, *self.data.test))
        if self.data.cleaning.max_tokens + n_tags >= self.model.max_length:
            tags = f" with {n_tags} tags" if n_tags else ""
            raise ValueError(
                f"data.cleaning.max_tokens ({self.data.cleaning.max_tokens}){tags} must be below "
                f"model.max_length ({self.model.max_length}), which counts the end of sentence too"
            )
        noise = self.training.sampling.noise
        masking = next((name for name in ("mask", "infill", "span") if getattr(noise, name)), None)
        if masking is not None and MASK not in self.tokenizer.user_defined_symbols:
            raise ValueError(f"training.sampling.noise.{masking} needs tokenizer.user_defined_symbols: [{MASK}]")
        if noise.span and not all(map(self.data.is_one_side, self.data.train)):
            raise ValueError("training.sampling.noise.span is predicted from one text: it needs data.task: reconstruct")
        if self.training.sampling.subword.probability and self.tokenizer.type not in ("unigram", "bpe"):
            raise ValueError(
                f"training.sampling.subword needs tokenizer.type unigram or bpe: with {self.tokenizer.type} there is "
                "one way to segment a sentence"
            )
        if self.training.consistency.method == "r_drop" and not (self.model.drops or self.training.lora.dropout):
            raise ValueError(
                "training.consistency.method r_drop compares passes with different dropout, and this model has none: "
                "raise model.dropout, or use simcut"
            )
        if self.tokenizer.extend.adds and self.training.from_ is None:
            raise ValueError("tokenizer.extend adds to the tokenizer of a model: name it with training.from, or --from")
        if self.tokenizer.extend.adds and self.training.distillation.teacher is not None:
            raise ValueError(
                "tokenizer.extend adds pieces that the teacher of training.distillation does not know: leave out either"
            )
        if self.tokenizer.extend.adds and self.training.lora.rank is not None:
            raise ValueError("training.lora leaves the embeddings as they are, so that tokenizer.extend adds in vain")
        if self.tokenizer.extend.adds and "embeddings" in self.training.freeze:
            raise ValueError("training.freeze keeps the embeddings as they are, so that tokenizer.extend adds in vain")
        return self
