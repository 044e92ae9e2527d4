"""Trial after trial: copy the material, damage a file, run a command, and judge how it ended."""

import resource
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from random import Random

from tests.fuzz.damage import damage
from tests.fuzz.kinds import Kind, choose
from tests.fuzz.material import make
from tests.fuzz.trial import attempt

_BYTES = 12 * 10**9
"""Of memory for the program itself, lest it take what a machine has."""

FAULTS = ("traceback", "crash", "hang", "memory", "other data", "code", "device")


@dataclass(frozen=True)
class Found:
    """What a trial came to."""

    kind: str
    number: int
    file: str
    done: str
    """To the file."""

    fault: str | None
    """One of ``FAULTS``; None where all is as it should be."""

    code: int
    output: str


def prepare_process() -> None:
    """Import what the commands need, once for all trials, and nothing that starts a thread."""
    import ctranslate2  # noqa: F401
    import datasets  # noqa: F401
    import sacrebleu  # noqa: F401
    import sentencepiece  # noqa: F401
    import torch

    import mtkit.cli
    import mtkit.data.corpus.prepare
    import mtkit.engines.ctranslate2_engine
    import mtkit.evaluation.gates.gate_file
    import mtkit.inspection.inspector
    import mtkit.training.run
    import mtkit.translation.translator  # noqa: F401

    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def fuzz(
    kinds: Sequence[Kind], directory: Path, seed: int, *, seconds: float, trials: int | None = None
) -> Iterator[Found]:
    """Damage files of each kind in turn until the time is over.

    Args:
        kinds: What to damage.
        directory: An empty one, for the material and its copies.
        seed: Decides what is done in each trial, whatever the others came to.
        seconds: After which no trial begins.
        trials: At most so many.
    """
    started = time.monotonic()
    base, work = directory / "base", directory / "work"
    base.mkdir()
    make(base)
    wanted: dict[tuple[str, int], str] = {}
    number = 0
    while time.monotonic() - started < seconds and (trials is None or number < trials):
        kind = kinds[number % len(kinds)]
        yield _trial(kind, number, base, work, seed, wanted)
        number += 1


def _trial(kind: Kind, number: int, base: Path, work: Path, seed: int, wanted: dict[tuple[str, int], str]) -> Found:
    draw = Random(f"{seed} {kind.name} {number}")
    which = draw.randrange(len(kind.actions))
    if (kind.name, which) not in wanted:  # or a command that refuses whole files would seem to be a good one
        _copy(base, work)
        whole = attempt(kind.actions[which], work)
        wanted[kind.name, which] = "" if kind.witness is None else kind.witness(work, whole.output)
        if whole.code:
            return Found(kind.name, number, "undamaged", "nothing", "code", whole.code, whole.output)
    _copy(base, work)
    path, others = choose(kind, work, draw)
    name = str(path.relative_to(work))
    done = damage(path, draw, others, may_be_piped=kind.may_be_piped)
    mended = kind.mend is not None and draw.random() < 0.35
    if kind.mend is not None and mended:
        kind.mend(work)
        done += ", hashes mended"
    outcome = attempt(kind.actions[which], work)
    fault = outcome.fault
    judged = fault is None and outcome.code == 0 and kind.witness is not None and not mended
    if judged and kind.witness is not None and not any(fnmatch(name, pattern) for pattern in kind.free):
        fault = "other data" if kind.witness(work, outcome.output) != wanted[kind.name, which] else None
    return Found(kind.name, number, name, f"{done} (action {which})", fault, outcome.code, outcome.output)


def _copy(base: Path, work: Path) -> None:
    """A fresh copy of the material, links kept."""
    if work.exists():
        shutil.rmtree(work)
    shutil.copytree(base, work, symlinks=True)
