"""Corpus scores through sacreBLEU, each with the signature that makes it comparable (Post, 2018).

Polarity: BLEU, chrF and chrF++ run from 0 to 100, higher is better. TER counts edits per 100 reference words:
0 is perfect, lower is better, and it can exceed 100.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sacrebleu.metrics.bleu import BLEU, BLEUScore
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER, TERScore

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.checks import Text, check_aligned

METRICS = ("bleu", "chrf", "chrf++", "ter")
DEFAULT_METRICS = ("bleu", "chrf", "ter")

# Languages written without spaces, or with spaces that do not part words, which 13a would not cut into words.
_TOKENIZERS = {"zh": "zh", "cmn": "zh", "ja": "ja-mecab", "jpn": "ja-mecab", "ko": "ko-mecab", "kor": "ko-mecab"}
_PACKAGES = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}


@dataclass(frozen=True)
class BleuDetails:
    """What BLEU is made of: BLEU = brevity_penalty * geometric mean of the precisions (Papineni et al., 2002)."""

    brevity_penalty: float
    """exp(1 - ref_length / hyp_length) where the output is shorter than the reference, else 1."""

    length_ratio: float
    """hyp_length / ref_length; 0 where the references are empty."""

    hyp_length: int
    """Words, as BLEU's tokenizer cuts them."""

    ref_length: int
    """Words; with several references, of the one closest in length to each output line."""

    precisions: tuple[float, ...]
    """Of 1- to 4-grams, in percent."""


@dataclass(frozen=True)
class TerDetails:
    """What TER is made of: TER = 100 * n_edits / ref_length (Snover et al., 2006)."""

    n_edits: float
    """Insertions, deletions, substitutions and shifts that turn the output into the closest reference."""

    ref_length: float
    """Words, averaged over the references."""


@dataclass(frozen=True)
class Score:
    """One metric's value over a corpus."""

    metric: str
    """As it is asked for: one of ``METRICS``."""

    name: str
    """As it is published: BLEU, chrF2, chrF2++, TER."""

    value: float
    """In the metric's own polarity: see ``higher_is_better``."""

    signature: str
    """sacreBLEU's, at full length."""

    details: BleuDetails | TerDetails | None = None

    @property
    def higher_is_better(self) -> bool:
        """False for TER alone."""
        return self.metric != "ter"

    def as_json(self) -> dict[str, object]:
        """Plain values: metric, name, value, signature, polarity, and the details beside them."""
        plain = {
            "metric": self.metric,
            "name": self.name,
            "value": self.value,
            "signature": self.signature,
            "higher_is_better": self.higher_is_better,
        }
        return plain | (asdict(self.details) if self.details else {})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Score":
        """Inverse of ``as_json``."""
        kinds: dict[str, type[BleuDetails | TerDetails]] = {"bleu": BleuDetails, "ter": TerDetails}
        kind = kinds.get(plain["metric"])
        details = kind(**{f.name: plain[f.name] for f in fields(kind)}) if kind else None
        return cls(plain["metric"], plain["name"], plain["value"], plain["signature"], details)


def score(
    hyp_text: Sequence[str],
    ref_texts: Sequence[Sequence[str]],
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    tgt_lang: str | None = None,
    tokenize: str | None = None,
    lowercase: bool = False,
) -> list[Score]:
    """Score a corpus against one or more references.

    Args:
        hyp_text: One translation per segment, detokenised, without line ends.
        ref_texts: One list per reference, each as long as ``hyp_text``. Of references that fit equally well chrF takes
            the first, so that their order can move it by some thousandths.
        metrics: Names out of ``METRICS``.
        tgt_lang: Code of the target language (``zh``, ``zh-TW``); chooses the tokenizer.
        tokenize: sacreBLEU tokenizer for BLEU, over the choice by language.
        lowercase: Ignore case in BLEU and chrF. TER always does, as TERCOM did.

    Returns:
        One score per metric, in the order of ``metrics``.

    Raises:
        ConfigError: If a metric or a tokenizer is unknown or lacks its package.
        DataError: If there is nothing to score or the numbers of segments differ.
    """
    check_aligned(
        [Text("the output", hyp_text), *(Text(f"reference {n}", lines) for n, lines in enumerate(ref_texts, 1))]
    )
    if not ref_texts:
        raise DataError("nothing to score against: no reference was given")
    chosen = check_metrics(metrics, tgt_lang=tgt_lang, tokenize=tokenize)
    if not hyp_text:
        raise DataError("nothing to score: the test set has no lines")
    return [_score(metric, hyp_text, ref_texts, tgt_lang, tokenize, lowercase) for metric in chosen]


def check_metrics(
    metrics: Sequence[str], *, tgt_lang: str | None = None, tokenize: str | None = None
) -> tuple[str, ...]:
    """Make sure that the metrics can be computed, before hours are spent on what they should score.

    Returns:
        The metrics, each once.

    Raises:
        ConfigError: If a metric or a tokenizer is unknown or lacks its package.
    """
    for metric in metrics:
        if metric not in METRICS:
            raise ConfigError(f"unknown metric {metric!r}{_meant(metric, METRICS)} There are {', '.join(METRICS)}")
    if "bleu" in metrics:
        _bleu(tgt_lang, tokenize, lowercase=False)
    return tuple(dict.fromkeys(metrics))


def bleu_tokenizer(tgt_lang: str | None, tokenize: str | None = None) -> str:
    """Name of the tokenizer that BLEU uses: the one asked for, or else the one that suits the language."""
    return tokenize or _TOKENIZERS.get(_base_language(tgt_lang), "13a")


def _score(
    metric: str,
    hyp_text: Sequence[str],
    ref_texts: Sequence[Sequence[str]],
    tgt_lang: str | None,
    tokenize: str | None,
    lowercase: bool,
) -> Score:
    """One metric, already known to exist."""
    scorer: BLEU | CHRF | TER
    if metric == "bleu":
        scorer = _bleu(tgt_lang, tokenize, lowercase)
    elif metric == "ter":
        # TERCOM takes what stands between spaces for a word: a whole Chinese or Japanese sentence, unless told to cut.
        unspaced = _TOKENIZERS.get(_base_language(tgt_lang)) in ("zh", "ja-mecab")
        scorer = TER(normalized=unspaced, asian_support=unspaced)
    else:
        scorer = CHRF(word_order=2 if metric == "chrf++" else 0, lowercase=lowercase)
    result = scorer.corpus_score(hyp_text, ref_texts)
    details: BleuDetails | TerDetails | None = None
    if isinstance(result, BLEUScore):
        details = BleuDetails(result.bp, result.ratio, result.sys_len, result.ref_len, tuple(result.precisions))
    elif isinstance(result, TERScore):
        details = TerDetails(result.num_edits, result.ref_length)
    return Score(metric, result.name, float(result.score), str(scorer.get_signature()), details)


def _bleu(tgt_lang: str | None, tokenize: str | None, lowercase: bool) -> BLEU:
    """BLEU with its tokenizer loaded."""
    name = bleu_tokenizer(tgt_lang, tokenize)
    if name not in BLEU.TOKENIZERS:
        raise ConfigError(
            f"unknown tokenizer {name!r}{_meant(name, BLEU.TOKENIZERS)} There are {', '.join(BLEU.TOKENIZERS)}"
        )
    try:
        # force: silences sacreBLEU's own warning about tokenised text; mtkit.evaluation.checks has a finer one.
        return BLEU(tokenize=name, lowercase=lowercase, force=True)
    except (RuntimeError, ImportError):
        package = _PACKAGES.get(name, "sacrebleu")
        raise ConfigError(
            f"BLEU's tokenizer {name} is not installed: pip install '{package}' (or choose another, such as --tok char)"
        ) from None
    except OSError as error:
        raise ConfigError(f"BLEU's tokenizer {name} cannot be downloaded: {error}") from error


def _base_language(code: str | None) -> str:
    """``zh`` of ``zh-TW`` and ``zh_Hant``."""
    return (code or "").replace("_", "-").partition("-")[0].lower()


def _meant(typed: str, known: Iterable[str]) -> str:
    """What a mistyped name may have meant."""
    close = difflib.get_close_matches(typed.lower(), list(known), n=1)
    return f": did you mean {close[0]}?" if close else "."
