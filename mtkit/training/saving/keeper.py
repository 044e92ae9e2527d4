"""Everything that makes up a run, saved and restored whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtkit.data.batches.batches import BatchPlan
from mtkit.errors import CheckpointError
from mtkit.log import logger
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import model_tensors, restore_model
from mtkit.settings.training import TrainingConfig
from mtkit.training.ema import FILE, Ema
from mtkit.training.optimizer import as_judged
from mtkit.training.saving.average import choose_checkpoints
from mtkit.training.saving.checkpoint import (
    Checkpoint,
    CheckpointStore,
    NewerFormatError,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
)
from mtkit.training.saving.fitted import fitted
from mtkit.training.saving.prolonging import before_decay
from mtkit.training.schedule_free import ScheduleFree
from mtkit.training.state import TrainState
from mtkit.training.team import Team


class Keeper:
    """Saves weights, optimiser, data position and state as one checkpoint, and restores them from one."""

    def __init__(
        self,
        store: CheckpointStore,
        model: EncoderDecoder,
        optimizer: torch.optim.Optimizer,
        plan: BatchPlan,
        state: TrainState,
        config: TrainingConfig,
        team: Team,
    ) -> None:
        self.store, self.model, self.optimizer, self.plan, self.state = store, model, optimizer, plan, state
        self._config, self._team = config, team
        self.ema = None if config.ema.decay is None else Ema(model, config)
        self._names: dict[Tensor, str] = {
            parameter: name for name, parameter in model.named_parameters() if parameter.requires_grad
        }

    def save(self) -> None:
        """Write a checkpoint and delete those that are not kept any longer; of several processes the first one does."""
        stale = [update for update in self.state.off_schedule if update != self.state.update]
        self.state.off_schedule = [update for update in self.state.off_schedule if update == self.state.update]
        if self._team.is_first:
            self._write(stale)
        self._team.barrier()

    def _write(self, stale: list[int]) -> None:
        optimizer = optimizer_tensors(self.optimizer, self._names)
        state = {"train": self.state.state_dict(), "data": self.plan.state_dict(), "fitted": fitted(self.store.run_dir)}
        extra = {FILE: self.ema.tensors()} if self.ema is not None and self.ema.has_begun else {}
        with as_judged(self.optimizer):
            self.store.save(self.state.update, Checkpoint(model_tensors(self.model), optimizer, state, extra))
        self._link_best()
        for update in stale:
            self.store.delete(update)
        keep = self.state.kept_to_go_back() | self.state.before_decay()
        keep.update(choose_checkpoints(self.store, self.state, self._config.keep_last, "last"))
        keep.update(choose_checkpoints(self.store, self.state, self._config.keep_best, "best"))
        self.store.prune(keep | {self.state.best_update, self.state.update})
        logger.debug("saved %s", self.store.path(self.state.update))

    def _link_best(self) -> None:
        """Point ``best`` at the best checkpoint; a run that was killed before it could is put right here too."""
        if self.store.path(self.state.best_update).exists():
            self.store.link("best", self.state.best_update)

    def restore(self) -> None:
        """Go on from the newest whole checkpoint, if there is one."""
        checkpoint = self.store.load_newest()
        if checkpoint is None:
            return
        checkpoint = before_decay(self.store, checkpoint, self._config)
        path = self.store.path(checkpoint.state["train"]["update"])
        self.state = self._take(checkpoint, path)
        self.plan.load_state_dict(checkpoint.state["data"])
        if "fallbacks" not in checkpoint.state["train"]:  # written by a version that did not go back
            self.state.fallbacks = [u for u in self.store.updates() if u not in self.state.off_schedule][-1:]
        if self._team.is_first:
            self.store.link("last", self.state.update)
            self._link_best()
        logger.info("going on from %s", path)

    def go_back(self, latest: int, initial: Callable[[], EncoderDecoder]) -> dict[str, Any] | None:
        """Go back to the newest fallback up to ``latest``, or to before the first update, and delete all that is newer.

        The plan stays where it is, so that the pairs since then are left out. What is deleted here was made by updates
        that a resumed run would do again in the same way, up to the point where it goes back: a kill changes nothing.

        Args:
            latest: The newest update that may be gone back to.
            initial: Makes the model that the run began with.

        Returns:
            The position in the data at the update that the run is at now; None before the first one.

        Raises:
            CheckpointError: If what the run began with is not there any longer.
        """
        earlier, position = TrainState(), None
        for update in [update for update in self.state.fallbacks if update <= latest][::-1]:
            path = self.store.path(update)
            try:
                checkpoint = load_checkpoint(path)
            except NewerFormatError:
                raise
            except CheckpointError as error:
                logger.warning("%s; going back to before it", error)
                continue
            earlier, position = self._take(checkpoint, path), checkpoint.state["data"]
            break
        else:
            restore_model(self.model, model_tensors(initial()), source=self.store.run_dir)
            self.optimizer.state.clear()
            if isinstance(self.optimizer, ScheduleFree):
                self.optimizer.go_on()
            if self.ema is not None:
                self.ema.restore({}, earlier, source=self.store.run_dir)
        self.state.go_back_to(earlier)
        if self._team.is_first:
            self.store.delete_after(self.state.update)
            if self.state.update:
                self.store.link("last", self.state.update)
                self._link_best()
        self._team.barrier()
        return position

    def _take(self, checkpoint: Checkpoint, path: Path) -> TrainState:
        """Take weights, their averages and the optimiser of a checkpoint; returns its state."""
        state = TrainState.from_dict(checkpoint.state["train"])
        try:
            self.plan.is_later(checkpoint.state["data"], state.rollbacks.position or None)
        except ValueError as error:
            raise CheckpointError(f"{path / 'state.json'}: damaged: {error}") from None
        restore_model(self.model, checkpoint.model, source=path)
        restore_optimizer(self.optimizer, checkpoint.optimizer, self._names, source=path)
        if isinstance(self.optimizer, ScheduleFree):
            self.optimizer.go_on()
        if self.ema is not None:
            self.ema.restore(checkpoint.extra.get(FILE, {}), state, source=path)
        return state
