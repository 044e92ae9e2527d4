"""Sampling in processes of its own: places go in, ids come out, over pipes and as plain numbers.

A process of this module serves one pipe until it is closed, so that it ends with the trainer, however that ends.
"""

import json
import os
import queue
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from mtkit.data.batches.sampling import Places, Sampler, SamplingRecipe, SideIds
from mtkit.errors import DataError
from mtkit.machine.children import environment_of_child
from mtkit.settings.sampling import SamplingConfig

_COUNT = struct.Struct("<q")


@contextmanager
def sampling_workers(recipe: SamplingRecipe, n: int) -> Iterator[Callable[[Places], Callable[[], SideIds]]]:
    """Run ``n`` processes that sample, and end them with the block.

    Yields:
        What starts on the ids of some places; calling what that returns waits for them.
    """
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()

    def work(places: Places) -> SideIds:
        worker = idle.get()
        try:
            return worker.sample(places)
        finally:
            idle.put(worker)

    def begin(places: Places) -> Callable[[], SideIds]:
        future: Future[SideIds] = pool.submit(work, places)
        return future.result

    with ExitStack() as stack:
        for _ in range(n):
            idle.put(stack.enter_context(_Worker(recipe)))
        # Each thread waits for one process: requests and replies take turns, so that no pipe is full on both ends.
        pool = ThreadPoolExecutor(n, "mtkit-sampling")
        stack.callback(pool.shutdown, cancel_futures=True)
        yield begin


class _Worker:
    """The trainer's end of a process."""

    def __init__(self, recipe: SamplingRecipe) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mtkit.data.batches.sampling_workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_of_child() | {"OMP_NUM_THREADS": "1"},
            process_group=0,  # Ctrl-C is for the trainer, which saves and then ends its workers
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._replies = self._process.stdin, self._process.stdout
        message = {
            "directory": str(recipe.directory.absolute()),
            "config": recipe.config.model_dump(mode="json"),
            "seed": recipe.seed,
            "max_tokens": recipe.max_tokens,
        }
        self._requests.write(json.dumps(message).encode() + b"\n")
        self._requests.flush()

    def sample(self, places: Places) -> SideIds:
        """Sample pairs as ``Sampler.sample`` does."""
        try:
            _write(self._requests, places)
            src, src_lengths, tgt, tgt_lengths = (_read(self._replies) for _ in range(4))
        except (OSError, EOFError):
            code = self._process.wait()
            raise DataError(
                f"a process that samples training pairs ended with {code}; run the same command again, without "
                "--overwrite, to resume from the last checkpoint; --set training.workers=0 uses no such processes"
            ) from None
        return (src, src_lengths), (tgt, tgt_lengths)

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it holds nothing that is to be saved
        self._process.wait()
        self._replies.close()
        with suppress(BrokenPipeError):
            self._requests.close()


def _serve(requests: IO[bytes], replies: IO[bytes]) -> None:
    """What a process does: answer until nobody asks any more."""
    message = json.loads(requests.readline())
    config = SamplingConfig.model_validate(message["config"])
    directory = Path(message["directory"])
    sampler = Sampler(SamplingRecipe(directory, config, message["seed"], message["max_tokens"]))
    while True:
        try:
            places = _read(requests)
        except EOFError:
            return
        for side in sampler.sample(places):
            for numbers in side:
                _write(replies, np.asarray(numbers, dtype=np.int64))


def _write(stream: IO[bytes], numbers: Places) -> None:
    stream.write(_COUNT.pack(len(numbers)))
    stream.write(numbers.tobytes())
    stream.flush()


def _read(stream: IO[bytes]) -> Places:
    """An array that ``_write`` wrote.

    Raises:
        EOFError: If the other end is closed.
    """
    head = stream.read(_COUNT.size)
    if len(head) < _COUNT.size:
        raise EOFError
    (n,) = _COUNT.unpack(head)
    content = stream.read(8 * n)
    if len(content) < 8 * n:
        raise EOFError
    return np.frombuffer(content, dtype=np.int64)


if __name__ == "__main__":
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:  # the trainer is gone
        os._exit(1)
