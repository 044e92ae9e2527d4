"""A model of another program in mtkit's terms, before its weights are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtkit.data.tokens.vocabulary_file import Vocabulary
from mtkit.exchange.naming import Match
from mtkit.exchange.origin import Layout
from mtkit.exchange.weights import Weights


@dataclass(frozen=True)
class Pieces:
    """The tokenizer."""

    models: tuple[bytes, ...]
    """SentencePiece models as they came: one for both sides, or of source and target; none where bytes are pieces."""

    vocabulary: Vocabulary

    @property
    def src_size(self) -> int:
        """Rows of the source embedding."""
        return len(self.vocabulary.src)

    @property
    def tgt_size(self) -> int:
        """Rows of the target embedding."""
        return len(self.vocabulary.src if self.vocabulary.tgt is None else self.vocabulary.tgt)


@dataclass(frozen=True)
class Found:
    """What the files of a model say."""

    family: str
    layout: Layout

    model: Mapping[str, Any]
    """Settings of the ``model`` section."""

    matches: Sequence[Match]
    """Each parameter with the tensors that it is made of, under the names that these have in the files."""

    weights: Weights
    pieces: Pieces

    languages: tuple[str | None, str | None]
    """Source and target as the files name them; None where they do not."""

    multilingual: bool = False
    """Whether it is to be told the languages of each translation."""

    decoding: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the search that the files give."""

    names: Mapping[str, str] = field(default_factory=dict)
    """As in ``Origin``."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    """As in ``Origin``."""

    unused: frozenset[str] = frozenset()
    """Tensors that compute nothing here, and may be there."""

    grown: tuple[int, int] = (0, 0)
    """As in ``Origin``."""

    alignment_layer: int | None = None
    """As in ``Origin``."""

    settings: bytes | None = None
    """Settings that lie among the weights; None where they are a file."""

    files: Sequence[Path] = ()
    """What is kept byte for byte: settings, tokenizer, model card."""
