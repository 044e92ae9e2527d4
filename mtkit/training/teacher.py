"""The teacher of a run that distils: found and checked before the corpus is prepared, noted, and put on the device.

``teacher.json`` in the run directory notes it with the hash of its weights, so that a run never goes on with another
teacher. A run whose training is over needs it no more.
"""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.data.corpus.prefixes import check_pieces
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.files.reading import read_json
from mtkit.files.shapes import shaped
from mtkit.files.whole import write_json
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.layers import Layer
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.training.base_model import tokenizer_settings
from mtkit.training.contradictions import contradictions
from mtkit.training.saving.checkpoint import CheckpointStore
from mtkit.training.starting import Start
from mtkit.wording import parameters_shown

NOTE = "teacher.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Noted:
    """What a run notes of its teacher."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    name: str
    """As the settings name it."""

    weights: str
    """Sha256 of its weights."""

    tokenizer: str
    """Sha256 of its tokenizer."""

    settings: dict[str, Any] = field(default_factory=dict)
    """What the settings would say of its tokenizer."""


@dataclass(frozen=True)
class Teacher:
    """The model whose predictions a run learns."""

    noted: Noted
    tokenizer: Tokenizer
    """That of the run."""

    bundle: Bundle | None
    """The model itself; None where it is gone, and the training is over."""

    def under(self, settings: Settings) -> Settings:
        """The settings of a run from random weights with the teacher's tokenizer below them.

        Raises:
            ConfigError: If they say something else of the tokenizer, naming the setting.
        """
        for mistake in contradictions(settings, "tokenizer", TokenizerConfig, self.noted.settings, self._named):
            raise ConfigError(mistake)
        return settings.over([Layer(self._named, {"tokenizer": self.noted.settings})])

    def check(self, config: Config, start: Start | None) -> None:
        """Refuse a teacher that cannot read what the student reads.

        Args:
            config: Before the corpus is known.
            start: The model that the student starts from, whose tokenizer is then that of the run.

        Raises:
            ConfigError: If its vocabulary is another one, or it has too few positions.
            VocabularyError: If its tokenizer lacks a tag of the corpus.
        """
        if start is None:
            check_pieces(config.data, self.tokenizer, model=self.noted.name)
        elif start.tokenizer.sha256() != self.noted.tokenizer:
            raise ConfigError(
                f"{self._named}: its tokenizer is not that of {start.base.name}, which the run starts from, and both "
                "must write the same pieces: take another teacher, or leave out --from"
            )
        if self.bundle is None:
            return
        data, most = config.data, self.bundle.model.max_length
        n_tags = max(len(data.tags_of(source)) for source in (*data.train, *data.valid, *data.test))
        if data.cleaning.max_tokens + n_tags >= most:
            raise ConfigError(
                f"{self._named}: it reads {most} tokens at most, and data.cleaning.max_tokens is "
                f"{data.cleaning.max_tokens}; lower that to {most - 1 - n_tags}"
            )

    def note(self, run_dir: Path) -> None:
        """Write into the directory of a run which teacher it has."""
        write_json(run_dir / NOTE, {"format_version": FORMAT_VERSION, **asdict(self.noted)})

    def check_there(self) -> None:
        """Refuse to train on without it.

        Raises:
            CheckpointError: If it is gone.
        """
        if self.bundle is None:
            raise CheckpointError(_gone(self.noted.name))

    def model_on(self, device: torch.device) -> EncoderDecoder:
        """The model, which must be there, in evaluation mode, with weights that are never trained.

        Raises:
            CheckpointError: If it is damaged.
        """
        return self._model.to(device)

    @cached_property
    def _model(self) -> EncoderDecoder:
        assert self.bundle is not None
        return self.bundle.build_model().requires_grad_(False)

    def told(self) -> str:
        """A line for the log."""
        size = "" if self.bundle is None else f": {parameters_shown(self.bundle.n_parameters())}"
        return f"learning from {self.noted.name}{size}, weights {self.noted.weights[:12]}"

    @property
    def _named(self) -> str:
        return f"teacher {self.noted.name}"


def teacher_of(settings: Settings, run_dir: Path, *, overwrite: bool = False) -> Teacher | None:
    """The teacher of a run; None where it has none.

    Args:
        settings: Before a preset is chosen; ``training.distillation.teacher`` names it.
        run_dir: Of the run, which may have begun.
        overwrite: Whether an earlier run there is of no concern.

    Raises:
        CheckpointError: If there is no whole model, or the run has another teacher.
        ConfigError: If it lies in the run directory itself, or the run has one and none is named.
    """
    named = settings.given("training", "distillation", "teacher")
    begun = not overwrite and bool(CheckpointStore(run_dir).updates())
    noted = _noted(run_dir) if begun else None
    if not isinstance(named, str) or not named:
        if noted is not None:
            raise ConfigError(
                f"{run_dir}: the run learns from {noted.name}: name it again with training.distillation.teacher"
            )
        return None
    path = Path(named)
    if path.resolve().is_relative_to(run_dir.resolve()):
        raise ConfigError(f"training.distillation.teacher: {path} lies in the run directory {run_dir} itself")
    if begun and noted is None:
        raise CheckpointError(
            f"{run_dir}: the run began without a teacher; choose another -o, or --overwrite to start afresh"
        )
    if noted is not None and not path.exists():
        if not (run_dir / "model").is_dir():
            raise CheckpointError(_gone(named))
        return Teacher(noted, Tokenizer.load(run_dir), None)
    bundle = load_bundle(path)
    bundle.check_weights_fit()
    found = Noted(named, bundle.weights_sha256, bundle.tokenizer.sha256(), tokenizer_settings(bundle))
    if noted is not None and (noted.weights, noted.tokenizer) != (found.weights, found.tokenizer):
        raise CheckpointError(
            f"{run_dir}: the run learns from another model ({noted.name}, weights {noted.weights[:12]}) than {named} "
            f"(weights {found.weights[:12]}); choose another -o, or --overwrite to start afresh"
        )
    return Teacher(found, bundle.tokenizer, bundle)


def _gone(name: str) -> str:
    return f"{name}: the teacher that the run learns from is not there; put it back"


def _noted(run_dir: Path) -> Noted | None:
    path = run_dir / NOTE
    if not path.exists():
        return None
    try:
        return shaped(Noted, read_json(path))
    except (DataError, ValueError) as error:
        reason = " ".join(str(error).removeprefix(f"{path}: ").split())
        raise CheckpointError(f"{path}: damaged ({reason}); start again with --overwrite") from None
