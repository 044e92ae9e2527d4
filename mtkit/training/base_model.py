"""The model that a run starts from, as ``base.json`` in the run directory notes it.

The note has the hash of the weights, so that a run never goes on from another model, and all that the run takes over,
so that it goes on without the model once it has checkpoints of its own.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError

from mtkit.bundle.bundle import ORIGIN, Bundle
from mtkit.bundle.writing import Inherited
from mtkit.data.tokens.language_pieces import longest_prefix
from mtkit.errors import CheckpointError, DataError, MtkitError
from mtkit.files.reading import read_json
from mtkit.files.shapes import shaped
from mtkit.files.whole import write_json
from mtkit.settings.resolve import read_config
from mtkit.settings.tokenizer import ExtendConfig, TokenizerConfig

NOTE = "base.json"

FORMAT_VERSION = 1

_DEFAULT_MAX_TOKENS = 256
_INHERITED = (ORIGIN,)


@dataclass(frozen=True)
class Base:
    """The model that a run starts from."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    name: str
    """As the settings name it."""

    weights: str
    """Sha256 of its weights."""

    tokenizer: str
    """Sha256 of its tokenizer."""

    n_parameters: int

    directions: list[tuple[str, str]]
    """Codes of source and target that it translates; none of a model of many languages."""

    preset: str
    """Name of its sizes, or auto."""

    settings: dict[str, Any]
    """Of the sections that it brings along: model, tokenizer, decoding and data."""

    inherited: dict[str, Any] = field(default_factory=dict)
    """Keys of its manifest that the new model keeps."""

    training: dict[str, Any] = field(default_factory=dict)
    """What suited its training when the run began; empty before."""

    @classmethod
    def of(cls, bundle: Bundle, name: str) -> "Base":
        """What a run takes over from a model."""
        model = bundle.model.model_dump(mode="json", exclude={"preset"})
        tokenizer = tokenizer_settings(bundle)
        data: dict[str, Any] = {"src_lang": bundle.src_lang, "tgt_lang": bundle.tgt_lang}
        most = bundle.max_src_tokens if bundle.data else min(_DEFAULT_MAX_TOKENS, bundle.max_src_tokens)
        room = bundle.model.max_length - 1 - longest_prefix(bundle.tokenizer.languages)
        data["cleaning"] = {"max_tokens": max(min(most, room), 1)}
        if bundle.data is not None:
            data["language_tags"] = bundle.data.language_tags
        directions = [(bundle.src_lang, bundle.tgt_lang)] if bundle.data is None else bundle.data.directions
        if bundle.tokenizer.languages is not None:  # it is told the languages, and refuses those that it does not know
            directions = []
        return cls(
            name,
            bundle.weights_sha256,
            bundle.tokenizer.sha256(),
            bundle.n_parameters(),
            directions,
            bundle.model.preset,
            {"model": model, "tokenizer": tokenizer, "decoding": bundle.decoding.model_dump(mode="json"), "data": data},
            _inherited_of(bundle),
        )

    def note(self, run_dir: Path, training: dict[str, Any]) -> None:
        """Write it into a run directory, with what suits its training."""
        noted = replace(self, training=training)
        write_json(run_dir / NOTE, {"format_version": FORMAT_VERSION, **vars(noted)})


def noted_base(run_dir: Path) -> Base | None:
    """What a run noted of the model that it began from; None where it noted none.

    Raises:
        CheckpointError: If the note is damaged.
    """
    path = run_dir / NOTE
    if not path.exists():
        return None
    try:
        noted = shaped(Base, read_json(path))
        if not {"model", "tokenizer", "decoding", "data"} <= noted.settings.keys():
            raise ValueError("it has not all sections")
        return noted
    except (DataError, ValueError) as error:
        reason = " ".join(str(error).removeprefix(f"{path}: ").split())
        raise CheckpointError(f"{path}: damaged ({reason}); start again with --overwrite") from None


def inherited(run_dir: Path) -> Inherited | None:
    """What the model of a run has from the one that it started from; None where it started from random weights.

    Raises:
        CheckpointError: If the run's note of that is damaged.
    """
    noted = noted_base(run_dir)
    if noted is None:
        return None
    origin = run_dir / ORIGIN
    base = {"name": noted.name, "weights": noted.weights}
    return Inherited({"base": base, **noted.inherited}, origin if origin.is_dir() else None)


def _inherited_of(bundle: Bundle) -> dict[str, Any]:
    """Where an imported model comes from; of a checkpoint its run has noted it."""
    noted = None if bundle.metadata else noted_base(run_or_bundle(bundle))
    manifest = bundle.metadata if noted is None else noted.inherited
    return {key: manifest[key] for key in _INHERITED if key in manifest}


def run_or_bundle(bundle: Bundle) -> Path:
    """Where what comes with the weights lies."""
    return bundle.directory if bundle.metadata else bundle.directory.parent.parent


def tokenizer_settings(bundle: Bundle) -> dict[str, Any]:
    """What the settings would say of a model's tokenizer, as far as that is known."""
    tokenizer = bundle.tokenizer
    known: dict[str, Any] = {"joint": tokenizer.joint, "vocab_size": tokenizer.src_vocab_size}
    known["extend"] = ExtendConfig().model_dump(mode="json")  # what was added once is not added again
    try:
        if bundle.metadata:
            section = bundle.metadata["config"]["tokenizer"]
        else:
            section = read_config(bundle.directory.parent.parent / "config.yaml").tokenizer.model_dump(mode="json")
        return TokenizerConfig.model_validate(section).model_dump(mode="json") | known
    except (KeyError, TypeError, ValidationError, MtkitError):
        return known
