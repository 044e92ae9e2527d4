"""Scores as a person reads them."""

from collections.abc import Sequence

from mtkit.evaluation.metrics import BleuDetails, Score


def score_lines(scores: Sequence[Score], *, decimals: int = 2) -> list[str]:
    """One line per score: name, value, what belongs to it, and the signature, in columns."""
    values = [f"{score.value:.{decimals}f}" for score in scores]
    name_width = max((len(score.name) for score in scores), default=0)
    value_width = max(map(len, values), default=0)
    detail_width = max((len(_details(score)) for score in scores), default=0)
    lines = []
    for score, value in zip(scores, values, strict=True):
        columns = [f"{score.name:<{name_width}}", f"{value:>{value_width}}", f"{_details(score):<{detail_width}}"]
        lines.append("  ".join([*filter(None, columns), score.signature]))
    return lines


def _details(score: Score) -> str:
    """What a reader needs to judge the value."""
    if isinstance(score.details, BleuDetails):
        return f"BP {score.details.brevity_penalty:.3f}  ratio {score.details.length_ratio:.3f}"
    return "" if score.higher_is_better else "lower is better"
