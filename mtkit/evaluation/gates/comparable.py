"""Whether a test set could be compared at all, before its outputs are there."""

from collections.abc import Sequence

from mtkit.errors import ConfigError
from mtkit.evaluation.assessment import Method
from mtkit.evaluation.gates.gate import Gates
from mtkit.evaluation.metrics.metrics import Score, score
from mtkit.evaluation.sets import EvaluationSet


def check_comparable(material: EvaluationSet, method: Method, gates: Gates, *, only: bool) -> None:
    """Refuse what could not be compared, before hours are spent on translating it.

    Args:
        material: Its outputs need not be there yet.
        method: How it is going to be assessed.
        gates: What it must reach.
        only: Whether it is the only test set.

    Raises:
        ConfigError: If there is no baseline, or no other system, to compare with.
        DataError: If the stored baseline is one of another test set, lacks a metric, or scored in another way.
    """
    if method.paired is not None and len(material.systems) < 2:
        raise ConfigError("--paired compares systems: give at least two with --hyp FILE --hyp FILE")
    if method.runs and len(material.systems) < 2:
        raise ConfigError("--runs takes several runs together: give at least two with --hyp FILE --hyp FILE")
    if gates.need_baseline and method.against is None:
        raise ConfigError("a gate compares with a stored baseline: name it with --against FILE")
    if method.against is not None and gates.need_baseline:
        stored = method.against.find(material.name, only=only)
        src = material.src.lines if material.src is not None else None
        method.against.check_texts(stored, [ref.lines for ref in material.refs], src)
        method.against.check_signatures(stored, _signed(material, method, gates.compared), gates.compared)


def _signed(material: EvaluationSet, method: Method, metrics: Sequence[str]) -> list[Score]:
    """Scores of nothing in particular, whose signatures are those that the test set's scores will have."""
    settings, n_refs = method.settings(material, metrics), len(material.refs)
    ours = [metric for metric in settings.metrics if metric != "comet"]
    scores = score(
        ["x"],
        [["x"]] * n_refs,
        ours,
        tgt_lang=settings.tgt_lang,
        tokenize=settings.tokenize,
        lowercase=settings.lowercase,
    )
    if method.comet is not None:
        scores.append(Score("comet", "COMET", 0.0, method.comet.signature(n_refs)))
    return scores
