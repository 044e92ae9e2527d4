"""Short names for the page: without what all of them have in common."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path


def short_names(names: Sequence[str]) -> list[str]:
    """Leave out what all names begin and end with, part by part as dots divide them.

    ``test.en-de.hyp.A.de`` and ``test.en-de.hyp.B.de`` become ``A`` and ``B``. Something of each is left, and not its
    digits alone: ``hyp.1`` and ``hyp.2`` stay. Paths stay too, and a single name.
    """
    if len(names) < 2 or any("/" in name or "\\" in name for name in names):
        return list(names)
    parts = [name.split(".") for name in names]
    spare = min(map(len, parts)) - 1
    n_last = min(_n_common([each[::-1] for each in parts]), spare)
    rest = [each[: len(each) - n_last] for each in parts]
    n_first = min(_n_common(rest), spare - n_last)
    cut = [".".join(each[n_first:]) for each in rest]
    if any(not name or name[0].isdigit() for name in cut):
        cut = [".".join(each) for each in rest]
    return cut if all(cut) else list(names)


def _n_common(lists: Sequence[Sequence[str]]) -> int:
    """How many items all of them begin with."""
    return sum(1 for _ in takewhile(lambda items: len(set(items)) == 1, zip(*lists, strict=False)))


def run_names(runs: Sequence[Path]) -> list[str]:
    """The last directory of each run's path; the whole paths where two would be called the same."""
    names = [run.resolve().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]
