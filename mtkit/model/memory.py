"""What a decoder gets from an encoder."""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Memory:
    """What the encoder remembers of the source. Shapes: B batch, S source length, D d_model."""

    hidden: Tensor
    """(B, S, D)."""

    padding_mask: Tensor | None
    """Bool (B, S), True where the source is padding; None where nothing is."""

    values: Tensor | None = None
    """(B, S, D): what attention sums up, where that is not what it scores (convolutional encoders)."""

    final: list[list[Tensor]] | None = None
    """Where a recurrent encoder ended, for the bridge to a recurrent decoder: of each layer its state (B, D), and of an
    LSTM its cell."""
