"""Where an imported model comes from: what its bundle keeps of that, so that it can be told and given back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from mtkit.bundle.bundle import ORIGIN
from mtkit.errors import CheckpointError
from mtkit.files.shapes import shaped

Layout = Literal["huggingface", "marian-npz", "bergamot"]

UNUSED = f"{ORIGIN}/unused.safetensors"
"""Tensors of the first layout that compute nothing here, by their names there; rows of one as ``name[:2]``."""


@dataclass(frozen=True)
class Origin:
    """What a model was before it was imported."""

    __pydantic_config__ = ConfigDict(extra="ignore")  # a newer version may say more

    family: str
    """marian, m2m100, nllb, mbart or t5."""

    layout: Layout
    """How its files were arranged."""

    source: str
    """Name on the hub, or the directory's own name."""

    licence: str | None = None
    """As its files or ``--licence`` name it; None where nothing does."""

    revision: str | None = None
    """Commit on the hub."""

    dtype: str = "float32"
    """Type of most of its numbers, in torch's words."""

    quantization: Literal["int8"] | None = None
    """How its matrices were stored, if not as numbers of that type."""

    weights: list[str] = field(default_factory=list)
    """Files that its numbers were in."""

    names: dict[str, str] = field(default_factory=dict)
    """Tensors that are called otherwise than in the table of their family: ``decoder.embed_tokens.weight`` by the key
    ``shared.weight``."""

    dtypes: dict[str, str] = field(default_factory=dict)
    """Tensors of another type than ``dtype``."""

    grown: tuple[int, int] = (0, 0)
    """Rows that the embeddings of source and target have more here."""

    n_pieces: int = 0
    """Pieces of the longer vocabulary as it was imported; 0 where that is not known."""

    aliases: dict[str, str] = field(default_factory=dict)
    """Tensors that repeat another one, by the name of that: ``lm_head.weight`` of ``model.shared.weight``."""

    alignment_layer: int | None = None
    """Decoder layer, from 1, that was trained to align; None where the files do not say."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any], path: Path) -> "Origin | None":
        """What the manifest of a bundle says; None of a model that was not imported.

        Args:
            manifest: All of ``mtkit.json``.
            path: Names the bundle in errors.

        Raises:
            CheckpointError: If it is damaged.
        """
        if (told := manifest.get(ORIGIN)) is None:
            return None
        try:
            return shaped(cls, told)
        except ValueError as error:
            raise CheckpointError(f"{path}: damaged: {ORIGIN}.{error}") from None

    def as_json(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain
