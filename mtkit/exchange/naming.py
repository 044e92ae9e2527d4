"""What each tensor of a model is called in other layouts, and how it lies there: one table for both directions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

Tied = Literal["all", "decoder", "inputs", "none"]
"""Which embeddings are one, as ``model.tie_embeddings`` has it."""

OFFSET = 2
"""Rows above the first position in tables of BART's kind, as its padding had the number 1."""


@dataclass(frozen=True)
class Match:
    """A parameter of mtkit's, and the tensors elsewhere that it is made of."""

    ours: str

    theirs: tuple[str, ...]
    """One, or several that are stacked, top to bottom: keys above values."""

    row: bool = False
    """A vector that lies there as one row, (1, n)."""

    transposed: bool = False
    """A matrix with its inputs as rows there."""

    offset: bool = False
    """A table that has ``OFFSET`` more rows above there."""

    grown: int = 0
    """Rows that are more here, the last ones: of padding, and zero."""

    def to_ours(self, found: Sequence[Tensor]) -> Tensor:
        """The parameter, made of the tensors that ``theirs`` names, in their order and of their type."""
        return torch.cat([self._read(tensor) for tensor in found]).contiguous()

    def _read(self, tensor: Tensor) -> Tensor:
        tensor = tensor[0] if self.row else tensor.t() if self.transposed else tensor
        tensor = tensor[OFFSET:] if self.offset else tensor
        return torch.cat([tensor, tensor.new_zeros(self.grown, *tensor.shape[1:])]) if self.grown else tensor

    def to_theirs(self, tensor: Tensor, above: Tensor | None = None) -> dict[str, Tensor]:
        """The tensors by their names elsewhere.

        Args:
            tensor: The parameter.
            above: The rows that the other layout has above the table; by default zeros.
        """
        parts = tensor.chunk(len(self.theirs))
        return {name: self._written(part, above) for name, part in zip(self.theirs, parts, strict=True)}

    def _written(self, tensor: Tensor, above: Tensor | None) -> Tensor:
        tensor = tensor[: len(tensor) - self.grown]
        if self.offset:
            rows = tensor.new_zeros(OFFSET, *tensor.shape[1:]) if above is None else above.to(tensor)
            tensor = torch.cat([rows, tensor])
        tensor = tensor[None] if self.row else tensor.t() if self.transposed else tensor
        return tensor.clone(memory_format=torch.contiguous_format)

    def shape_there(self, ours: Sequence[int]) -> tuple[int, ...]:
        """The shape of each tensor elsewhere, for that of the parameter."""
        rows = ours[0] // len(self.theirs) + (OFFSET if self.offset else 0) - self.grown
        shape = (rows, *ours[1:])
        return (1, *shape) if self.row else shape[::-1] if self.transposed else shape


@dataclass(frozen=True)
class Layers:
    """What the names in a model depend on: its layers, and which parts it has."""

    encoder: int
    decoder: int

    tied: Tied = "all"

    final_norm: bool = False
    """Normalisation after the last layer of each side: of pre-norm."""

    output_bias: bool = False
    embedding_norm: bool = False

    learned_positions: bool = False

    gated: bool = False
    """A second inner map in the feed-forward blocks."""

    recurrent: bool = False
    """A simple recurrent unit in the place of the decoder's self-attention."""

    grown: tuple[int, int] = (0, 0)
    """Rows that the embeddings of source and target have more here."""

    def sides(self) -> Iterator[tuple[Literal["encoder", "decoder"], int]]:
        """Each side with the number of each of its layers, bottom to top."""
        yield from (("encoder", number) for number in range(self.encoder))
        yield from (("decoder", number) for number in range(self.decoder))


def renamed(matches: Sequence[Match], names: Mapping[str, str]) -> list[Match]:
    """A table with the names that some tensors have in the files of one model."""
    return [replace(match, theirs=tuple(names.get(name, name) for name in match.theirs)) for match in matches]


def converted(matches: Sequence[Match], theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters by their names here, from the tensors of another layout."""
    return {match.ours: match.to_ours([theirs[name] for name in match.theirs]) for match in matches}


def given_back(matches: Sequence[Match], ours: Mapping[str, Tensor], unused: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of another layout, from the parameters here and what these have no use for.

    Args:
        matches: The table of the layout.
        ours: The parameters.
        unused: What the other layout had besides, by its names; rows above a table of positions as ``name[:2]``.
    """
    found: dict[str, Tensor] = {}
    for match in matches:
        found |= match.to_theirs(ours[match.ours], unused.get(rows_above(match.theirs[0])))
    return found | {name: tensor for name, tensor in unused.items() if not name.endswith(_ROWS)}


_ROWS = f"[:{OFFSET}]"


def rows_above(name: str) -> str:
    """What the rows above the first position of a table are called among the unused tensors."""
    return name + _ROWS
