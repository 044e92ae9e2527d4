"""Ids that stand for something else than text: data of each tokenizer, as every program numbers them in its own way."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class SpecialIds:
    """The ids that are no text, the same in the source and the target vocabulary."""

    pad: int
    """Fills what is shorter than the longest of a batch."""

    unk: int
    """What no piece spells."""

    bos: int | None
    """Begin of sentence; None where a model has no such token."""

    eos: int
    """End of sentence, of both sides."""

    start: int
    """What the decoder reads first: ``bos`` in models of mtkit's own, ``eos`` in M2M-100 and mBART, ``pad`` in Marian
    and T5."""

    never: tuple[int, ...]
    """Target ids that a search never predicts."""


OWN = SpecialIds(pad=0, unk=1, bos=2, eos=3, start=2, never=(0, 2))
"""Of every tokenizer that mtkit trains."""


class Prefix(NamedTuple):
    """Ids that tell a model of several languages which are meant."""

    src: tuple[int, ...] = ()
    """Before every source."""

    tgt: tuple[int, ...] = ()
    """What every target begins with: a search is given them, and training predicts them."""


NO_PREFIX = Prefix()
"""Of a model that is told no languages."""
