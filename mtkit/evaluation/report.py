"""Scores as a person reads them."""

from collections.abc import Sequence

from mtkit.evaluation.metrics import BleuDetails, Score


def score_lines(scores: Sequence[Score], *, decimals: int = 2) -> list[str]:
    """One line per score: name, value, what belongs to it, and the signature, in columns."""
    names = [score.name for score in scores]
    values = [f"{score.value:.{decimals}f}" for score in scores]
    details = [_details(score) for score in scores]
    widths = [max(map(len, column), default=0) for column in (names, values, details)]
    return [
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {detail:<{widths[2]}}  {score.signature}"
        for name, value, detail, score in zip(names, values, details, scores, strict=True)
    ]


def _details(score: Score) -> str:
    """What a reader needs to judge the value."""
    if isinstance(score.details, BleuDetails):
        return f"BP {score.details.brevity_penalty:.3f}  ratio {score.details.length_ratio:.3f}"
    return "" if score.higher_is_better else "lower is better"
