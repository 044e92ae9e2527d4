"""Whether saved weights are those of a model, before either takes memory."""

import torch

from mtkit.errors import CheckpointError
from mtkit.files.tensor_file import TensorFile
from mtkit.model.encoder_decoder import EncoderDecoder, Vocabularies
from mtkit.model.weights import check_shapes
from mtkit.settings.model import ModelConfig


def skeleton(config: ModelConfig, *, src_vocab_size: int, tgt_vocab_size: int, pad_id: int) -> EncoderDecoder:
    """The model without its numbers: names and shapes alone, which take no memory."""
    with torch.device("meta"):
        return EncoderDecoder(config, src_vocab_size=src_vocab_size, tgt_vocab_size=tgt_vocab_size, pad_id=pad_id)


def check_fits(file: TensorFile, config: ModelConfig, tokenizer: Vocabularies) -> None:
    """Compare the header of a file of weights with a model that is built without memory for its numbers.

    Raises:
        CheckpointError: Naming the first weight that is missing, unknown or of another shape.
    """
    try:
        with torch.device("meta"):
            model = EncoderDecoder.for_tokenizer(config, tokenizer)
    except (RuntimeError, OverflowError, TypeError):  # sizes whose product is beyond 64 bits
        raise CheckpointError(f"{file.path}: belongs to another model: no model has the recorded sizes") from None
    check_shapes(model, {name: info.shape for name, info in file.tensors.items()}, source=file.path)
