"""The model bundle: a directory that holds all that translating needs, and nothing that can run code.

``mtkit.json`` (format version, languages, sizes, decoding defaults, sha256 of every file, recipe, data hashes, scores),
``model.safetensors`` and the tokenizer; ``training_sources.safetensors``, a filter of what was trained on, and
``ctranslate2/`` beside them where there are such. Weights alone, as a training run saves them, are found through the
run directory around them.

torch is imported where weights are read or written: CTranslate2 translates without it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mtkit import __version__
from mtkit.config import Config, DataConfig, DecodingConfig
from mtkit.data.tokenizer import Tokenizer
from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.files import atomic_directory, read_json, sha256_file, write_json
from mtkit.model_config import ModelConfig

if TYPE_CHECKING:
    from mtkit.evaluation.seen import SeenSources
    from mtkit.model.encoder_decoder import EncoderDecoder

FORMAT_VERSION = 1
MANIFEST = "mtkit.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Bundle:
    """What is known of a model before its weights are read."""

    directory: Path
    """Where ``model.safetensors`` lies."""

    model: ModelConfig
    decoding: DecodingConfig
    tokenizer: Tokenizer
    src_lang: str
    tgt_lang: str

    max_src_tokens: int
    """The longest source that training has shown to the model, without the end of sentence."""

    weights_sha256: str
    """Of ``model.safetensors``, checked."""

    metadata: dict[str, Any]
    """All of ``mtkit.json``; empty for a checkpoint of a run."""

    data: DataConfig | None
    """What its recipe says of the corpus; None where a bundle does not have that."""

    def n_parameters(self) -> int:
        """Trained numbers, tied matrices counted once; read from the head of the weights' file.

        Raises:
            CheckpointError: If the weights are damaged.
        """
        path = self.directory / WEIGHTS
        try:
            with path.open("rb") as file:
                head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            return sum(math.prod(entry["shape"]) for name, entry in head.items() if name != "__metadata__")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path}: cannot read: {error}") from None

    def training_sources(self) -> "SeenSources | None":
        """Which sources the model was trained on; None where the bundle does not say, as older ones do not.

        Raises:
            DataError: If they are damaged.
        """
        from mtkit.evaluation.seen import FILE, SeenSources

        path = self.directory / FILE
        return SeenSources.read(path) if path.is_file() else None

    def build_model(self) -> "EncoderDecoder":
        """The model with its weights, on the CPU, in evaluation mode.

        Raises:
            CheckpointError: If the weights are damaged or belong to another model.
        """
        from mtkit.model.encoder_decoder import EncoderDecoder
        from mtkit.model.weights import load_tensors, restore_model

        model = EncoderDecoder(
            self.model,
            src_vocab_size=self.tokenizer.src_vocab_size,
            tgt_vocab_size=self.tokenizer.tgt_vocab_size,
            pad_id=self.tokenizer.pad_id,
        )
        path = self.directory / WEIGHTS
        restore_model(model, load_tensors(path), source=path)
        return model.eval()


def save_bundle(
    directory: Path,
    *,
    model: "EncoderDecoder",
    tokenizer: Tokenizer,
    config: Config,
    data_hashes: Mapping[str, Any],
    scores: Any,
    updates: Sequence[int] = (),
    seen: "SeenSources | None" = None,
) -> None:
    """Write a bundle, whole or not at all; an existing one is replaced.

    Args:
        directory: The bundle.
        model: Its weights are saved in their own precision.
        tokenizer: The one that the model was trained with.
        config: Recipe of the run; its model and decoding sections are what loading reads.
        data_hashes: sha256 of the training data, as the prepared corpus names them.
        scores: What the model reached, with signatures; any JSON value. None where that is yet to be found out.
        updates: Of the run, whose weights these are: one, or those that were averaged.
        seen: The sources that the model was trained on, for warnings about test sets that overlap with them.
    """
    from safetensors.torch import save_file

    from mtkit.evaluation.seen import FILE
    from mtkit.model.weights import model_tensors

    with atomic_directory(directory) as work:
        save_file(model_tensors(model), work / WEIGHTS)
        tokenizer.save(work)
        if seen is not None:
            seen.write(work / FILE)
        files = sorted(path.name for path in work.iterdir())
        manifest = {
            "format_version": FORMAT_VERSION,
            "mtkit_version": __version__,
            "name": config.name,
            "src_lang": config.data.src_lang,
            "tgt_lang": config.data.tgt_lang,
            "src_vocab_size": tokenizer.src_vocab_size,
            "tgt_vocab_size": tokenizer.tgt_vocab_size,
            "n_parameters": model.n_parameters(),
            "max_src_tokens": _max_src_tokens(config),
            "model": config.model.model_dump(mode="json"),
            "decoding": config.decoding.model_dump(mode="json"),
            "updates": list(updates),
            "scores": scores,
            "data": dict(data_hashes),
            "files": {name: sha256_file(work / name) for name in files},
            "config": config.model_dump(mode="json"),
        }
        write_json(work / MANIFEST, manifest)


def note_scores(directory: Path, scores: Any) -> None:
    """Write into a bundle what its model reached, with signatures; any JSON value."""
    write_json(directory / MANIFEST, {**read_json(directory / MANIFEST), "scores": scores})


def load_bundle(path: Path) -> Bundle:
    """Find and check a model: a bundle, a run directory (its bundle, else its best or last checkpoint) or a checkpoint.

    Raises:
        CheckpointError: If there is no model at ``path``, a file is damaged, or the format is newer than this mtkit.
        VocabularyError: If the tokenizer is damaged.
    """
    if not path.exists():
        raise CheckpointError(f"{path}: no such model; give a run directory, a checkpoint or a bundle")
    for directory in (path, path / "model"):
        if (directory / MANIFEST).exists():
            return _read_bundle(directory)
    for directory in (path, path / "best", path / "last"):
        if (directory / WEIGHTS).exists():
            return _read_checkpoint(directory.resolve())
    if (path / "config.yaml").exists():
        raise CheckpointError(f"{path}: this run has no checkpoint yet; train on until its first validation")
    raise CheckpointError(f"{path}: holds no model; give a run directory, a checkpoint or a bundle")


def _read_bundle(directory: Path) -> Bundle:
    path = directory / MANIFEST
    metadata = _read_manifest(path)
    try:
        check_files(directory, metadata["files"])
        bundle = Bundle(
            directory,
            _model_config(path, metadata["model"]),
            DecodingConfig.model_validate(metadata["decoding"]),
            Tokenizer.load(directory),
            metadata["src_lang"],
            metadata["tgt_lang"],
            int(metadata["max_src_tokens"]),
            str(metadata["files"][WEIGHTS]),
            metadata,
            _data_config(metadata.get("config")),
        )
        sizes = (metadata["src_vocab_size"], metadata["tgt_vocab_size"])
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise CheckpointError(f"{path}: damaged: {_in_one_line(error)}") from None
    if sizes != (bundle.tokenizer.src_vocab_size, bundle.tokenizer.tgt_vocab_size):
        raise CheckpointError(f"{directory}: the tokenizer is not the one that the model was trained with")
    return bundle


def _data_config(config: Any) -> DataConfig | None:
    """The data section of a bundle's recipe; None where this version does not understand it."""
    try:
        return DataConfig.model_validate(config["data"])
    except (KeyError, TypeError, ValidationError):
        return None


def _model_config(path: Path, model: Any) -> ModelConfig:
    """The shape of a bundle's model; its files are whole, so that what is not understood is not damage."""
    try:
        return ModelConfig.model_validate(model)
    except ValidationError as error:
        reason = _in_one_line(error).removeprefix(": ")
        raise CheckpointError(
            f"{path}: mtkit {__version__} does not know this kind of model (model.{reason}); use the version that "
            "trained it, or a newer one"
        ) from None


def _read_checkpoint(directory: Path) -> Bundle:
    """Weights in ``RUN/checkpoints/update-N``; recipe and tokenizer lie in the run directory."""
    from mtkit.settings import read_config

    run_dir = directory.parent.parent
    if not (run_dir / "config.yaml").exists():
        raise CheckpointError(
            f"{directory}: a checkpoint is read where it was trained, but {run_dir} is no run directory"
        )
    manifest = _read_manifest(directory / "manifest.json")
    try:
        sha256 = str(manifest["files"][WEIGHTS]["sha256"])
        check_files(directory, {WEIGHTS: sha256})
    except (KeyError, TypeError):
        raise CheckpointError(f"{directory / 'manifest.json'}: damaged") from None
    try:
        config = read_config(run_dir / "config.yaml")
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
    languages = config.data.src_lang, config.data.tgt_lang
    tokenizer = Tokenizer.load(run_dir)
    limit = _max_src_tokens(config)
    return Bundle(directory, config.model, config.decoding, tokenizer, *languages, limit, sha256, {}, config.data)


def check_files(directory: Path, sha256: Mapping[str, str]) -> None:
    """Compare files with the hashes that were noted for them.

    Raises:
        CheckpointError: Naming the first file that is missing or has changed.
    """
    for name, expected in sha256.items():
        file = directory / name
        if Path(name).name != name or not file.is_file():
            raise CheckpointError(f"{file}: missing")
        if sha256_file(file) != expected:
            raise CheckpointError(f"{file}: damaged (its sha256 is not the noted one); copy the model again")


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = read_json(path)
        version = manifest["format_version"]
    except DataError as error:
        raise CheckpointError(f"damaged model: {error}") from None
    except (KeyError, TypeError):
        raise CheckpointError(f"{path}: damaged: no format_version") from None
    if not isinstance(version, int) or version > FORMAT_VERSION:
        maker = manifest.get("mtkit_version", "a newer version")
        raise CheckpointError(
            f"{path}: made by mtkit {maker}, format {version}; this mtkit reads up to {FORMAT_VERSION}; update mtkit"
        )
    return manifest


def _max_src_tokens(config: Config) -> int:
    return min(config.data.cleaning.max_tokens, config.model.max_length - 1)


def _in_one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {error}"
