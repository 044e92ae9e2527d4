"""Fit a run to the memory: choose the size of its micro-batches by trying."""

import weakref
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch
from mtkit.errors import DeviceError
from mtkit.log import logger
from mtkit.machine.compute import Compute
from mtkit.machine.memory import free_memory, is_out_of_memory, release_memory
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.loss import Loss
from mtkit.training.objectives.objective import NO_GUIDANCE, Guidance, Objective, objective_of
from mtkit.training.planning.needs import memory_needed, trained_skeleton
from mtkit.training.planning.planner import Planner
from mtkit.training.saving.fitted import remembered
from mtkit.wording import bytes_shown

# Of the memory, what a run may plan to fill: the rest is for the allocator's gaps and for batches not foreseen. On a
# CPU, where it is an estimate and other programs want their part, half.
_SHARE = {"cuda": 0.9, "cpu": 0.5}


def fewest_micro_batches(try_size: Callable[[int], bool], batch_tokens: int) -> int:
    """Into how many micro-batches an update must be cut: 1, 2, 4, ..., the first that fits.

    Args:
        try_size: Whether micro-batches of so many target tokens fit. Asked for the largest first, which mostly does.
        batch_tokens: Target tokens of an update.

    Returns:
        At most ``batch_tokens``, whether or not that fits: single pairs cannot be split.
    """
    n = 1
    while n < batch_tokens and not try_size(batch_tokens // n):
        n *= 2
    return min(n, batch_tokens)


def check_room(
    config: ModelConfig, training: TrainingConfig, device: torch.device, *, src_vocab_size: int, tgt_vocab_size: int
) -> None:
    """Refuse a model that the machine cannot hold, before it takes what other programs need.

    Raises:
        DeviceError: If weights, gradients and the optimiser's state are more than the free memory of a CPU.
    """
    free = free_memory()
    if device.type != "cpu" or free is None:
        return
    model = trained_skeleton(config, training, src_vocab_size=src_vocab_size, tgt_vocab_size=tgt_vocab_size)
    needed = sum(memory_needed(model, training).values())
    if needed > free:
        raise DeviceError(
            f"the model has {model.n_parameters():,} parameters: training it takes {bytes_shown(needed)} at least, "
            f"and {bytes_shown(free)} of memory are free; choose {_smaller(training)}"
        )


def _smaller(training: TrainingConfig) -> str:
    if training.from_ is None:
        return "a smaller one, such as --preset small"
    return "a smaller one, or train less of it: training.lora.rank: 16, training.freeze, training.optimizer: adafactor"


class _Held:
    """A tensor, for as long as autograd holds it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class MemoryProbe:
    """Tells whether micro-batches of a size fit beside the model, its gradients and the optimiser's state."""

    def __init__(
        self,
        model: EncoderDecoder,
        objective: Objective,
        widest: Callable[[int], list[Batch]],
        *,
        compute: Compute,
        training: TrainingConfig,
    ) -> None:
        """Probe a model in the mode that it is in.

        Args:
            model: On its device.
            objective: What is minimised.
            widest: For a number of target tokens, the micro-batches of that size that need most memory.
            compute: Where they would go, and in which precision.
            training: For the optimiser.
        """
        self._model = model
        self._objective = objective
        self._widest = widest
        self._compute = compute
        needed = memory_needed(model, training)
        self._gradient_bytes, self._optimizer_bytes = (
            needed["gradients"],
            needed["optimiser"] + needed.get("average", 0),
        )

    def __call__(self, n_tokens: int) -> bool:
        """Whether micro-batches of ``n_tokens`` target tokens fit."""
        batches = self._widest(n_tokens)
        fits = self._fits_on_gpu(batches) if self._compute.device.type == "cuda" else self._fits_on_cpu(batches)
        logger.debug("micro-batches of %s target tokens %s", f"{n_tokens:,}", "fit" if fits else "do not fit")
        return fits

    def _fits_on_gpu(self, batches: Iterable[Batch]) -> bool:
        """Run them: forward and backward, then reckon with the optimiser's state."""
        device = self._compute.device
        release_memory()
        torch.cuda.reset_peak_memory_stats(device)
        available = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
        try:
            for batch in batches:
                self._loss(self._compute.put(batch)).total.backward()
            self._compute.synchronize()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            peak = torch.cuda.max_memory_allocated(device)
            self._model.zero_grad(set_to_none=True)
            release_memory()
        return peak + self._optimizer_bytes <= _SHARE["cuda"] * available

    def _fits_on_cpu(self, batches: Iterable[Batch]) -> bool:
        """Reckon: what the forward pass keeps of one pair, by the positions of the whole."""
        free = free_memory()
        if free is None:
            return True
        needed = max(self._kept_per_position(batch) * _positions(batch) for batch in batches)
        return needed + self._gradient_bytes + self._optimizer_bytes <= _SHARE["cpu"] * free

    def _kept_per_position(self, batch: Batch) -> float:
        """Bytes that the forward pass keeps for the backward pass, for each position more."""
        while len(batch.src) > 32:
            batch = batch.parts(2, self._model.pad_id)[0]
        if len(batch.src) == 1:
            return self._kept(batch) / _positions(batch)
        # Whatever does not depend on the positions, such as cast weights, cancels out.
        fewer = batch.parts(2, self._model.pad_id)[0]
        return (self._kept(batch) - self._kept(fewer)) / (_positions(batch) - _positions(fewer))

    def _kept(self, batch: Batch) -> int:
        """Bytes that are held when the loss is there: what an objective needed on the way to it is gone by then."""
        held: weakref.WeakSet[_Held] = weakref.WeakSet()

        def note(tensor: Tensor) -> _Held:
            held.add(each := _Held(tensor))
            return each

        with torch.autograd.graph.saved_tensors_hooks(note, lambda each: each.tensor):
            loss = self._loss(batch)
        storages = [each.tensor.untyped_storage() for each in held]
        del loss
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

    def _loss(self, batch: Batch) -> Loss:
        with self._compute.autocast():
            return self._objective(self._model, batch)


def _positions(batch: Batch) -> int:
    return batch.src.numel() + batch.tgt_in.numel()


def count_micro_batches(
    training: TrainingConfig,
    model: EncoderDecoder,
    planner: Planner,
    run_dir: Path,
    compute: Compute,
    guidance: Guidance = NO_GUIDANCE,
) -> int:
    """Micro-batches per update: as many as the settings say, or as few as fit."""
    if training.accumulate != "auto":
        return training.accumulate

    def widest(n_tokens: int) -> list[Batch]:
        return planner.plan(n_tokens).widest()

    objective = objective_of(training, model.pad_id, guidance=guidance)
    fits = MemoryProbe(model, objective, widest, compute=compute, training=training)
    n = remembered(run_dir, "accumulate", lambda: fewest_micro_batches(fits, training.batch_tokens))
    logger.info(
        "memory: an update of %s target tokens in %d micro-batch%s", f"{training.batch_tokens:,}", n, "es" * (n > 1)
    )
    return n
