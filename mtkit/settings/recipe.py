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
from mtkit.settings.section import MAY_CHANGE, Section
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
    evaluation: EvaluationConfig = EvaluationConfig()

    @property
    def prepared_directory(self) -> Path:
        """Where the prepared corpus lies."""
        return Path(self.data.prepared or f"prepared/{self.name}")

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
        if self.training.sampling.noise.mask and "<mask>" not in self.tokenizer.user_defined_symbols:
            raise ValueError("training.sampling.noise.mask needs tokenizer.user_defined_symbols: [<mask>]")
        if self.training.sampling.subword.probability and self.tokenizer.type not in ("unigram", "bpe"):
            raise ValueError(
                f"training.sampling.subword needs tokenizer.type unigram or bpe: with {self.tokenizer.type} there is "
                "one way to segment a sentence"
            )
        if self.tokenizer.extend.adds and self.training.from_ is None:
            raise ValueError("tokenizer.extend adds to the tokenizer of a model: name it with training.from, or --from")
        if self.tokenizer.extend.adds and self.training.lora.rank is not None:
            raise ValueError("training.lora leaves the embeddings as they are, so that tokenizer.extend adds in vain")
        if self.tokenizer.extend.adds and "embeddings" in self.training.freeze:
            raise ValueError("training.freeze keeps the embeddings as they are, so that tokenizer.extend adds in vain")
        return self
