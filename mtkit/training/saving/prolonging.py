"""Going on with a longer run of the schedule wsd, whose learning rate has fallen already: from where that began.

Until then a run is the same whatever its length, so that the longer run is the one that it would have been from the
start (Hägele et al. 2024). What was trained while the rate fell is given up.
"""

from dataclasses import replace

from mtkit.errors import CheckpointError
from mtkit.log import logger
from mtkit.settings.training import TrainingConfig
from mtkit.training.saving.checkpoint import Checkpoint, CheckpointStore, load_checkpoint
from mtkit.training.schedule import decay_has_begun
from mtkit.training.state import TrainState


def before_decay(store: CheckpointStore, newest: Checkpoint, config: TrainingConfig) -> Checkpoint:
    """What a run goes on from: its newest checkpoint, or where its decay began if it may begin later now.

    The checkpoints after that one are deleted: the same run with its former length makes them again, to the bit.
    """
    state = TrainState.from_dict(newest.state["train"])
    if not state.decay_from or decay_has_begun(_planned_anew(state, config), config):
        return newest
    found = newest
    if state.update > state.decay_from:
        found = _at(store, state) or newest
    if found is not newest:
        logger.info(
            "the run is longer now, and its learning rate had been falling since update %d: going on from there, with "
            "the rate at its peak; the checkpoints after it are deleted",
            state.decay_from,
        )
        for update in store.updates():
            if update > state.decay_from:
                store.delete(update)
    train = TrainState.from_dict(found.state["train"])
    train.decay_from = 0
    train.seconds = state.seconds  # time that was spent stays spent
    return replace(found, state=found.state | {"train": train.state_dict()})


def _planned_anew(state: TrainState, config: TrainingConfig) -> TrainState:
    """Where the decay began, in the plan that the settings make now."""
    share = state.share
    if config.max_minutes is not None and state.planned_seconds != 60 * config.max_minutes:
        share = min(1.0, state.seconds / (60 * config.max_minutes))
    return replace(state, update=state.decay_from, share=share)


def _at(store: CheckpointStore, state: TrainState) -> Checkpoint | None:
    """The checkpoint where the decay began; None, with a warning, where it is damaged or gone."""
    try:
        return load_checkpoint(store.path(state.decay_from))
    except CheckpointError as error:
        logger.warning(
            "%s; going on from update %d, with weights of a learning rate that had fallen", error, state.update
        )
        return None
