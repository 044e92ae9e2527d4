"""What a run is given as one of the two stages of a recipe with a section ``pretraining``."""

from dataclasses import dataclass
from pathlib import Path

from mtkit.data.corpus.prepared import Prepared
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import load_tensors, restore_model
from mtkit.training.saving.checkpoint import verify


@dataclass(frozen=True)
class Stage:
    """A stage of a run: its corpus is prepared, as both have one tokenizer."""

    prepared: Prepared

    is_first: bool
    """Whether it makes way for the other stage, so that its model is not scored."""

    weights: Path | None = None
    """Checkpoint that it begins with; None where it begins with random weights, or has checkpoints of its own."""

    told: str = ""
    """What the log of the run says of it."""

    overwritten: bool = False
    """Whether the command made room for the run with --overwrite."""

    def put_into(self, model: EncoderDecoder, tokenizer: Tokenizer, *, like: str | None) -> None:  # noqa: ARG002
        """Give a model the weights that the stage begins with, if these are not its own random ones.

        Raises:
            CheckpointError: If they are damaged, or gone.
        """
        if self.weights is not None:
            verify(self.weights)
            path = self.weights / "model.safetensors"
            restore_model(model, load_tensors(path), source=path)
