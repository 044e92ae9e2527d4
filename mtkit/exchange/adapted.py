"""A model with adapters taken into its weights, kept in the cache: what everything else takes as a model."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file

from mtkit.bundle.bundle import CORPUS, MANIFEST, WEIGHTS, Bundle, load_bundle
from mtkit.errors import CheckpointError
from mtkit.exchange import peft
from mtkit.files.cache import cache_directory
from mtkit.files.locks import sole_writer
from mtkit.files.reading import sha256_file
from mtkit.files.whole import atomic_directory, write_json
from mtkit.log import logger
from mtkit.model.adapters import add_adapters, merge_adapters
from mtkit.model.weights import model_tensors

_FOLDER = "adapted"


@contextmanager
def with_adapter(base: Bundle, directory: Path) -> Iterator[Bundle]:
    """The model that a base and adapters to it are; where the cache cannot be written, for the length of the block.

    Raises:
        CheckpointError: If the adapters are damaged, or of another base; or if the base is not a bundle.
    """
    adapters = peft.read_adapter(directory, base)
    if not base.metadata:
        raise CheckpointError(f"{base.path}: a checkpoint takes no adapters: give a finished run, or a bundle")
    logger.info("%s with %s from %s", base.path, peft.told(adapters), directory)
    known_as = f"{base.path} + {directory}"
    made = _in_cache(base, adapters, _place(base, directory))
    if made is not None:
        yield replace(_beside(base, made), known_as=known_as)
        return
    with tempfile.TemporaryDirectory(prefix="mtkit-") as name:
        yield replace(_beside(base, _made(base, adapters, Path(name) / "model")), known_as=known_as)


def _beside(base: Bundle, made: Bundle) -> Bundle:
    """The model with its corpus where that of the base is, which says so as seen from where it lies itself."""
    if not isinstance(noted := base.metadata.get(CORPUS), str):
        return made
    return replace(made, metadata={**made.metadata, CORPUS: str(base.directory.resolve() / noted)})


def _in_cache(base: Bundle, adapters: peft.Adapters, place: Path | None) -> Bundle | None:
    """The model in the cache, made once; None where that cannot be written."""
    if place is None:
        return None
    try:
        with sole_writer(place):
            return _found(place) or _made(base, adapters, place)
    except OSError as error:
        logger.debug("%s: cannot write: %s", place, error)
        return None


def _place(base: Bundle, directory: Path) -> Path | None:
    """Where it lies in the user's cache directory, if there is one."""
    root = cache_directory()
    if root is None:
        return None
    parts = [base.weights_sha256, base.tokenizer.sha256(), sha256_file(base.directory / MANIFEST)]
    parts += [sha256_file(directory / name) for name in (peft.CONFIG, peft.WEIGHTS)]
    return root / _FOLDER / hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _found(place: Path) -> Bundle | None:
    if not (place / MANIFEST).exists():
        return None
    try:
        return load_bundle(place)
    except CheckpointError as error:
        logger.warning("%s; making it again", error)
        return None


def _made(base: Bundle, adapters: peft.Adapters, place: Path) -> Bundle:
    """Write the model with the adapters taken in, and the base's other files, which its manifest names."""
    model = base.build_model()
    add_adapters(model, adapters)
    merge_adapters(model)
    files = dict(base.metadata["files"])
    with atomic_directory(place) as work:
        for name in files.keys() - {WEIGHTS}:
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(base.directory / name, work / name)
        save_file(model_tensors(model), work / WEIGHTS)
        files[WEIGHTS] = sha256_file(work / WEIGHTS)
        # What the base reached, it reached by itself.
        write_json(work / MANIFEST, {**base.metadata, "files": files, "scores": {}, "comparison": None})
    return load_bundle(place)
