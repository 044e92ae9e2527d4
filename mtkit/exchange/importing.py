"""A model of another program as a bundle."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mtkit.bundle.bundle import FORMAT_VERSION, MANIFEST, ORIGIN, WEIGHTS, Bundle, load_bundle
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import CheckpointError, DataError, reason
from mtkit.exchange.found import Found, Pieces
from mtkit.exchange.hub import Place
from mtkit.exchange.languages import Direction
from mtkit.exchange.marian_file import CONFIG_FILE, MULTIPLIER
from mtkit.exchange.naming import OFFSET, rows_above
from mtkit.exchange.origin import UNUSED, Origin
from mtkit.exchange.weights import FLOATS
from mtkit.files.reading import sha256_file
from mtkit.files.shapes import first_mistake
from mtkit.files.whole import atomic_directory, write_json
from mtkit.model.fitting import skeleton
from mtkit.settings.decoding import DecodingConfig
from mtkit.settings.model import ModelConfig
from mtkit.version import __version__
from mtkit.wording import bytes_shown, name_shown

_ROOM = 100_000_000
"""Bytes of a disk that must stay free beside the weights: for the tokenizer, and so that others can work."""

_FEWEST_POSITIONS = 4
"""Of which one is the end: what has fewer translates no sentence."""


@dataclass(frozen=True)
class Imported:
    """What has become of a model."""

    bundle: Bundle
    origin: Origin


def import_model(found: Found, place: Place, output: Path, direction: Direction, licence: str | None) -> Imported:
    """Write a bundle, whole or not at all; an existing one is replaced.

    Args:
        found: The model.
        place: Where its files are.
        output: The bundle.
        direction: The languages that it translates by default.
        licence: Its licence; None where nothing names one.

    Raises:
        CheckpointError: If its tensors are missing, of other shapes or not finite, or it cannot be expressed.
        VocabularyError: If its tokenizer cannot be read.
        DataError: If the disk has no room for it, or it cannot be written.
    """
    config = _config(found, place)
    _check_shapes(found, config)
    _check_room(found, output)
    with _written(output), atomic_directory(output) as work:
        tokenizer = _write_tokenizer(work, found.pieces)
        longest = _max_src_tokens(config, tokenizer, place)
        n_parameters, origin = _write_weights(work, found, place, licence)
        for path in found.files:
            shutil.copyfile(path, work / ORIGIN / path.name)
        if found.settings is not None:
            (work / ORIGIN / CONFIG_FILE).write_bytes(found.settings)
        manifest = {
            "format_version": FORMAT_VERSION,
            "mtkit_version": __version__,
            "name": place.name,
            "src_lang": direction.src,
            "tgt_lang": direction.tgt,
            "languages_needed": direction.needed,
            "src_vocab_size": tokenizer.src_vocab_size,
            "tgt_vocab_size": tokenizer.tgt_vocab_size,
            "n_parameters": n_parameters,
            "max_src_tokens": longest,
            "source_lines": None,
            "model": config.model_dump(mode="json"),
            "decoding": _decoding(found).model_dump(mode="json"),
            "updates": [],
            "scores": None,
            "data": {},
            ORIGIN: origin.as_json(),
            "files": {
                str(path.relative_to(work)): sha256_file(path) for path in sorted(work.rglob("*")) if path.is_file()
            },
        }
        write_json(work / MANIFEST, manifest)
        bundle = load_bundle(work)  # a look from outside at what was written
        bundle.check_weights_fit()
    return Imported(replace(bundle, path=output, directory=output), origin)


@contextmanager
def _written(output: Path) -> Iterator[None]:
    """What a full or unwritable disk means."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{output}: cannot write: {reason(error)}") from None
    except Exception as error:
        if type(error).__name__ == "SafetensorError":  # of the library that writes weights: what the system says
            raise DataError(f"{output}: cannot write: {error}") from None
        raise


def _config(found: Found, place: Place) -> ModelConfig:
    try:
        return ModelConfig.model_validate(dict(found.model))
    except ValidationError as error:
        raise CheckpointError(f"{place.directory}: mtkit cannot express it: model.{first_mistake(error)}") from None


def _check_shapes(found: Found, config: ModelConfig) -> None:
    """Make sure that the tensors of each parameter are there and fit, and that no other is left over."""
    weights, special = found.weights, found.pieces.vocabulary.special
    try:
        model = skeleton(
            config, src_vocab_size=found.pieces.src_size, tgt_vocab_size=found.pieces.tgt_size, pad_id=special.pad
        )
    except (RuntimeError, OverflowError, TypeError):  # sizes whose product is beyond 64 bits
        raise CheckpointError(f"{weights.files[0]}: no model has the sizes that its settings name") from None
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    ours = {match.ours for match in found.matches}
    assert ours == shapes.keys(), sorted(ours ^ shapes.keys())
    used = set(found.aliases) | found.unused
    for match in found.matches:
        expected = match.shape_there(shapes[match.ours])
        for name in match.theirs:
            if name not in weights.tensors:
                raise CheckpointError(f"{weights.files[0]}: lacks {name}")
            if weights.tensors[name].shape != expected:
                raise CheckpointError(
                    f"{weights.tensors[name].file}: the shape of {name} is {weights.tensors[name].shape}, but its "
                    f"settings and tokenizer make it {expected}"
                )
            used.add(name)
    if left := sorted(weights.tensors.keys() - used):
        raise CheckpointError(
            f"{weights.tensors[left[0]].file}: has {name_shown(left[0])}, which mtkit does not compute with"
        )


def _check_room(found: Found, output: Path) -> None:
    """Refuse what would fill the disk, before anything is written."""
    nearest = output.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    needed, free = found.weights.n_bytes() + _ROOM, shutil.disk_usage(nearest).free
    if needed > free:
        raise DataError(
            f"{output}: not enough disk: the model needs {bytes_shown(needed)} there, {bytes_shown(free)} are free"
        )


def _write_tokenizer(work: Path, pieces: Pieces) -> Tokenizer:
    tokenizer = Tokenizer(*(pieces.models or (None,)), vocabulary=pieces.vocabulary)
    tokenizer.save(work)
    return tokenizer


def _write_weights(work: Path, found: Found, place: Place, licence: str | None) -> tuple[int, Origin]:
    """Write the parameters in their own precision, and what computes nothing here; returns how many numbers."""
    from safetensors.torch import save_file

    weights, kinds = found.weights, found.weights.tensors
    unused = {name: weights.read(name) for name in sorted(found.unused & kinds.keys()) if kinds[name].dtype in FLOATS}
    parameters = {}
    for match in found.matches:
        read = [weights.read(name) for name in match.theirs]
        parameters[match.ours] = match.to_ours(read)
        if match.offset:
            unused[rows_above(match.theirs[0])] = read[0][:OFFSET].clone()
    (work / ORIGIN).mkdir()
    save_file(parameters, work / WEIGHTS)
    if unused:
        save_file({name: tensor.contiguous() for name, tensor in unused.items()}, work / UNUSED)
    counts: dict[str, int] = {}
    for match in found.matches:
        for name in match.theirs:
            counts[kinds[name].dtype] = counts.get(kinds[name].dtype, 0) + 1
    dtype = max(counts, key=counts.__getitem__)
    origin = Origin(
        family=found.family,
        layout=found.layout,
        source=place.name,
        licence=licence,
        revision=place.revision,
        dtype=dtype,
        quantization="int8" if any(name.endswith(MULTIPLIER) for name in kinds) else None,
        weights=[path.name for path in weights.files],
        names=dict(found.names),
        dtypes={
            name: kinds[name].dtype for match in found.matches for name in match.theirs if kinds[name].dtype != dtype
        },
        grown=found.grown,
        n_pieces=max(found.pieces.src_size, found.pieces.tgt_size),
        aliases=dict(found.aliases),
        alignment_layer=found.alignment_layer,
    )
    return sum(tensor.numel() for tensor in parameters.values()), origin


def _decoding(found: Found) -> DecodingConfig:
    values: dict[str, Any] = {"split": "sentences", **found.decoding}
    try:
        return DecodingConfig.model_validate(values)
    except ValidationError as error:
        raise CheckpointError(f"{found.files[0].parent}: its settings of the search: {first_mistake(error)}") from None


def _max_src_tokens(config: ModelConfig, tokenizer: Tokenizer, place: Place) -> int:
    """How long a source may be: as there are positions, less the end and the longest words before it.

    Raises:
        CheckpointError: If no sentence has room.
    """
    pieces = tokenizer.languages
    longest = 0 if pieces is None else max(map(len, pieces.source.values()), default=0)
    longest += 0 if pieces is None else max(map(len, pieces.target.values()), default=0)
    if config.max_length < _FEWEST_POSITIONS + longest:
        raise CheckpointError(
            f"{place.directory}: its settings give it {config.max_length} positions, but a sentence needs "
            f"{_FEWEST_POSITIONS + longest} at least"
        )
    return config.max_length - 1 - longest
