"""What is looked at in a model's directory before its weights are read: hashes, the header of the weights, sizes."""

import re
from collections.abc import Mapping
from pathlib import Path

from mtkit.bundle.run_note import NOTE, noted_hashes
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import CheckpointError, DataError
from mtkit.files.reading import sha256_file
from mtkit.files.tensor_file import FLOATS, TensorFile, read_tensor_file
from mtkit.settings.model import ModelConfig

_BELOW = re.compile(r"(origin/)?[^/\0]+")
"""Names of files in a bundle, and of those that an imported model was made from."""

_EMBEDDING = "tgt_embedding.tokens.weight"
_POSITIONS = 1 << 26
"""Numbers in a table of positions, which need not be among the weights: more only where these are as many."""


def check_files(directory: Path, sha256: Mapping[str, str]) -> None:
    """Compare files with the hashes that were noted for them.

    Raises:
        CheckpointError: Naming the first file that is missing or has changed.
    """
    for name, expected in sha256.items():
        file = directory / name
        if not _BELOW.fullmatch(name) or not file.is_file():  # nor a pipe or a device, which may have no end
            raise CheckpointError(f"{file}: missing")
        try:
            digest = sha256_file(file)
        except DataError as error:
            raise CheckpointError(str(error)) from None
        if digest != expected:
            raise CheckpointError(f"{file}: damaged (its sha256 is not the recorded one); copy the model again")


def check_run_tokenizer(run_dir: Path, tokenizer: Tokenizer) -> None:
    """Make sure that the tokenizer in a run directory is the one that the run began with, where that was noted.

    Raises:
        CheckpointError: If it is another one, or the note is damaged.
    """
    path = run_dir / NOTE
    if not path.exists():
        return
    try:
        noted = noted_hashes(path).get("tokenizer")
    except (DataError, ValueError):
        raise CheckpointError(f"{path}: damaged; delete it to do without") from None
    if noted is not None and noted != [tokenizer.sha256()]:
        raise CheckpointError(f"{run_dir}: the tokenizer is not the one that the run began with; copy it again")


def check_weights_length(path: Path) -> None:
    """Refuse weights whose file is longer or shorter than its header says, before they are hashed.

    A file that is absent, or whose header itself is damaged, is left to ``check_files``.

    Raises:
        CheckpointError: If they are.
    """
    if path.is_file():
        read_tensor_file(path)


def check_sizes(weights: TensorFile, config: ModelConfig, tgt_vocab_size: int) -> None:
    """Compare the sizes that are noted of a model with its weights, as far as that can be done without building it.

    Raises:
        CheckpointError: If they are damaged or belong to another model.
    """
    path, tensors = weights.path, weights.tensors
    expected = tgt_vocab_size, config.d_embedding or config.d_model
    embedding = tensors.get(_EMBEDDING)
    if embedding is None:
        raise CheckpointError(f"{path}: lacks weight {_EMBEDDING}: it belongs to another model")
    if embedding.shape != expected:
        shapes = f"{embedding.shape}, the model's is {expected}"
        raise CheckpointError(f"{path}: the shape of {_EMBEDDING} is {shapes}: it belongs to another model")
    if any(info.dtype not in FLOATS for info in tensors.values()):
        raise CheckpointError(f"{path}: damaged: weights are floating-point numbers")
    most = max(_POSITIONS, 2 * sum(info.n_numbers for info in tensors.values()))
    if config.max_length * config.d_model > most:
        raise CheckpointError(f"{path}: belongs to another model: max_length is noted as {config.max_length:,}")
