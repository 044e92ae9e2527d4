"""Which weights of a run become its model: those of a checkpoint, their moving average, or the mean of checkpoints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from mtkit.errors import CheckpointError
from mtkit.log import logger
from mtkit.settings.training import TrainingConfig
from mtkit.training.saving.average import average_checkpoints, choose_checkpoints
from mtkit.training.saving.checkpoint import CheckpointStore, verify
from mtkit.training.state import TrainState


@dataclass(frozen=True)
class Choice:
    """Weights that a run may give its model."""

    which: str
    """What they are, for the log: what is done to have them."""

    updates: list[int]
    """Of the checkpoints: one, or those that are averaged."""

    ema: bool = False
    """Whether it is the moving average of the weights (``training.ema``) that is taken from the checkpoint."""

    def tensors(self, store: CheckpointStore) -> dict[str, Tensor]:
        """The weights by name; raises CheckpointError as ``average_checkpoints`` does."""
        return average_checkpoints([store.path(update) for update in self.updates], ema=self.ema)

    def whole(self, store: CheckpointStore) -> "Choice":
        """The same of the checkpoints that are whole; the others are named in a warning."""
        return replace(self, updates=_whole(store, self.updates))


def candidates(store: CheckpointStore, state: TrainState, training: TrainingConfig) -> list[Choice]:
    """What the settings ask for: one, or where checkpoints are averaged beside a moving average, two to compare."""
    average = training.average
    unseen = state.share >= 1 and state.validated_update < state.update
    if unseen and (average.n == 0 or average.by == "best"):  # an older best was measured before the decay
        return [Choice("taking the last checkpoint, which there was no time to validate", [state.update])]
    update = state.best_update or state.update
    best = Choice("taking the best checkpoint", [update])
    if update in state.better_by_ema:
        best = Choice(
            "taking the moving average of the best checkpoint, whose validation loss was lower", [update], True
        )
    if average.n == 0:
        return [best]
    updates = choose_checkpoints(store, state, average.n, average.by)
    mean = Choice(f"averaging the {average.by} {len(updates)} checkpoints", updates)
    return [mean] if training.ema.decay is None else [best, mean]


def best_of(choices: Sequence[Choice], loss: Callable[[Choice], float]) -> Choice:
    """The one with the lowest loss on the validation set, in nats per token; of equals the first."""
    if len(choices) == 1:
        return choices[0]
    losses = [loss(choice) for choice in choices]
    for choice, value in zip(choices, losses, strict=True):
        logger.info("%s would have a validation loss of %.4f", choice.which, value)
    return choices[min(range(len(choices)), key=losses.__getitem__)]


def or_newest(choice: Choice, store: CheckpointStore) -> Choice:
    """The choice as far as it is whole; the newest whole checkpoint where nothing of it is.

    Raises:
        CheckpointError: If no checkpoint is.
    """
    choice = choice.whole(store)
    if not choice.updates:
        choice = replace(choice, updates=_whole(store, store.updates())[-1:], ema=False)
    if not choice.updates:
        raise CheckpointError(f"{store.run_dir}: no checkpoint is whole; start again with --overwrite")
    return choice


def _whole(store: CheckpointStore, updates: list[int]) -> list[int]:
    whole = []
    for update in updates:
        try:
            verify(store.path(update))
        except CheckpointError as error:
            logger.warning("%s; leaving this checkpoint out", error)
        else:
            whole.append(update)
    return whole
