"""The model in a recipe: its shape, with all that must go together in it."""

from typing import Any, Self

from pydantic import model_validator

from mtkit.settings.model_rules import mistakes, without_idle
from mtkit.settings.model_shape import ModelShape, Side
from mtkit.settings.section import Mistakes
from mtkit.wording import counted


class ModelConfig(ModelShape):
    """Shape of the model. Defaults: the base Transformer of Vaswani et al. (2017), table 3."""

    def summary(self) -> str:
        """Kind and sizes in one phrase."""
        sides: tuple[Side, Side] = ("encoder", "decoder")
        in_use = self.in_use()
        positions = dict.fromkeys(self.positions_of(side) for side in sides)
        parts = [
            " and ".join(dict.fromkeys(self.side(side) for side in sides)),
            f"{self.n_encoder_layers}+{self.n_decoder_layers} layers",
            f"d_model {self.d_model}",
            counted(self.n_heads, "head"),
            *(f"{name} {in_use[name]}" for name in ("d_ff", "kernel_size") if name in in_use),
            f"positions {' and '.join(positions)}" * (list(positions) != ["none"]),
            f"{self.norm}-norm" * ("norm" in in_use),
        ]
        return ", ".join(filter(None, parts))

    def in_use(self) -> dict[str, Any]:
        """The settings that have something to do here, as plain values."""
        return without_idle(self.model_dump(mode="json"), {})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if found := mistakes(self):
            raise Mistakes(self, found)
        return self
