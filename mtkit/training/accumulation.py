"""The gradient of an update: a micro-batch at a time, shared among the cores, split where the memory runs out."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.log import logger
from mtkit.machine.compute import Compute
from mtkit.machine.cores import map_on_cores
from mtkit.machine.memory import is_out_of_memory, release_memory
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.training.objectives.loss import Loss
from mtkit.training.objectives.objective import Objective
from mtkit.training.team import SOLO, Team
from mtkit.training.working_copy import WorkingCopy

_MIN_WORKER_TOKENS = 250  # half of the smallest update of a run by time: two cores that are busy share that too
_MAX_WORKER_GRADIENTS = 1 << 30  # bytes, of all workers

_Computed = tuple[Batch, Loss, tuple[Tensor | None, ...]]
"""A part of an update with its loss, detached, and the gradient of each parameter."""


class GradientAccumulator:
    """Forward and backward over the micro-batches of an update; one that exhausts the memory is split and retried.

    Losses are summed over tokens, so that two halves have the gradient of the whole, up to rounding and to the
    dropout masks drawn for them.
    """

    def __init__(self, working: WorkingCopy, objective: Objective, *, n_workers: int = 1, team: Team = SOLO) -> None:
        """Work on ``working`` and what ``objective`` makes of it.

        With several workers each computes a part of every micro-batch on a core of its own.
        """
        self._working = working
        self._parameters = [computing for _, computing in working.parameters]
        self._objective = objective
        self._n_workers = n_workers
        self._team = team
        self._warned = False

    def __call__(self, micro_batches: list[Batch], seed: Callable[[int], None]) -> list[tuple[Batch, Loss]]:
        """Leave the gradient of the loss per token of the whole update in the trained model, which holds none so far.

        That of a team is the sum over its processes.

        Args:
            micro_batches: Of the update, still on the CPU.
            seed: Called with 0 each time that the update begins anew, and by each worker with the number of its part
                of the update, from 1 on.

        Returns:
            The batches that were computed, and the loss of each, detached.

        Raises:
            torch.OutOfMemoryError: Or whatever else says so, if a single pair does not fit.
        """
        n_tgt_tokens = self._team.sum(sum(batch.n_tgt_tokens for batch in micro_batches))
        model, compute = self._working.model, self._working.compute

        def work(numbered: tuple[Batch, int]) -> _Computed:
            part, number = numbered
            if number:
                seed(number)
            with compute.autocast():
                loss = self._objective(model, compute.put(part))
            gradients = torch.autograd.grad(loss.total / n_tgt_tokens, self._parameters, allow_unused=True)
            return part, replace(loss, total=loss.total.detach()), gradients  # the graph goes now

        todo = list(micro_batches)
        while True:
            seed(0)
            numbers = itertools.count(1)
            done: list[list[tuple[Batch, Loss]]] = []  # of each batch its parts
            try:
                for batch in todo:
                    if self._n_workers == 1:
                        done.append(self._added([work((batch, 0))]))
                    else:
                        parts = list(zip(batch.parts(self._n_workers, model.pad_id), numbers, strict=False))
                        done.append(self._added(map_on_cores(work, parts)))
                return [part for parts in done for part in parts]
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or len(todo[len(done)].src) == 1:
                    raise
                failure = str(error)
            # Out here the error is gone, and with it all that its frames held. A backward pass that failed half-way
            # has left part of its gradients behind, so that the update begins anew.
            self._working.trained.zero_grad(set_to_none=True)
            release_memory()
            self._warn(todo[len(done)], failure)
            todo[len(done) : len(done) + 1] = todo[len(done)].parts(2, model.pad_id)

    def _added(self, computed: Iterable[_Computed]) -> list[tuple[Batch, Loss]]:
        """Add up gradients in the order of their parts, and let go of them; returns the rest."""
        done = []
        for part, loss, gradients in computed:
            done.append((part, loss))
            self._working.add_gradients(gradients)
        return done

    def _warn(self, batch: Batch, failure: str) -> None:
        if not self._warned:
            logger.warning(
                "a batch of %d x %d source and %d x %d target tokens does not fit the memory (%s); such batches are "
                "split and tried again, which takes time: a new run with training.accumulate: auto avoids it",
                *(*batch.src.shape, *batch.tgt_in.shape),
                failure.partition("\n")[0] or "out of memory",
            )
        self._warned = True


def count_workers(model: EncoderDecoder, micro_batch_tokens: int, compute: Compute) -> int:
    """Threads that share a micro-batch: all of them on a CPU where that leaves each enough to do, else one for all.

    Each worker holds gradients of its own. Dropout on attention weights is drawn by torch, in whatever order threads
    come, so that a run could not be repeated.
    """
    n = compute.threads
    gradients = sum(4 * parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    fits = micro_batch_tokens >= n * _MIN_WORKER_TOKENS and n * gradients <= _MAX_WORKER_GRADIENTS
    return n if compute.on_cpu and fits and model.config.attention_dropout == 0 else 1
