"""A stored baseline: the output, scores and signatures of a system that later ones are held against.

The outputs are kept word for word, as only they can tell whether a difference is significant: the file is about as
large as the test sets, and fit for a repository. It is JSON, and says of each test set what it was made of.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtkit.errors import DataError
from mtkit.evaluation.metrics.metrics import Score
from mtkit.files.outputs import write_output
from mtkit.files.reading import check_regular, parse_json, version_in
from mtkit.files.text import read_blocks
from mtkit.files.whole import json_bytes
from mtkit.version import __version__

FORMAT_VERSION = 1
_KIND = "mtkit baseline"
_AGAIN = "save it again with --save-baseline"
_MAX_DIFFERENCE = 0.01
"""Points by which a score may differ that is computed again: the same counts, in another version of a library."""


@dataclass(frozen=True)
class BaselineSet:
    """What was stored of one test set."""

    name: str
    n_lines: int
    refs_sha256: list[str]
    src_sha256: str | None
    hyp_sha256: str
    hyp_text: list[str]
    scores: list[Score]
    engine: str | None = None
    """What translated, where, and in which precision; None where the output was given, or it was not stored yet."""

    def other_engine(self, engine: str | None) -> str | None:
        """A remark where another engine, device or precision may be why the scores are not the same.

        Args:
            engine: What translated now.
        """
        if None in (engine, self.engine) or engine == self.engine:
            return None
        return f"translated on {engine}, the baseline on {self.engine}"


@dataclass(frozen=True)
class Baseline:
    """A stored baseline."""

    path: Path
    versions: dict[str, str]
    """Versions of mtkit and sacrebleu that saved it."""

    sets: list[BaselineSet]

    def find(self, name: str, *, only: bool) -> BaselineSet:
        """The test set of a name, or the only one there is.

        Args:
            name: Name of a test set that is scored now.
            only: Whether no other is.

        Raises:
            DataError: If it was not stored.
        """
        for stored in self.sets:
            if stored.name == name:
                return stored
        if only and len(self.sets) == 1:
            return self.sets[0]
        names = ", ".join(stored.name for stored in self.sets)
        raise DataError(f"{self.path}: holds no test set {name} (it has {names}); {_AGAIN}")

    def check_texts(self, stored: BaselineSet, refs: Iterable[Sequence[str]], src: Sequence[str] | None) -> None:
        """Make sure that a test set is still the one that the baseline was scored on.

        Raises:
            DataError: Saying what changed.
        """
        if [sha256_lines(lines) for lines in refs] != stored.refs_sha256:
            raise DataError(
                f"{self.path}: the references of {stored.name} are not those of the baseline: the scores cannot "
                f"be compared; {_AGAIN}"
            )
        if None not in (src, stored.src_sha256) and sha256_lines(src or []) != stored.src_sha256:
            raise DataError(f"{self.path}: the source of {stored.name} is not that of the baseline; {_AGAIN}")

    def check_scores(self, stored: BaselineSet, again: Iterable[Score]) -> None:
        """Make sure that the scores are those of the output beside them.

        Args:
            stored: Of a test set whose references are still those of the baseline.
            again: Scores of its output, computed now by metrics of the same signature.

        Raises:
            DataError: Naming the first that is not.
        """
        then = {score.metric: score.value for score in stored.scores}
        for score in again:
            if abs(score.value - then[score.metric]) > _MAX_DIFFERENCE:
                raise DataError(
                    f"{self.path}: damaged: {score.name} of {stored.name} is {then[score.metric]:.2f} there, but the "
                    f"output beside it has {score.value:.2f}; {_AGAIN}"
                )

    def check_signatures(self, stored: BaselineSet, scores: Iterable[Score], metrics: Iterable[str]) -> None:
        """Make sure that the metrics that are compared are computed as they were then.

        Raises:
            DataError: Naming a metric that the baseline lacks, or what changed in a signature.
        """
        then = {score.metric: score for score in stored.scores}
        now = {score.metric: score for score in scores}
        for metric in metrics:
            if metric not in then:
                wanted = ",".join([*then, metric])
                raise DataError(f"{self.path}: has no {metric} for {stored.name}; {_AGAIN} and --metrics {wanted}")
            old, new = _without_sampling(then[metric].signature), _without_sampling(now[metric].signature)
            if old != new:
                changed = ", ".join(f"{a} is now {b}" for a, b in zip(old, new, strict=False) if a != b)
                raise DataError(
                    f"{self.path}: {now[metric].name} of {stored.name} had a different signature "
                    f"({changed or f'{len(old)} parts are now {len(new)}'}): the scores cannot be compared; "
                    f"{_AGAIN}"
                )


def save_baseline(path: Path, sets: Sequence[BaselineSet]) -> None:
    """Write a baseline, whole or not at all."""
    from sacrebleu import __version__ as sacrebleu_version

    tree = {
        "kind": _KIND,
        "format_version": FORMAT_VERSION,
        "versions": {"mtkit": __version__, "sacrebleu": sacrebleu_version},
        "test_sets": [
            {
                "name": stored.name,
                "n_lines": stored.n_lines,
                "refs_sha256": stored.refs_sha256,
                "src_sha256": stored.src_sha256,
                "hyp_sha256": stored.hyp_sha256,
                "engine": stored.engine,
                "scores": [score.as_json() for score in stored.scores],
                "hyp": stored.hyp_text,
            }
            for stored in sets
        ],
    }
    write_output(path, [json_bytes(tree)])


def load_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        DataError: If it is missing, damaged, another kind of file, or of a newer mtkit.
    """
    if not path.exists():
        raise DataError(f"{path}: no such baseline; save one with --save-baseline {path}")
    check_regular(path)  # a pipe may have no end
    try:
        tree = parse_json(b"".join(read_blocks(path)))
    except ValueError as error:
        raise DataError(f"{path}: is not a baseline, or is incomplete; {_AGAIN}") from error
    if not isinstance(tree, dict) or tree.get("kind") != _KIND:
        raise DataError(f"{path}: is not a baseline; {_AGAIN}")
    try:
        version = version_in(tree)
    except ValueError as error:
        raise DataError(f"{path}: damaged: {error}; {_AGAIN}") from None
    if version > FORMAT_VERSION:
        raise DataError(
            f"{path}: a baseline of format {version}, but this mtkit reads up to {FORMAT_VERSION}: update mtkit, or "
            f"{_AGAIN}"
        )
    try:
        sets = [_read_set(path, stored) for stored in tree["test_sets"]]
        _refuse_twins(path, "test set", [stored.name for stored in sets])
        return Baseline(path, dict(tree["versions"]), sets)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: damaged ({type(error).__name__}: {error}); {_AGAIN}") from None


def sha256_lines(lines: Iterable[str]) -> str:
    """Hex digest of text as it would lie in a file with a line end after each line."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def _read_set(path: Path, tree: dict[str, Any]) -> BaselineSet:
    hyp_text = [str(line) for line in tree["hyp"]]
    if len(hyp_text) != tree["n_lines"] or sha256_lines(hyp_text) != tree["hyp_sha256"]:
        raise DataError(f"{path}: damaged: the output of {tree['name']} is not the one that was scored; {_AGAIN}")
    scores = [Score.from_json(score) for score in tree["scores"]]
    for score in scores:
        if not isinstance(score.value, int | float) or not math.isfinite(score.value):
            raise DataError(f"{path}: {score.metric} of {tree['name']} is not a number ({score.value}); {_AGAIN}")
    _refuse_twins(path, "score", [score.metric for score in scores])
    refs = [str(digest) for digest in tree["refs_sha256"]]
    src = None if tree["src_sha256"] is None else str(tree["src_sha256"])
    engine = None if tree.get("engine") is None else str(tree["engine"])
    return BaselineSet(str(tree["name"]), len(hyp_text), refs, src, str(tree["hyp_sha256"]), hyp_text, scores, engine)


def _refuse_twins(path: Path, kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: damaged: the {kind} {name} is there twice; {_AGAIN}")


def _without_sampling(signature: str) -> list[str]:
    """The parts of a signature, but for samples and seeds, which do not change the score."""
    return [part for part in signature.split("|") if not part.startswith(("bs:", "ar:", "seed:"))]
