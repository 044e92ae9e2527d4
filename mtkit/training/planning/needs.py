"""What memory a run takes, counted before it begins: weights, gradients, state of the optimiser, activations.

Counted on a model without numbers, in float32: bf16 halves most of the activations, and takes a copy of the weights in
half of their size.
"""

import math
from typing import assert_never

import torch
from torch import Tensor, nn

from mtkit.model.adapters import adapt
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.fitting import skeleton
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.adafactor import state_shapes
from mtkit.training.freezing import freeze
from mtkit.training.lora import shape_of
from mtkit.training.muon import hidden_matrices
from mtkit.training.objectives.passes import passes_of

_BYTES = 4  # of a number


def trained_skeleton(
    config: ModelConfig, training: TrainingConfig, *, src_vocab_size: int, tgt_vocab_size: int
) -> EncoderDecoder:
    """The model of a run without its numbers, with its adapters, and what stays as it is marked.

    Raises:
        ConfigError: If settings name what the model has not.
    """
    model = skeleton(config, src_vocab_size=src_vocab_size, tgt_vocab_size=tgt_vocab_size, pad_id=0)
    if (shape := shape_of(training.lora)) is not None:
        with torch.device("meta"):
            adapt(model, shape, training.lora.modules)
    freeze(model, training.freeze)
    return model


def memory_needed(model: nn.Module, training: TrainingConfig) -> dict[str, int]:
    """Bytes of weights, gradients, the optimiser's state and the average of the weights, whatever a batch needs."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    n_trained = sum(parameter.numel() for parameter in trained)
    average = {} if training.ema.decay is None else {"average": _BYTES * n_trained}
    return {
        "weights": _BYTES * sum(parameter.numel() for parameter in model.parameters()),
        "gradients": _BYTES * n_trained,
        "optimiser": _BYTES * _optimizer_numbers(model, training),
        **average,
    }


def activation_bytes(
    model: EncoderDecoder, training: TrainingConfig, lengths: tuple[float, float], *, accumulate: int
) -> int | None:
    """Bytes that the forward passes keep for the backward pass, of one micro-batch of sentences of mean length; None
    where a part is recurrent, whose kernels keep what suits the machine.

    Args:
        model: As ``trained_skeleton`` makes it.
        training: For the size of an update, and the passes over it.
        lengths: Mean tokens of source and target sentences.
        accumulate: Micro-batches of an update.
    """
    if "rnn" in (model.config.side("encoder"), model.config.side("decoder")):
        return None
    src_length, tgt_length = (max(1, min(round(length), model.config.max_length)) for length in lengths)
    n_sentences = max(1, math.ceil(training.batch_tokens / accumulate / tgt_length))
    few = 2, 4  # what does not depend on the number of sentences cancels out
    kept = [_kept(model, n, src_length, tgt_length) for n in few]
    return round((kept[1] - kept[0]) / (few[1] - few[0]) * n_sentences * passes_of(training).held)


def _optimizer_numbers(model: nn.Module, training: TrainingConfig) -> int:
    """Numbers of the optimiser's state, what it counts once for all not counted."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    match training.optimizer:
        case "adamw":
            return 2 * sum(parameter.numel() for parameter in trained)
        case "adafactor":
            return sum(math.prod(shape) for each in trained for shape in state_shapes(each.shape).values())
        case "schedule_free":
            return 3 * sum(parameter.numel() for parameter in trained)
        case "muon":
            hidden = hidden_matrices(model)
            return sum((1 if parameter in hidden else 2) * parameter.numel() for parameter in trained)
        case _:
            assert_never(training.optimizer)


def _kept(model: EncoderDecoder, n_sentences: int, src_length: int, tgt_length: int) -> int:
    """Bytes of all tensors that autograd keeps, those that share memory once, weights not counted."""
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, tuple[int, Tensor]] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes(), tensor  # held, so that its number stays its own
        return tensor

    src = torch.zeros(n_sentences, src_length, dtype=torch.long, device="meta")
    tgt_in = torch.zeros(n_sentences, tgt_length, dtype=torch.long, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hidden = model.train()(src, tgt_in)
    return sum(n_bytes for n_bytes, _ in kept.values()) + 2 * hidden.untyped_storage().nbytes()  # and its gradient
