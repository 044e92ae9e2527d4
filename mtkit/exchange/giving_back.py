"""An imported model in its first layout again: all of its tensors, and the files that were kept."""

import shutil
from pathlib import Path

import torch
from torch import Tensor

from mtkit.bundle.bundle import ORIGIN, WEIGHTS, Bundle
from mtkit.errors import CheckpointError
from mtkit.exchange.bart_names import bart_names
from mtkit.exchange.marian_file import CONFIG_FILE, write_bin, write_npz
from mtkit.exchange.marian_names import OUTPUT, OUTPUT_ROWS, marian_names
from mtkit.exchange.naming import Layers, Match, given_back, renamed
from mtkit.exchange.origin import UNUSED, Origin
from mtkit.exchange.t5_names import t5_names
from mtkit.model.weights import load_tensors
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import GATED


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
    found = given_back(matches, ours, unused)
    for name in (name for match in matches for name in match.theirs):
        found[name] = found[name].to(getattr(torch, origin.dtypes.get(name, origin.dtype)))
    for alias, name in origin.aliases.items():
        if name not in found:
            raise CheckpointError(f"{bundle.directory}: damaged: origin.aliases: there is no tensor {name}")
        found[alias] = found[name].clone()
    return found


def marian_files(bundle: Bundle, origin: Origin, output: Path) -> None:
    """Write a model that came in Marian's own files as such, into a directory that is there.

    Matrices that were int8 are so again; those of other models are float32.

    Raises:
        CheckpointError: If the bundle is damaged.
        OSError: If it cannot be written.
    """
    kept = bundle.directory / ORIGIN
    settings = (kept / CONFIG_FILE).read_bytes()
    write = write_bin if origin.layout == "bergamot" else write_npz
    write(output / origin.weights[0], original_tensors(bundle, origin), settings)
    copy_files(kept, output)


def copy_files(kept: Path, output: Path) -> None:
    """Copy what was kept of a model byte for byte: settings, tokenizer, card; not what is mtkit's own."""
    for path in sorted(kept.iterdir()):
        if path.is_file() and path.name not in (Path(UNUSED).name, CONFIG_FILE):
            shutil.copyfile(path, output / path.name)


def copy_origin(bundle: Bundle, directory: Path) -> None:
    """Copy what a bundle keeps of its first layout into another one that is being written; nothing where it has none.

    Raises:
        OSError: If it cannot be written.
    """
    if (bundle.directory / ORIGIN).is_dir():
        shutil.copytree(bundle.directory / ORIGIN, directory / ORIGIN, dirs_exist_ok=True)
