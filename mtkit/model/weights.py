"""The trained numbers of a model as safetensors: named, each tied matrix once."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mtkit.errors import CheckpointError
from mtkit.files.tensor_file import FLOATS, read_tensor_file

_ADAPTERS = ".adapters."
"""In the names of the parameters of adapters."""


def kept_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are saved: all, tied ones once, but of a model with adapters these alone, as the others are
    those of the model that it was made from.
    """
    parameters = dict(model.named_parameters())
    adapters = {name: parameter for name, parameter in parameters.items() if _ADAPTERS in name}
    return adapters or parameters


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The trained numbers by name, as ``kept_parameters`` has them, on the CPU."""
    return {name: parameter.detach().cpu().contiguous() for name, parameter in kept_parameters(model).items()}


def restore_model(model: nn.Module, tensors: Mapping[str, Tensor], *, source: Path) -> None:
    """Copy saved weights into a model of the same shape.

    Raises:
        CheckpointError: Naming the first weight that is missing, unknown or of another shape.
    """
    check_shapes(model, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, source=source)
    with torch.no_grad():
        for name, parameter in kept_parameters(model).items():
            parameter.copy_(tensors[name])


def check_shapes(model: nn.Module, shapes: Mapping[str, tuple[int, ...]], *, source: Path) -> None:
    """Compare the names and shapes of saved weights with those of a model.

    Raises:
        CheckpointError: Naming the first weight that is missing, unknown or of another shape.
    """
    parameters = kept_parameters(model)
    for name in sorted(parameters.keys() ^ shapes.keys()):
        which = "lacks" if name in parameters else "has an unknown"
        raise CheckpointError(f"{source}: {which} weight {name}: it belongs to another model")
    for name, parameter in parameters.items():
        if tuple(parameter.shape) != shapes[name]:
            told = f"{shapes[name]}, the model's is {tuple(parameter.shape)}"
            raise CheckpointError(f"{source}: the shape of {name} is {told}: it belongs to another model")


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        CheckpointError: If it is missing or damaged, or holds something else than floating-point numbers.
    """
    for name, info in read_tensor_file(path).tensors.items():
        if info.dtype not in FLOATS:
            raise CheckpointError(f"{path}: damaged: {name} is of type {info.dtype}, which weights are not")
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot read: {error}") from None
