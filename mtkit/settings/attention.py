"""The kinds of attention, and of what may stand in its place: their names in a recipe and what goes with each.

``mtkit.model.kinds`` builds them and counts what they compute, under the same names.
"""

from dataclasses import dataclass
from typing import Literal

Part = Literal["encoder", "decoder", "cross"]

_EVERYWHERE: tuple[Part, ...] = ("encoder", "decoder", "cross")
_WITHIN: tuple[Part, ...] = ("encoder", "decoder")


@dataclass(frozen=True)
class Attention:
    """What a recipe must know of one kind of attention."""

    parts: tuple[Part, ...]
    """Where it may stand: within the encoder's layers, within the decoder's, or between decoder and source."""

    is_score: bool = False
    """Whether it is a score function, which every architecture can look at the source with."""

    relative: tuple[str, ...] = ()
    """The relative positions it takes. What takes none scores no pairs of tokens."""

    projects: bool = False
    """Whether it has the keys and values of ``n_kv_heads``, and weights that ``attention_dropout`` drops."""

    sees_order: bool = False
    """Whether it sees the order of tokens by itself, without positions."""

    size: str | None = None
    """The setting of the model that belongs to it."""

    @property
    def scores_pairs(self) -> bool:
        """Whether it computes a score for each pair of tokens."""
        return bool(self.relative)


ATTENTION: dict[str, Attention] = {
    "scaled_dot": Attention(_EVERYWHERE, is_score=True, projects=True, relative=("rotary", "alibi", "shaw", "t5")),
    "dot": Attention(_EVERYWHERE, is_score=True, projects=True, relative=("rotary", "alibi", "t5")),
    "general": Attention(_EVERYWHERE, is_score=True, projects=True, relative=("rotary", "alibi", "t5")),
    "additive": Attention(_EVERYWHERE, is_score=True, projects=True, relative=("alibi", "t5")),
    "location": Attention(_EVERYWHERE, is_score=True, projects=True, relative=("alibi", "t5")),
    "local": Attention(_WITHIN, projects=True, relative=("rotary", "alibi", "t5"), size="window"),
    "low_rank": Attention(("encoder", "cross"), projects=True, size="low_rank_size"),
    "linear": Attention(_EVERYWHERE),
    "average": Attention(("decoder",)),
    "ssru": Attention(("decoder",), sees_order=True),
    "lightweight": Attention(_WITHIN, sees_order=True, size="kernel_size"),
    "dynamic": Attention(_WITHIN, sees_order=True, size="kernel_size"),
}


def attention_for(part: Part) -> list[str]:
    """The names of what may stand in a part of the model."""
    return [name for name, each in ATTENTION.items() if part in each.parts]


def attention_with(size: str) -> list[str]:
    """The names of the kinds that a setting of the model belongs to."""
    return [name for name, each in ATTENTION.items() if each.size == size]
