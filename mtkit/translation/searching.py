"""How a user asks for test sets to be translated: light, so that a command holds it before anything is loaded."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Searching:
    """The options that say how a model translates."""

    beam_size: int | None = None
    """Beam size; None for the model's default."""

    batch_size: int | None = None
    engine: Literal["auto", "torch", "ctranslate2"] = "auto"
    device: str = "auto"
    precision: str = "fp32"
    threads: int | None = None
