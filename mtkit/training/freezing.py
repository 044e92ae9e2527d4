"""What of a model stays as it was: weights that have no gradient, no state of the optimiser and no decay."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from mtkit.errors import ConfigError
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.wording import near_shown

PARTS = {"embeddings": ("src_embedding", "tgt_embedding"), "encoder": ("encoder",), "decoder": ("decoder",)}
"""What a recipe calls a part of the model, and the modules that it is; where source and target share an embedding, or
the output has its weights, it is one matrix."""


def freeze(model: EncoderDecoder, names: Sequence[str]) -> None:
    """Let parts of a model stay as they are.

    Args:
        model: Its other weights are trained.
        names: Names of ``PARTS``, of weights, or of modules, which are all weights below them; ``*`` and ``?`` stand
            for any characters.

    Raises:
        ConfigError: If a name fits nothing, with those that are near, or nothing is left to train.
    """
    parameters = dict(model.named_parameters())
    for name in names:
        patterns = PARTS.get(name, (name,))
        found = [
            key for key in parameters if any(fnmatchcase(each, pattern) for each in _above(key) for pattern in patterns)
        ]
        if not found:
            raise ConfigError(f"training.freeze: {name}: the model has nothing of this name{_near(name, parameters)}")
        for key in found:
            parameters[key].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise ConfigError(f"training.freeze: {', '.join(names)}: nothing is left to train")


def n_trained_parameters(model: EncoderDecoder) -> int:
    """Numbers that are trained, tied matrices counted once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _above(key: str) -> list[str]:
    """The name of a weight, and those of the modules that it lies in."""
    parts = key.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _near(name: str, parameters: Iterable[str]) -> str:
    """What an unknown name may have been meant to be, as the end of a message."""
    known = (*PARTS, *(each for key in parameters for each in _above(key)))
    return near_shown(name, known, f"there are {', '.join((*PARTS, 'encoder.layers.0'))}, ...")
