"""The model bundle: a directory that holds all that translating needs, and nothing that can run code.

``mtkit.json`` (format version, languages, sizes, decoding defaults, sha256 of every file, recipe, data hashes, scores),
``model.safetensors`` and the tokenizer; ``training_sources.safetensors``, a filter of what was trained on, and
``ctranslate2/`` beside them where there are such. Weights alone, as a training run saves them, are found through the
run directory around them.

torch is imported where weights are read or written: CTranslate2 translates without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ConfigDict, PositiveInt, ValidationError

from mtkit.bundle.check import check_files, check_run_tokenizer, check_sizes, check_weights_length
from mtkit.bundle.foreign import if_on_hub, of_another_program
from mtkit.data.corpus.source_lines import SourceLines
from mtkit.data.tokens.tokenizer import JOINT_FILE, SRC_FILE, TGT_FILE, Tokenizer
from mtkit.data.tokens.vocabulary_file import VOCABULARY_FILE
from mtkit.errors import CheckpointError, ConfigError, DataError, MtkitError
from mtkit.files.not_text import other_kind
from mtkit.files.reading import read_json, version_in
from mtkit.files.shapes import first_mistake, shaped
from mtkit.files.tensor_file import TensorFile, check_finite, read_tensor_file
from mtkit.settings.data import DataConfig
from mtkit.settings.decoding import DecodingConfig
from mtkit.settings.model import ModelConfig
from mtkit.settings.recipe import Config
from mtkit.version import __version__

if TYPE_CHECKING:
    from mtkit.evaluation.pitfalls.seen import SeenSources
    from mtkit.model.encoder_decoder import EncoderDecoder

Loaded = TypeVar("Loaded")

FORMAT_VERSION = 1
MANIFEST = "mtkit.json"
WEIGHTS = "model.safetensors"
CORPUS = "corpus"
"""Key of the manifest: where the prepared corpus lies, as seen from the bundle."""
KIND_OF_WEIGHTS = "weights"
"""Key of the manifest where they are not those of a checkpoint as they were trained, nor the mean of several."""
EMA = "ema"
"""Of ``KIND_OF_WEIGHTS``: the moving average that the run kept of its weights (``training.ema``)."""
ORIGIN = "origin"
"""Of an imported model: key of the manifest, and directory of the files that it was made from."""

SEEDS = "seeds.json"
"""In a directory of runs from several seeds: how many there are to be."""

_HEAD_BYTES = 512

_TOKENIZERS: tuple[set[str], ...] = ({JOINT_FILE}, {SRC_FILE, TGT_FILE}, {VOCABULARY_FILE})
"""One of these is among the files of every bundle."""
LINES = "source_lines.json"
"""In a run directory: what its checkpoints were trained on, as a bundle has it under ``source_lines``."""


@dataclass(frozen=True)
class Bundle:
    """What is known of a model before its weights are read."""

    path: Path
    """As it was named: a run directory, a checkpoint or a bundle."""

    directory: Path
    """Where ``model.safetensors`` lies."""

    model: ModelConfig
    decoding: DecodingConfig
    tokenizer: Tokenizer
    src_lang: str
    tgt_lang: str

    max_src_tokens: int
    """The longest source that training can have shown to the model, without the end of sentence."""

    lines: SourceLines | None
    """What its training lines were like; None where the model does not say, as older ones do not."""

    weights_sha256: str
    """Of ``model.safetensors``, checked."""

    metadata: dict[str, Any]
    """All of ``mtkit.json``; empty for a checkpoint of a run."""

    data: DataConfig | None
    """What its recipe says of the corpus; None where a bundle does not have that."""

    known_as: str | None = None
    """What it is called in messages, where that is not its path."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.known_as or str(self.path)

    def n_parameters(self) -> int:
        """Trained numbers, tied matrices counted once; read from the head of the weights' file.

        Raises:
            CheckpointError: If the weights are damaged.
        """
        return sum(info.n_numbers for info in self.weights().tensors.values())

    def weights(self) -> TensorFile:
        """What the head of the weights' file says.

        Raises:
            CheckpointError: If the weights are damaged.
        """
        return read_tensor_file(self.directory / WEIGHTS)

    def training_sources(self) -> "SeenSources | None":
        """Which sources the model was trained on; None where the bundle does not say, as older ones do not.

        Raises:
            DataError: If they are damaged.
        """
        from mtkit.evaluation.pitfalls.seen import FILE, SeenSources

        path = self.directory / FILE
        return SeenSources.read(path) if path.is_file() else None

    def check_finite(self) -> None:
        """Refuse weights of which one is not a finite number.

        Raises:
            CheckpointError: Naming the tensor that holds it.
        """
        check_finite(self.directory / WEIGHTS)

    def build_model(self) -> "EncoderDecoder":
        """The model with its weights, on the CPU, in evaluation mode.

        Raises:
            CheckpointError: If the weights are damaged, not finite, or belong to another model.
        """
        self.check_finite()
        from mtkit.model.encoder_decoder import EncoderDecoder
        from mtkit.model.weights import load_tensors, restore_model

        self.check_weights_fit()
        model = EncoderDecoder.for_tokenizer(self.model, self.tokenizer)
        path = self.directory / WEIGHTS
        restore_model(model, load_tensors(path), source=path)
        return model.eval()

    def check_weights_fit(self) -> None:
        """Make sure that the weights are those of the model, before anything of its size is allocated.

        Raises:
            CheckpointError: If they are damaged or belong to another model.
        """
        from mtkit.model.fitting import check_fits

        check_fits(self.weights(), self.model, self.tokenizer)


@dataclass(frozen=True)
class _Manifest:
    """What loading reads of ``mtkit.json``; what else stands there is for people."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    files: dict[str, str]
    model: dict[str, Any]
    decoding: dict[str, Any]
    src_lang: str
    tgt_lang: str
    src_vocab_size: PositiveInt
    tgt_vocab_size: PositiveInt
    max_src_tokens: PositiveInt


def load_bundle(path: Path) -> Bundle:
    """Find and check a model: a bundle, a run directory (its bundle, else its best or last checkpoint) or a checkpoint.

    Raises:
        CheckpointError: If there is no model at ``path``, a file is damaged, or the format is newer than this mtkit.
        VocabularyError: If the tokenizer is damaged.
    """
    while True:
        directory = _directory_of(path)
        try:
            return (_read_bundle if (directory / MANIFEST).exists() else _read_checkpoint)(path, directory)
        except CheckpointError:
            if directory.exists():
                raise
            # Training has deleted this checkpoint while it was read: another one is the best or the last now.


def _directory_of(path: Path) -> Path:
    """Where the weights lie."""
    if not path.exists():
        raise CheckpointError(f"{path}: no such model; give a run directory, a checkpoint or a bundle{if_on_hub(path)}")
    if path.is_file():
        raise CheckpointError(f"{path}: {_instead_of_file(path)}")
    for directory in (path, path / "model"):
        if (directory / MANIFEST).exists():
            return directory
    for directory in (path, path / "best", path / "last"):
        if (directory / WEIGHTS).exists():
            return directory.resolve()
    if (path / "config.yaml").exists():
        raise CheckpointError(f"{path}: this run has no checkpoint yet; train on until its first validation")
    if (what := of_another_program(path, path)) is not None:
        raise CheckpointError(f"{path}: {what}")
    if (path / SEEDS).exists():
        raise CheckpointError(f"{path}: holds runs from several seeds; name one of them, such as {path / 'seed-1'}")
    raise CheckpointError(f"{path}: holds no model; give a run directory, a checkpoint or a bundle")


def _instead_of_file(path: Path) -> str:
    """What to name in place of a file: a model is a directory."""
    directory = path.absolute().parent
    if any((directory / name).exists() for name in (MANIFEST, WEIGHTS)):
        return f"a model is a directory: give {path.parent}"
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    packed = other_kind(head, str(path), may_be_named=False)
    if packed is not None and "pack" in packed:
        return f"a model is a directory, and this {packed}"
    return "a model is a directory: give a run, a checkpoint or a bundle of mtkit's"


def with_bundle(model: Path | str | Bundle, load: Callable[[Bundle], Loaded]) -> Loaded:
    """What is loaded out of a model, once again where training has deleted the checkpoint meanwhile.

    Args:
        model: As for ``load_bundle``, or what that returned: its weights are then not hashed once more.
        load: Reads what it needs of the bundle's directory.

    Raises:
        CheckpointError: As ``load_bundle`` does.
    """
    bundle = model if isinstance(model, Bundle) else load_bundle(Path(model))
    while True:
        try:
            return load(bundle)
        except (MtkitError, OSError):
            if bundle.directory.exists():
                raise
        bundle = load_bundle(bundle.path)


def _read_bundle(named: Path, directory: Path) -> Bundle:
    path = directory / MANIFEST
    metadata = _read_manifest(path)
    try:
        manifest = shaped(_Manifest, metadata)
        decoding = DecodingConfig.model_validate(manifest.decoding)
    except ValidationError as error:
        raise CheckpointError(f"{path}: damaged: decoding.{first_mistake(error)}") from None
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged: {error}") from None
    if WEIGHTS not in manifest.files or not any(names <= manifest.files.keys() for names in _TOKENIZERS):
        raise CheckpointError(f"{path}: damaged: files: names no weights, or no tokenizer")
    check_weights_length(directory / WEIGHTS)
    check_files(directory, manifest.files)
    if VOCABULARY_FILE not in manifest.files and (directory / VOCABULARY_FILE).exists():
        raise CheckpointError(f"{directory / VOCABULARY_FILE}: not a file of this model; delete it")
    bundle = Bundle(
        named,
        directory,
        _model_config(path, manifest.model),
        decoding,
        Tokenizer.load(directory),
        manifest.src_lang,
        manifest.tgt_lang,
        manifest.max_src_tokens,
        SourceLines.from_json(metadata.get("source_lines")),
        manifest.files[WEIGHTS],
        metadata,
        _data_config(metadata.get("config")),
    )
    if not bundle.tokenizer.file_names <= manifest.files.keys():
        raise CheckpointError(f"{path}: damaged: files: names no tokenizer")
    sizes = bundle.tokenizer.src_vocab_size, bundle.tokenizer.tgt_vocab_size
    if (manifest.src_vocab_size, manifest.tgt_vocab_size) != sizes:
        raise CheckpointError(f"{directory}: the tokenizer is not the one that the model was trained with")
    check_sizes(bundle.weights(), bundle.model, bundle.tokenizer.tgt_vocab_size)
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
        reason = first_mistake(error)
        raise CheckpointError(
            f"{path}: mtkit {__version__} does not know this kind of model (model.{reason}); use the version that "
            "trained it, or a newer one"
        ) from None


def _read_checkpoint(named: Path, directory: Path) -> Bundle:
    """Weights in ``RUN/checkpoints/update-N``; recipe and tokenizer lie in the run directory."""
    from mtkit.settings.resolve import read_config

    run_dir = directory.parent.parent
    if not (directory / "manifest.json").exists() and (what := of_another_program(directory, named)) is not None:
        raise CheckpointError(f"{named}: {what}")
    if not (run_dir / "config.yaml").exists():
        raise CheckpointError(
            f"{directory}: a checkpoint is read where it was trained, but {run_dir} is not a run directory"
        )
    manifest = _read_manifest(directory / "manifest.json")
    try:
        sha256 = str(manifest["files"][WEIGHTS]["sha256"])
    except (KeyError, TypeError):
        raise CheckpointError(f"{directory / 'manifest.json'}: damaged") from None
    check_weights_length(directory / WEIGHTS)
    check_files(directory, {WEIGHTS: sha256})
    try:
        config = read_config(run_dir / "config.yaml")
    except (ConfigError, DataError) as error:
        raise CheckpointError(str(error)) from None
    if config.training.lora.rank is not None:
        raise CheckpointError(
            f"{named}: this checkpoint holds adapters alone (training.lora): let the run end, and give its directory"
        )
    languages = config.data.src_lang, config.data.tgt_lang
    tokenizer = Tokenizer.load(run_dir)
    check_run_tokenizer(run_dir, tokenizer)
    limit, lines = max_src_tokens(config), read_source_lines(run_dir)
    bundle = Bundle(
        named, directory, config.model, config.decoding, tokenizer, *languages, limit, lines, sha256, {}, config.data
    )
    check_sizes(bundle.weights(), bundle.model, bundle.tokenizer.tgt_vocab_size)
    return bundle


def read_source_lines(run_dir: Path) -> SourceLines | None:
    """What the training lines of a run are like; None where it does not say, as older ones do not."""
    try:
        return SourceLines.from_json(read_json(run_dir / LINES))
    except DataError:
        return None


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = read_json(path)
        version = version_in(manifest)
    except DataError as error:
        raise CheckpointError(f"damaged model: {error}") from None
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged: {error}") from None
    if version > FORMAT_VERSION:
        maker = manifest.get("mtkit_version", "a newer version")
        raise CheckpointError(
            f"{path}: made by mtkit {maker}, format {version}; this mtkit reads up to {FORMAT_VERSION}; update mtkit"
        )
    return manifest


def max_src_tokens(config: Config) -> int:
    """How long a sentence may be that a model is given: as those it was trained on, or as it has positions."""
    return min(config.data.cleaning.max_tokens, config.model.max_length - 1)
