"""What a run found out about its machine when it began, and computes with for its whole life.

``fitted.json`` in the run directory holds numbers: threads and workers, bits of the products, micro-batches, tokens of
an update. The bits of a run depend on each of them, so that it goes on with them wherever it goes on. ``machine.json``
holds what they depend on and cannot be chosen: the kind of processor and the version of torch. Checkpoints hold the
numbers too, for a run that lost the file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mtkit.errors import CheckpointError, DataError
from mtkit.files.reading import read_json
from mtkit.files.whole import write_json
from mtkit.log import logger
from mtkit.machine.processor import cpu_kind
from mtkit.machine.threads import set_threads
from mtkit.training.saving.checkpoint import CheckpointStore, verify
from mtkit.wording import counted

FITTED = "fitted.json"
MACHINE = "machine.json"


def remembered(run_dir: Path, name: str, choose: Callable[[], int]) -> int:
    """The number, 1 or more, that the run began with; a new run chooses it now."""
    values = fitted(run_dir)
    if name not in values:
        values[name] = choose()
        write_json(run_dir / FITTED, values)
    return values[name]


def fitted(run_dir: Path) -> dict[str, int]:
    """All that is remembered; where the file is gone or damaged, what the newest whole checkpoint holds of it.

    Raises:
        DataError: If it is damaged, and the checkpoints do not say it either.
    """
    path = run_dir / FITTED
    store = CheckpointStore(run_dir)
    if not path.exists() and not store.updates():
        return {}
    try:
        return _numbers(read_json(path))
    except (DataError, ValueError) as error:
        values = _of_checkpoints(store)
        if path.exists():
            if values is None and store.updates():
                raise DataError(
                    f"{path}: damaged, and no checkpoint says what it held; delete it to measure the machine anew "
                    "(the bits may then differ), or start again with --overwrite"
                ) from None
            source = "measured anew" if values is None else "taken from the newest checkpoint that is whole"
            logger.warning("%s: damaged (%s); %s", path, error, source)
        write_json(path, values or {})
        return values or {}


def _of_checkpoints(store: CheckpointStore) -> dict[str, int] | None:
    for update in reversed(store.updates()):
        path = store.path(update)
        try:
            verify(path)
            return _numbers(read_json(path / "state.json")["fitted"])
        except (CheckpointError, DataError, KeyError, TypeError, ValueError):
            continue
    return None


def _numbers(values: Any) -> dict[str, int]:
    if not isinstance(values, dict) or any(not isinstance(n, int) or n < 1 for n in values.values()):
        raise ValueError("not what mtkit writes")
    return values


def use_remembered_threads(run_dir: Path, threads: int | None) -> int:
    """Compute with as many CPU threads as the run began with, whatever is asked for now; returns the number.

    Args:
        run_dir: Of the run.
        threads: As the settings say, for a new run; by default one per core.
    """
    asked = set_threads(threads)
    known = remembered(run_dir, "threads", lambda: asked)
    if known != asked:
        torch.set_num_threads(known)
        logger.info(
            "computing with %s, as the run began, and not %d: its bits depend on it", counted(known, "thread"), asked
        )
    return known


def note_machine(run_dir: Path, device: torch.device) -> None:
    """Note what a new run computes on; say so where one goes on on something else."""
    kind = cpu_kind() if device.type == "cpu" else torch.cuda.get_device_name(device)
    capability = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else "CUDA"
    now = {"processor": f"{kind}, {capability}", "torch": str(torch.__version__)}
    path = run_dir / MACHINE
    try:
        before = read_json(path)
    except DataError:
        before = None
    if not isinstance(before, dict):
        write_json(path, now)
        return
    changed = [f"{before.get(key)} then, {value} now" for key, value in now.items() if before.get(key) != value]
    if changed:
        logger.warning(
            "the run began elsewhere (%s): its bits may differ from those of an unbroken run", "; ".join(changed)
        )
