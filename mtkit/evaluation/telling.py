"""Which number tells which of two models is better: BLEU where it says something, else chrF, else the loss.

BLEU counts sequences of four words. On lines of one to three words, or where no spaces part the words, it stays at 0
however good a model is; and early in training it is 0, or chance, on any text. There chrF judges, which counts
characters, and below what chrF reaches by chance the loss. All that compares models asks here:
which checkpoint is best, when a run stops early, what a precision loses, whether anything has been learnt.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mtkit.evaluation.metrics.metrics import Score
from mtkit.evaluation.metrics.scorers import make_scorer
from mtkit.settings.training import Metric

TextMetric = Literal["bleu", "chrf"]

_JUDGES_FROM: Mapping[Metric, float] = {"bleu": 5.0, "chrf": 10.0}  # of small sets BLEU's smoothing makes up to 5
_LEARNT_FROM: Mapping[TextMetric, float] = {"bleu": 1.0, "chrf": 10.0}  # a lower score is what chance reaches

NAMES: Mapping[Metric, str] = {"bleu": "BLEU", "chrf": "chrF", "loss": "loss"}

_LADDER: tuple[Metric, ...] = ("bleu", "chrf", "loss")
_LOWERED: Mapping[Metric, float] = {"bleu": 0.0, "chrf": -100.0, "loss": -100.0}
_LOSS_DECIMALS = 4  # nats a token: less is not a difference
_N_WORDS = 4  # of BLEU's longest sequences
_LONG_WORD = 12.0  # characters, on average: what stands between spaces are phrases, not words


@dataclass(frozen=True)
class Standing:
    """Where a model stands among the others of its run."""

    metric: Metric
    """What judged."""

    number: float
    """The higher the better, whichever metric judged: what BLEU can judge stands above what only chrF can, and that
    above what only the loss can. NaN where the loss is."""


def standing(values: Mapping[Metric, float], metric: Metric, tells: TextMetric = "bleu") -> Standing:
    """Judge a model by the first number that says something, from ``metric`` on.

    Args:
        values: The loss (nats per token, lower is better) and what else was measured of BLEU and chrF (0 to 100).
        metric: What is asked for.
        tells: What ``telling`` says of the references.
    """
    first = max(_LADDER.index(metric), _LADDER.index(tells) if metric == "bleu" else 0)
    for name in _LADDER[first:]:
        if name == "loss":
            break
        if values.get(name, 0.0) >= _JUDGES_FROM[name]:
            return Standing(name, values[name] + _LOWERED[name])
    loss = values["loss"]
    return Standing("loss", _LOWERED["loss"] - (round(loss, _LOSS_DECIMALS) if math.isfinite(loss) else loss))


def telling(ref_text: Sequence[str], tgt_lang: str | None) -> TextMetric:
    """``bleu`` where it tells translations apart: most references have four words, and these are words; else ``chrf``.

    Args:
        ref_text: One reference a line.
        tgt_lang: Code of its language, which decides how BLEU cuts it.
    """
    tokenize = make_scorer("bleu", tgt_lang=tgt_lang, tokenize=None, lowercase=False).tokenizer  # type: ignore[attr-defined]
    cut = [tokenize(line.strip()).split() for line in ref_text]
    n_long = sum(len(words) >= _N_WORDS for words in cut)
    n_words = sum(map(len, cut))
    n_characters = sum(len(word) for words in cut for word in words)
    return "bleu" if 2 * n_long >= len(cut) and n_characters <= _LONG_WORD * n_words else "chrf"


def judge_of(scores: Sequence[Score], ref_text: Sequence[str], tgt_lang: str | None) -> Score | None:
    """The one of a model's scores on these references that says how good it is; None where there is neither.

    BLEU where it is meaningful and not chance, else chrF.
    """
    by_metric = {each.metric: each for each in scores}
    bleu, chrf = by_metric.get("bleu"), by_metric.get("chrf")
    if bleu is None or chrf is None:
        return bleu or chrf
    return bleu if bleu.value >= _JUDGES_FROM["bleu"] and telling(ref_text, tgt_lang) == "bleu" else chrf


def has_learnt(scores: Sequence[Score], ref_text: Sequence[str], tgt_lang: str | None) -> bool:
    """Whether a model is better than chance, by its scores on these references."""
    by_metric = {each.metric: each.value for each in scores}
    tells = telling(ref_text, tgt_lang)
    return by_metric.get(tells, 0.0) >= _LEARNT_FROM[tells]
