"""The loop of ``mtkit train``, run for so many seconds with a clock on every update."""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import torch

from mtkit.bench.timeline import Moment, Timeline, now, seconds_between
from mtkit.data.batches.batch import Batch
from mtkit.machine.compute import Compute
from mtkit.machine.stopping import StopSignal
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.training import TrainingConfig
from mtkit.training.loop import Parts, fit
from mtkit.training.objectives.objective import objective_of
from mtkit.training.optimizer import build_optimizer
from mtkit.training.planning.budget import Budget
from mtkit.training.state import TrainState
from mtkit.training.working_copy import WorkingCopy

_MIN_UPDATES = 3


@dataclass
class Measured:
    """Updates and what each took; ``all_updates`` has the first too, which is not counted."""

    all_updates: list[list[Batch]]
    seconds: list[float]

    @property
    def updates(self) -> list[list[Batch]]:
        """Those that are counted."""
        return self.all_updates[1:]

    def tgt_tokens_per_update(self) -> float:
        """The mean of those that are counted."""
        return statistics.mean(sum(batch.n_tgt_tokens for batch in update) for update in self.updates)

    def rates(self, count: str) -> list[float]:
        """Tokens per second in each update."""
        tokens = [sum(getattr(batch, count) for batch in update) for update in self.updates]
        return [n / seconds for n, seconds in zip(tokens, self.seconds, strict=True)]


class _Stopwatch:
    """Notes the moment when each update is done, and stops the loop in time."""

    def __init__(self, device: torch.device, stop: StopSignal, seconds: float) -> None:
        self.moments: list[Moment] = []
        self._device = device
        self._stop = stop
        self._seconds = seconds
        self._start = time.perf_counter()

    def advance(self) -> None:
        """One more update is done."""
        self.moments.append(now(self._device))
        if self._device.type == "cuda" and len(self.moments) % 10 == 0:
            torch.cuda.synchronize(self._device)  # the queue must not run far ahead of the clock
        if len(self.moments) > _MIN_UPDATES and time.perf_counter() - self._start > self._seconds:
            self._stop.received = "time"

    def training(self, *_: object) -> None:
        """Nothing is shown of what is measured on the way."""

    def validation(self, *_: object, **__: object) -> None:
        """There is none."""

    def went_back(self, *_: object) -> None:
        """It never does."""


class TimedLoop:
    """A model in training, run for a while and then for another."""

    def __init__(
        self,
        model: EncoderDecoder,
        training: TrainingConfig,
        updates: Iterator[list[Batch]],
        compute: Compute,
        n_workers: int,
    ) -> None:
        self._model = model
        self._training = training
        self._updates = updates
        self._compute = compute
        self._n_workers = n_workers
        self._working = WorkingCopy(model, compute=compute)
        self._objective = objective_of(training, model.pad_id)
        self._optimizer = build_optimizer(model, training)
        self._state = TrainState()

    def run(self, seconds: float, timeline: Timeline | None = None) -> Measured:
        """Run at least four updates, and as many as there is time for."""
        stop, seen = StopSignal(), []
        stopwatch = _Stopwatch(self._compute.device, stop, seconds)

        def noting(updates: Iterator[list[Batch]]) -> Iterator[list[Batch]]:
            for update in updates:
                seen.append(update)
                yield update

        with ExitStack() as watching:
            updates, objective = noting(self._updates), self._objective
            n_workers = self._n_workers
            if timeline is not None:
                n_workers = 1  # parts of the model that run at the same time could not be told apart
                updates = timeline.reading(updates)
                objective = watching.enter_context(timeline.watching(self._working.model, objective, self._optimizer))
            parts = Parts(
                working=self._working,
                objective=objective,
                optimizer=self._optimizer,
                n_workers=n_workers,
                budget=Budget(self._training, self._state, started=time.monotonic(), rehearse=lambda _: 0.0),
                validator=None,
                reporter=stopwatch,
                save=lambda: None,
                epoch=lambda _: 0.0,
                peak_flop_per_second=1.0,
            )
            fit(parts, updates, self._training, self._state, stop=stop)
        pairs = zip(stopwatch.moments, stopwatch.moments[1:], strict=False)
        return Measured(seen, [seconds_between(start, end) for start, end in pairs])
