"""sacreBLEU's metrics as mtkit asks for them: which tokenizer, which settings, one line where something is missing."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from mtkit.errors import ConfigError
from mtkit.evaluation.metrics.line_means import LINE_METRICS, ROUGE_METRICS, ExactMatch, Rouge, each_of
from mtkit.languages.codes import base_language
from mtkit.log import logger

SACREBLEU_METRICS = ("bleu", "chrf", "chrf++", "ter", "spbleu")
COUNTED_METRICS = (*SACREBLEU_METRICS, *LINE_METRICS)
"""What counts line by line, so that lines can be resampled for intervals and tests."""

# Languages written without spaces, or with spaces that do not part words, which 13a would not cut into words. Where
# sacreBLEU cannot cut one into words either, characters are counted.
_TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab", **dict.fromkeys(("th", "lo", "km", "my"), "char")}
_FALLBACK = "char"
_PACKAGES = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}
_SPBLEU = "flores200"
_WITH_MODEL = ("spm", "flores101", "flores200", "spBLEU-1K")
"""Tokenizers that are a SentencePiece model, which sacreBLEU downloads when it is first used."""


def bleu_tokenizer(tgt_lang: str | None, tokenize: str | None = None) -> str:
    """Name of the tokenizer that BLEU uses: the one asked for, or else the one that suits the language."""
    return tokenize or _TOKENIZERS.get(base_language(tgt_lang), "13a")


def make_scorer(
    metric: str, *, tgt_lang: str | None, tokenize: str | None, lowercase: bool, of_segments: bool = False
) -> Metric:
    """A metric of sacreBLEU's kind, its tokenizer loaded.

    Args:
        metric: Out of ``COUNTED_METRICS``.
        tgt_lang: Code of the target language; chooses how text is cut into words.
        tokenize: sacreBLEU tokenizer for BLEU, over the choice by language; where that one lacks its package,
            characters are counted, which is said once and stands in the signature.
        lowercase: Ignore case in BLEU, chrF and exact match. TER and ROUGE always do.
        of_segments: BLEU leaves out the orders of n-grams that a short sentence cannot match (``eff:yes``).

    Raises:
        ConfigError: If the tokenizer is unknown, lacks its package, or cannot be downloaded, or ROUGE lacks its own.
    """
    if metric == "exact":
        return ExactMatch(lowercase=lowercase)
    if metric in ROUGE_METRICS:
        return Rouge(metric, tgt_lang=tgt_lang)
    if metric in ("bleu", "spbleu"):
        name = _SPBLEU if metric == "spbleu" else bleu_tokenizer(tgt_lang, tokenize)
        try:
            return _bleu(name, lowercase=lowercase, effective_order=of_segments)
        except ConfigError:
            if tokenize is not None or name not in _PACKAGES:
                raise
        _say_fallback(name)
        return _bleu(_FALLBACK, lowercase=lowercase, effective_order=of_segments)
    if metric == "ter":
        return make_ter(unspaced=_TOKENIZERS.get(base_language(tgt_lang)) in ("zh", "ja-mecab"))
    return CHRF(word_order=2 if metric == "chrf++" else 0, lowercase=lowercase)


@cache
def _say_fallback(name: str) -> None:
    """Say once which package is missing."""
    logger.warning(
        "BLEU counts characters (tok:%s) instead of words, as its tokenizer %s is not installed: pip install '%s'",
        _FALLBACK,
        name,
        _PACKAGES[name],
    )


def make_ter(*, unspaced: bool) -> TER:
    """TER for a language that is written with spaces, or for one without.

    TERCOM takes what stands between spaces for a word: a whole Chinese or Japanese sentence, unless told to cut.
    """
    return TER(normalized=unspaced, asian_support=unspaced)


@dataclass(frozen=True)
class ScoringSettings:
    """How a test set is scored."""

    metrics: Sequence[str]
    """mtkit's names; some may be no metrics of sacreBLEU."""

    tgt_lang: str | None = None
    tokenize: str | None = None
    lowercase: bool = False

    def scorers(self, n_refs: int | None = None, *, of_segments: bool = False) -> dict[str, Metric]:
        """The metrics that count line by line, by mtkit's names.

        Args:
            n_refs: How many references their signatures are to name, which are known without it once they have counted.
            of_segments: As of ``make_scorer``.
        """
        scorers = {
            metric: make_scorer(
                metric,
                tgt_lang=self.tgt_lang,
                tokenize=self.tokenize,
                lowercase=self.lowercase,
                of_segments=of_segments,
            )
            for metric in each_of(self.metrics)
            if metric in COUNTED_METRICS
        }
        for scorer in scorers.values():
            if n_refs is not None:
                scorer.num_refs = n_refs
        return scorers


def meant(typed: str, known: Iterable[str]) -> str:
    """What a mistyped name may have meant, to stand after it."""
    close = difflib.get_close_matches(typed.lower(), list(known), n=1)
    return f": did you mean {close[0]}?" if close else "."


def _bleu(name: str, *, lowercase: bool, effective_order: bool) -> BLEU:
    """BLEU with its tokenizer loaded."""
    if name not in BLEU.TOKENIZERS:
        raise ConfigError(
            f"unknown tokenizer {name!r}{meant(name, BLEU.TOKENIZERS)} There are {', '.join(BLEU.TOKENIZERS)}"
        )
    try:
        # force: silences sacreBLEU's own warning about tokenised text; evaluation.pitfalls.checks has a finer one.
        return BLEU(tokenize=name, lowercase=lowercase, effective_order=effective_order, force=True)
    except OSError as error:  # of urllib, or of SentencePiece about half a file
        raise ConfigError(_without_model(name, error)) from error
    except (RuntimeError, ImportError) as error:
        if name in _WITH_MODEL:
            raise ConfigError(_without_model(name, error)) from error
        package = _PACKAGES.get(name, "sacrebleu")
        raise ConfigError(
            f"BLEU's tokenizer {name} is not installed: pip install '{package}' (mtkit evaluate takes another with "
            "--tok char)"
        ) from None


def _without_model(name: str, error: Exception) -> str:
    from sacrebleu.utils import SACREBLEU_DIR

    return (
        f"BLEU's tokenizer {name} cannot be downloaded ({error}): needed once, with network; it is then kept in "
        f"{SACREBLEU_DIR}/models"
    )
