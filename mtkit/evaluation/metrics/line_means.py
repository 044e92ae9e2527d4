"""Metrics that are the mean of a value of every line: exact match, and ROUGE for summaries (Lin, 2004).

They are metrics of sacreBLEU's kind: what is counted of a line is its value, and the line itself, so that intervals and
paired tests resample them as they do BLEU.
"""

import re
from abc import abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from sacrebleu.metrics.base import Metric, Score, Signature

from mtkit.errors import ConfigError
from mtkit.languages.codes import base_language
from mtkit.version import __version__

ROUGE_METRICS = ("rouge1", "rouge2", "rougel")
LINE_METRICS = ("exact", *ROUGE_METRICS)
GROUPS = {"rouge": ROUGE_METRICS}
"""Names that stand for several metrics."""

_NAMES = {"rouge1": ("rouge1", "ROUGE-1"), "rouge2": ("rouge2", "ROUGE-2"), "rougel": ("rougeL", "ROUGE-L")}
"""Of each of mtkit's names the library's and the published one."""

_WORD = re.compile(r"\w+")
_UNSPACED = ("zh", "ja", "th", "lo", "km", "my")


class LineMean(Metric):
    """A metric that is 100 times the mean of a value of every line, from 0 to 1."""

    name: str
    """Published name."""

    def _aggregate_and_compute(self, stats: Sequence[Sequence[float]]) -> Score:
        return self._compute_score_from_stats([sum(column) for column in zip(*stats, strict=True)])

    def _compute_score_from_stats(self, stats: Sequence[float]) -> Score:
        return Score(self.name, 100 * stats[0] / stats[1])

    def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[float]:
        return [self._value(hypothesis, ref_kwargs["refs"]), 1]

    def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
        return {"refs": refs}

    @abstractmethod
    def _value(self, hyp: str, refs: Sequence[str]) -> float:
        """Of one line, from 0 to 1, higher is better."""


class _ExactSignature(Signature):
    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__(args)
        self.info |= {"case": "lc" if args["lowercase"] else "mixed", "version": f"mtkit-{__version__}"}


class ExactMatch(LineMean):
    """Percentage of lines that equal one of their references, white space at the ends aside."""

    _SIGNATURE_TYPE = _ExactSignature
    name = "exact match"

    def __init__(self, *, lowercase: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lowercase = lowercase

    def _preprocess_segment(self, sent: str) -> str:
        return sent.strip().lower() if self.lowercase else sent.strip()

    def _value(self, hyp: str, refs: Sequence[str]) -> float:
        return float(hyp in refs)


class _RougeSignature(Signature):
    def __init__(self, args: dict[str, Any]) -> None:
        super().__init__(args)
        self.info |= {"case": "lc", "stem": "no", "tok": args["tok"], "version": f"rouge-score-{args['library']}"}


class Rouge(LineMean):
    """ROUGE-1, ROUGE-2 or ROUGE-L as F1, of the reference that fits best, by the package ``rouge-score``.

    Without stemming. Words are cut as the package does where the language is English: only a to z and digits count. In
    other languages they are what Unicode calls words, and characters where no spaces part words.
    """

    _SIGNATURE_TYPE = _RougeSignature

    def __init__(self, metric: str, *, tgt_lang: str | None) -> None:
        """Load the package.

        Raises:
            ConfigError: If it is not installed.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        check_rouge()
        from rouge_score.rouge_scorer import RougeScorer

        self._key, self.name = _NAMES[metric]
        language = base_language(tgt_lang)
        self.tok = "a-z0-9" if language in (None, "en") else "char" if language in _UNSPACED else "words"
        self.library = version("rouge-score")
        tokenizer = None if self.tok == "a-z0-9" else _Words(single=self.tok == "char")
        self._scorer = RougeScorer([self._key], use_stemmer=False, tokenizer=tokenizer)

    def _preprocess_segment(self, sent: str) -> str:
        return sent

    def _value(self, hyp: str, refs: Sequence[str]) -> float:
        return float(self._scorer.score_multi(refs, hyp)[self._key].fmeasure)


class _Words:
    """Cuts a text for ``rouge-score``, which calls ``tokenize``."""

    def __init__(self, *, single: bool) -> None:
        self._single = single

    def tokenize(self, text: str) -> list[str]:
        """Words in lower case, or their characters."""
        words = _WORD.findall(text.lower())
        return [character for word in words for character in word] if self._single else words


def each_of(metrics: Sequence[str]) -> list[str]:
    """The metrics, each once; a name that stands for several gives way to them."""
    return list(dict.fromkeys(each for metric in metrics for each in GROUPS.get(metric, (metric,))))


def check_installed(metrics: Sequence[str]) -> None:
    """Make sure that the package is there which metrics need, if they need it.

    Raises:
        ConfigError: If it is not.
    """
    if {*metrics} & {*ROUGE_METRICS, *GROUPS}:
        check_rouge()


@cache
def check_rouge() -> None:
    """Make sure that the package is there.

    Raises:
        ConfigError: If it is not.
    """
    try:
        import rouge_score.rouge_scorer  # noqa: F401
    except ImportError:
        raise ConfigError("ROUGE needs a package: pip install 'mtkit[rouge]'") from None
