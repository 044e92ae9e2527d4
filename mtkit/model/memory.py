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

    def rows(self, index: Tensor) -> "Memory":
        """What is remembered of some sources, int64 (R,), each as often as it is named: R in the place of B."""

        def named(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.index_select(0, index)

        final = self.final
        if final is not None:
            final = [[each.index_select(0, index) for each in of_layer] for of_layer in final]
        return Memory(self.hidden.index_select(0, index), named(self.padding_mask), named(self.values), final)
