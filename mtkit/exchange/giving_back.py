"""An imported model in its first layout again: files byte for byte, tensors too where nothing was trained."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from mtkit.bundle.bundle import ORIGIN, WEIGHTS, Bundle
from mtkit.errors import CheckpointError, DataError
from mtkit.exchange.bart import POSITIONS
from mtkit.exchange.bart_names import bart_names
from mtkit.exchange.generation import write_search
from mtkit.exchange.grown import check_can_grow, has_grown, write_grown
from mtkit.exchange.marian_file import CONFIG_FILE, MULTIPLIER, SCALES, write_bin, write_npz
from mtkit.exchange.marian_names import OUTPUT, OUTPUT_ROWS, marian_names
from mtkit.exchange.marian_trained import Renaming, mend_directory
from mtkit.exchange.naming import Layers, Match, given_back, renamed
from mtkit.exchange.origin import UNUSED, Origin
from mtkit.exchange.t5_names import t5_names
from mtkit.files.reading import read_regular
from mtkit.model.weights import load_tensors
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import GATED

_CARDS = ("README.md",)
"""What a model that was trained on has one of its own of."""

_MAX_SETTINGS = 1_000_000


def layers_of(config: ModelConfig, grown: tuple[int, int] = (0, 0)) -> Layers:
    """What the names in a model depend on."""
    return Layers(
        config.n_encoder_layers,
        config.n_decoder_layers,
        tied=config.tie_embeddings,
        final_norm=config.norm == "pre",
        output_bias=config.output_bias,
        embedding_norm=config.embedding_norm,
        learned_positions=config.positions_of("encoder") == "learned",
        gated=config.activation in GATED,
        recurrent=set(config.attention_of("decoder")) == {"ssru"},
        grown=grown,
    )


def matches_of(origin: Origin, config: ModelConfig) -> list[Match]:
    """The table of an imported model: each parameter, and the tensors that it was made of.

    Args:
        origin: What the model was.
        config: Its shape.
    """
    layers = layers_of(config, origin.grown)
    if origin.layout != "huggingface":
        return marian_names(layers, output_rows=origin.names.get(OUTPUT) == OUTPUT_ROWS)
    return renamed((t5_names if origin.family == "t5" else bart_names)(layers), origin.names)


def original_tensors(bundle: Bundle, origin: Origin) -> dict[str, Tensor]:
    """Every tensor of the first layout, under its name and of its type there.

    What was not trained is equal to what was imported, byte for byte.

    Raises:
        CheckpointError: If the bundle is damaged.
    """
    bundle.check_weights_fit()
    bundle.check_finite()
    matches, ours = matches_of(origin, bundle.model), load_tensors(bundle.directory / WEIGHTS)
    path = bundle.directory / UNUSED
    unused = load_tensors(path) if path.exists() else {}
    if has_grown(bundle, origin):  # rows for the pieces of then alone, in embeddings that are tied to others
        unused = {name: tensor for name, tensor in unused.items() if POSITIONS in name}
    found = given_back(matches, ours, unused)
    for name in (name for match in matches for name in match.theirs):
        found[name] = found[name].to(getattr(torch, origin.dtypes.get(name, origin.dtype)))
    for alias, name in origin.aliases.items():
        if name not in found:
            raise CheckpointError(f"{bundle.directory}: damaged: origin.aliases: there is no tensor {name}")
        found[alias] = found[name].clone()
    return found


def give_back(bundle: Bundle, origin: Origin, directory: Path) -> str:
    """Write the files of a model's first layout into an empty directory.

    Matrices that were int8 are so again where nothing was trained, else float32, as in all other of Marian's own files.

    Returns:
        What was written, in a few words.

    Raises:
        CheckpointError: If the bundle is damaged.
        ConfigError: If its vocabulary has grown since, and the tokenizer of its family cannot cut the new pieces.
        OSError: If they cannot be written.
    """
    grown = has_grown(bundle, origin)
    if grown:
        check_can_grow(bundle, origin)
    tensors = original_tensors(bundle, origin)
    kept = bundle.directory / ORIGIN
    _copy_files(kept, directory, without=_CARDS if is_trained(bundle) else ())
    if origin.layout == "huggingface":
        if grown:
            write_grown(bundle, directory)
        if is_trained(bundle):
            write_search(bundle.decoding, directory)
        _write_safetensors(tensors, origin, directory)
        return f"{origin.family}, as it was imported from {origin.source}"
    try:
        settings = read_regular(kept / CONFIG_FILE, max_bytes=_MAX_SETTINGS)
        name = Path(origin.weights[0]).name
    except (DataError, IndexError) as error:
        raise CheckpointError(f"{bundle.directory}: damaged: {error}") from None
    weights = name
    if is_trained(bundle):
        renaming = Renaming(kept, name, (bundle.src_lang, bundle.tgt_lang))
        weights = renaming.of(name)
        if origin.layout == "bergamot":
            weights = weights.replace(".intgemm", "").replace(".alphas", "")
        mend_directory(directory, renaming, {name: weights}, was_int8=origin.quantization is not None)
    if origin.layout == "bergamot" and is_trained(bundle):
        # What fine-tuning changes is as small as a step between two numbers of int8: rounding undoes nearly all of it.
        write_bin(directory / weights, _without_int8(tensors), settings)
        return f"Marian's .bin, float32 because int8 would round away what was trained: {weights}"
    if origin.layout == "bergamot":
        write_bin(directory / name, tensors, settings)
        return f"Marian's .bin with int8 matrices, as Firefox has it: {name}"
    write_npz(directory / weights, tensors, settings)
    return f"Marian's .npz: {weights}"


def _without_int8(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the multipliers and scales that belong to int8."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith((MULTIPLIER, SCALES))}


def is_trained(bundle: Bundle) -> bool:
    """Whether an imported model was trained on since: what was imported has no recipe."""
    return "config" in bundle.metadata


def _copy_files(kept: Path, output: Path, *, without: Collection[str]) -> None:
    """Copy what was kept of a model byte for byte: settings, tokenizer, card; not what is mtkit's own."""
    for path in sorted(kept.iterdir()):
        if path.is_file() and path.name not in (Path(UNUSED).name, CONFIG_FILE, *without):
            shutil.copyfile(path, output / path.name)


def _write_safetensors(tensors: Mapping[str, Tensor], origin: Origin, directory: Path) -> None:
    """Write the weights, each of the type that it had."""
    from safetensors.torch import save_file

    too_large = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if too_large:
        raise CheckpointError(
            f"{too_large[0]} has numbers that {origin.dtypes.get(too_large[0], origin.dtype)} cannot hold, the type "
            "that the model was imported in: --to safetensors writes any model"
        )
    save_file(dict(tensors), directory / WEIGHTS, metadata={"format": "pt"})
