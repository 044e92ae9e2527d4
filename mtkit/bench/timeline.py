"""Where the time of an update goes: a mark wherever the work turns to another part of the model.

Forward, hooks on the modules say which part is at work. Backward, the gradient of a module's output is known just
before the module's own backward work begins, and a hook on that tensor marks it. What lies between two marks belongs to
the first.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mtkit.bench.sublayers import sublayer_of
from mtkit.data.batches.batch import Batch
from mtkit.model.dropout import Dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.memory import Memory
from mtkit.settings.model import ModelConfig
from mtkit.training.objectives.loss import Loss
from mtkit.training.objectives.objective import Objective

Moment = float | torch.cuda.Event

LOSS, OPTIMISER, DATA, REST = "projection, loss", "gradient norm, optimiser", "data", "the loop itself"


def now(device: torch.device) -> Moment:
    """A moment in the work of the device; on a GPU an event in its queue, so that nothing waits for it."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def seconds_between(start: Moment, end: Moment) -> float:
    """Seconds from one moment to a later one; waits until the device has passed both."""
    if isinstance(start, float) or isinstance(end, float):
        assert isinstance(start, float)
        assert isinstance(end, float)
        return end - start
    end.synchronize()
    return start.elapsed_time(end) / 1000


class Timeline:
    """Marks in the order in which they were set."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._marks: list[tuple[str, str, Moment]] = []

    def mark(self, part: str, phase: str = "forward") -> None:
        """Count the work from here on as that of ``part``, in the ``phase`` forward or backward."""
        self._marks.append((part, phase, now(self._device)))

    def spent(self) -> dict[str, dict[str, float]]:
        """Seconds by part and phase, from the first mark to the last."""
        spent: dict[str, dict[str, float]] = defaultdict(lambda: {"forward": 0.0, "backward": 0.0})
        for (part, phase, start), (_, _, end) in zip(self._marks, self._marks[1:], strict=False):
            spent[part][phase] += seconds_between(start, end)
        return dict(spent)

    def reading(self, updates: Iterator[list[Batch]]) -> Iterator[list[Batch]]:
        """The updates, with the wait for each marked."""
        while True:
            self.mark(DATA)
            micro_batches = next(updates)
            self.mark(REST)
            yield micro_batches

    @contextmanager
    def watching(
        self, model: EncoderDecoder, objective: Objective, optimizer: torch.optim.Optimizer
    ) -> Iterator["WatchedObjective"]:
        """Set marks in all that happens to the model within the block; yields the objective to use."""
        stack = [REST]

        def enter(part: str) -> Callable[..., None]:
            def hook(*_: object) -> None:
                stack.append(part)
                self.mark(part)

            return hook

        def leave(part: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _args: Any, output: Any) -> None:
                stack.pop()
                self.mark(stack[-1])
                last = output.hidden if isinstance(output, Memory) else output
                while isinstance(last, tuple):  # of recurrent layers: what they give, and where they ended
                    last = last[0]
                if isinstance(last, Tensor) and last.requires_grad:
                    last.register_hook(lambda _gradient: self.mark(part, "backward"))

            return hook

        with ExitStack() as hooks:
            for name, module in model.named_modules():
                part = part_of(name, module, model.config)
                if part is not None:
                    hooks.callback(module.register_forward_pre_hook(enter(part)).remove)
                    hooks.callback(module.register_forward_hook(leave(part)).remove)
            # The gradient of the source embedding is the last one to be known: what follows is no longer backward.
            for weight in {model.src_embedding.tokens.weight, model.tgt_embedding.tokens.weight}:
                handle = weight.register_hook(lambda _: self.mark(OPTIMISER))
                hooks.callback(handle.remove)
            hooks.callback(optimizer.register_step_pre_hook(lambda *_: self.mark(OPTIMISER)).remove)
            hooks.callback(optimizer.register_step_post_hook(lambda *_: self.mark(REST)).remove)
            yield WatchedObjective(objective, self, stack)


class WatchedObjective:
    """The objective with a mark where it begins, and one where its backward pass does."""

    def __init__(self, objective: Objective, timeline: Timeline, stack: list[str]) -> None:
        self._objective = objective
        self._timeline = timeline
        self._stack = stack

    def __call__(self, model: EncoderDecoder, batch: Batch) -> Loss:
        """See ``Objective``."""
        self._stack.append(LOSS)
        self._timeline.mark(LOSS)
        loss = self._objective(model, batch)
        self._stack.pop()
        self._timeline.mark(LOSS, "backward")
        return loss


def part_of(name: str, module: nn.Module, config: ModelConfig) -> str | None:
    """Name of a module of an ``EncoderDecoder`` in the table; None where it is not a part."""
    if isinstance(module, Dropout):
        return "dropout" if module.p > 0 else None  # without any it is the identity, and takes no time
    if (sublayer := sublayer_of(name)) is not None:
        return sublayer
    side = name.partition(".")[0]
    if side in ("encoder", "decoder"):
        architecture = config.side("encoder" if side == "encoder" else "decoder")
        return f"{side} norms, sums" if architecture == "transformer" else f"{side} layers"
    return "embedding" if side.endswith("_embedding") else None
