"""The model of a command: what ``-m`` names, with what ``--adapter`` names taken in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtkit.bundle.bundle import Bundle, load_bundle


@contextmanager
def opened(model: Path, adapter: Path | None) -> Iterator[Bundle]:
    """A model, for the length of the block.

    Args:
        model: A run directory, a checkpoint or a bundle.
        adapter: Adapters to it; None for the model alone.

    Raises:
        CheckpointError: If there is no whole model, or the adapters are damaged or of another one.
    """
    bundle = load_bundle(model)
    if adapter is None:
        yield bundle
        return
    from mtkit.exchange.adapted import with_adapter  # which needs torch

    with with_adapter(bundle, adapter) as adapted:
        yield adapted
