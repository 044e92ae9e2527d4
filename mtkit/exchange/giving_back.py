"""An imported model in the layout that it came in: files byte for byte, tensors too where nothing was trained."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtkit.bundle.bundle import EXPORT, ORIGIN, WEIGHTS, Bundle
from mtkit.errors import CheckpointError, ConfigError, DataError
from mtkit.exchange.bart_names import bart_names
from mtkit.exchange.marian_file import write_bin, write_npz
from mtkit.exchange.marian_names import OUTPUT, marian_names
from mtkit.exchange.naming import Layers, given_back, renamed
from mtkit.exchange.origin import SETTINGS, UNUSED, Origin
from mtkit.exchange.t5_names import t5_names
from mtkit.files.reading import read_json, read_regular
from mtkit.files.whole import write_json
from mtkit.log import logger
from mtkit.model.weights import load_tensors
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import GATED
from mtkit.settings.yaml_file import YamlError, parse_yaml

_MAX_SETTINGS = 1_000_000
_CARDS = ("README.md",)


def layers_of(config: ModelConfig, grown: tuple[int, int] = (0, 0)) -> Layers:
    """What the names of a model's tensors depend on.

    Args:
        config: Shape of the model.
        grown: Rows that the embeddings of source and target have more here.
    """
    return Layers(
        config.n_encoder_layers,
        config.n_decoder_layers,
        tied=config.tie_embeddings,
        final_norm=config.norm == "pre",
        output_bias=config.output_bias,
        embedding_norm=config.embedding_norm,
        learned_positions=config.positions == "learned",
        gated=config.activation in GATED,
        recurrent="ssru" in config.attention_of("decoder"),
        grown=grown,
    )


def is_trained(bundle: Bundle) -> bool:
    """Whether an imported model was trained on since: what was imported has no recipe."""
    return "config" in bundle.metadata


def give_back(bundle: Bundle, origin: Origin, directory: Path) -> str:
    """Write the files of a model's first layout into an empty directory.

    Returns:
        What was written, in a few words.

    Raises:
        CheckpointError: If the bundle lacks what it kept of them, or is damaged.
        ConfigError: If its vocabulary has grown since, which this layout cannot tell its tokenizer.
        OSError: If they cannot be written.
    """
    bundle.check_weights_fit()
    bundle.check_finite()
    tensors = load_tensors(bundle.directory / WEIGHTS)
    unused_file = bundle.directory / UNUSED
    unused = load_tensors(unused_file) if unused_file.exists() else {}
    _copy_files(bundle, directory)
    if origin.layout == "huggingface":
        return _huggingface(bundle, origin, tensors, unused, directory)
    return _marian(bundle, origin, tensors, unused, directory)


def _copy_files(bundle: Bundle, directory: Path) -> None:
    """The foreign files; the card of a model that was trained on is another one."""
    for path in sorted((bundle.directory / ORIGIN).glob("*")):
        is_card = path.name in _CARDS and is_trained(bundle)
        if path.is_file() and path not in (bundle.directory / UNUSED, bundle.directory / SETTINGS) and not is_card:
            shutil.copyfile(path, directory / path.name)


def _huggingface(
    bundle: Bundle, origin: Origin, ours: Mapping[str, Tensor], unused: Mapping[str, Tensor], directory: Path
) -> str:
    from safetensors.torch import save_file

    table = (t5_names if origin.family == "t5" else bart_names)(layers_of(bundle.model))
    settings = _settings_there(directory / EXPORT)
    size, sizes = settings.get("vocab_size"), {bundle.tokenizer.src_vocab_size, bundle.tokenizer.tgt_vocab_size}
    if isinstance(size, int) and max(sizes) > max(size, settings.get("decoder_vocab_size") or 0):
        raise ConfigError(
            f"{bundle.directory}: its vocabulary has grown since it was imported, by tokenizer.extend: the tokenizer "
            f"of its family, {origin.family}, cannot be given pieces as mtkit cuts them; --to safetensors writes it"
        )
    found = given_back(renamed(table, origin.names), ours, unused)
    found |= {name: found[of].clone() for name, of in origin.aliases.items()}
    dtypes = {name: origin.dtypes.get(name, origin.dtype) for name in found if name not in unused}
    typed = {name: _as_type(tensor, dtypes.get(name)) for name, tensor in found.items()}
    if too_large := [name for name, tensor in typed.items() if not bool(tensor.isfinite().all())]:
        logger.warning("%s has numbers beyond %s: the weights are written as float32", too_large[0], origin.dtype)
        typed = {name: tensor.float() for name, tensor in found.items()}
        write_json(directory / EXPORT, {**settings, "dtype": "float32"} | {"torch_dtype": "float32"})
    save_file(typed, directory / WEIGHTS, metadata={"format": "pt"})
    return f"{origin.family}, as it was imported from {origin.source}"


def _as_type(tensor: Tensor, dtype: str | None) -> Tensor:
    return tensor if dtype is None else tensor.to(getattr(torch, dtype))


def _settings_there(path: Path) -> dict[str, Any]:
    try:
        settings = read_json(path)
    except DataError as error:
        raise CheckpointError(f"damaged model: {error}") from None
    if not isinstance(settings, dict):
        raise CheckpointError(f"{path}: damaged: not the settings of a model")
    return settings


def _marian(
    bundle: Bundle, origin: Origin, ours: Mapping[str, Tensor], unused: Mapping[str, Tensor], directory: Path
) -> str:
    """A model in Marian's own file; of int8 where it came in int8."""
    text, sizes = _marian_settings(bundle.directory / SETTINGS)
    tokenizer = bundle.tokenizer
    grown = tokenizer.src_vocab_size - sizes[0], tokenizer.tgt_vocab_size - sizes[1]
    if tokenizer.vocabulary is None or max(grown) > 1 + abs(sizes[0] - sizes[1]):
        raise ConfigError(
            f"{bundle.directory}: its vocabulary has grown since it was imported, by tokenizer.extend, and Marian's "
            "files number pieces in another way; --to safetensors writes it"
        )
    table = marian_names(layers_of(bundle.model, grown), output_rows=OUTPUT in origin.names)
    found = given_back(table, ours, unused)
    name = Path(origin.weights[0] if origin.weights else "model.npz").name
    if origin.layout == "bergamot":
        write_bin(directory / name, found, text)
        return f"Marian's .bin with int8 matrices, as Firefox has it: {name}"
    write_npz(directory / name, found, text)
    return f"Marian's .npz: {name}"


def _marian_settings(path: Path) -> tuple[bytes, tuple[int, int]]:
    """The settings as they lay among the weights, and the sizes of the vocabularies that they name."""
    try:
        text = read_regular(path, max_bytes=_MAX_SETTINGS)
        tree: Any = parse_yaml(text.rstrip(b"\0").decode())
        src, tgt = tree["dim-vocabs"]
        return text, (int(src), int(tgt))
    except DataError as error:
        raise CheckpointError(str(error)) from None
    except (UnicodeDecodeError, YamlError, KeyError, TypeError, ValueError):
        raise CheckpointError(f"{path}: damaged: it does not name the sizes of the vocabularies") from None
