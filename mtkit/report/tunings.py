"""What runs that started from a model changed in it, out of their models' manifests."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mtkit.bundle.bundle import MANIFEST
from mtkit.errors import DataError
from mtkit.evaluation.certainty.before_after import BeforeAfter, comparison_in
from mtkit.files.reading import read_json
from mtkit.report.names import run_names


@dataclass(frozen=True)
class Tuning:
    """One run."""

    run: str
    """A short name."""

    comparison: BeforeAfter

    def as_json(self) -> dict[str, object]:
        """Plain values, each set with its title."""
        sets = [asdict(each) | {"title": each.title()} for each in self.comparison.sets]
        return {"run": self.run, "base": self.comparison.base, "sets": sets}


def read_tunings(runs: Sequence[Path]) -> list[Tuning]:
    """Those of the runs that compare before and after; a run whose model is not written yet has nothing to compare.

    Raises:
        DataError: If a manifest is damaged.
    """
    found = []
    for name, run in zip(run_names(runs), runs, strict=True):
        path = run / "model" / MANIFEST
        if not path.is_file():
            continue
        manifest = read_json(path)
        if not isinstance(manifest, dict):
            raise DataError(f"{path}: damaged")
        comparison = comparison_in(manifest)
        if comparison is not None:
            found.append(Tuning(name, comparison))
    return found
