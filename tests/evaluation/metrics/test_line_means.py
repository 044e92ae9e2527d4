import builtins
from collections.abc import Sequence
from typing import Any

import pytest

from mtkit.errors import ConfigError
from mtkit.evaluation.certainty.significance import measure_certainty
from mtkit.evaluation.metrics.line_means import check_installed, check_rouge
from mtkit.evaluation.metrics.metrics import score, score_and_count
from mtkit.evaluation.metrics.scorers import ScoringSettings
from mtkit.machine.workers import Workers

HYPS = ["the cat was on a mat", "Nothing", "a red dog", ""]
REFS = ["The cat sat on the mat.", "something else", "a red dog", "not empty"]


def f1(matches: int, n_hyp: int, n_ref: int) -> float:
    return 2 * matches / (n_hyp + n_ref) if matches else 0.0


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, from its recursive definition."""
    if not a or not b:
        return 0
    if a[-1] == b[-1]:
        return 1 + longest_common(a[:-1], b[:-1])
    return max(longest_common(a[:-1], b), longest_common(a, b[:-1]))


def rouge(order: int, hyp: str, ref: str) -> float:
    """ROUGE-N as F1 of multisets of n-grams, and ROUGE-L where ``order`` is 0 (Lin, 2004)."""
    a, b = (text.lower().replace(".", "").split() for text in (hyp, ref))
    if order == 0:
        return f1(longest_common(a, b), len(a), len(b))
    grams = [[tuple(words[i : i + order]) for i in range(len(words) - order + 1)] for words in (a, b)]
    matches = sum(min(grams[0].count(gram), grams[1].count(gram)) for gram in {*grams[0]})
    return f1(matches, len(grams[0]), len(grams[1]))


@pytest.mark.parametrize(("metric", "order"), [("rouge1", 1), ("rouge2", 2), ("rougel", 0)])
def test_rouge_is_the_mean_f1_of_the_lines(metric: str, order: int) -> None:
    pytest.importorskip("rouge_score")
    (found,) = score(HYPS, [REFS], [metric], tgt_lang="en")
    assert found.value == pytest.approx(100 * sum(map(rouge, [order] * 4, HYPS, REFS)) / 4)
    assert found.signature.startswith("nrefs:1|case:lc|stem:no|tok:a-z0-9|version:rouge-score-")
    assert found.higher_is_better


def test_of_several_references_the_best_counts() -> None:
    pytest.importorskip("rouge_score")
    (found,) = score(["a red dog"], [["a cat"], ["a red dog"]], ["rouge1"])
    assert (found.value, found.signature.split("|")[0]) == (100, "nrefs:2")


@pytest.mark.parametrize(
    ("tgt_lang", "hyp", "ref", "tok"),
    [("de", "größer Ärger", "Größer ärger", "words"), ("zh", "红狗", "红猫狗", "char"), ("ru", "да", "Да!", "words")],
)
def test_words_of_other_languages_are_not_lost(tgt_lang: str, hyp: str, ref: str, tok: str) -> None:
    pytest.importorskip("rouge_score")
    (found,) = score([hyp], [[ref]], ["rouge1"], tgt_lang=tgt_lang)
    assert found.value == pytest.approx(80 if tgt_lang == "zh" else 100)
    assert f"tok:{tok}" in found.signature


def test_rouge_stands_for_all_three() -> None:
    pytest.importorskip("rouge_score")
    found = score(HYPS, [REFS], ["exact", "rouge", "rougel"])
    assert [each.name for each in found] == ["exact match", "ROUGE-1", "ROUGE-2", "ROUGE-L"]


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("rouge_score"):
            raise ImportError(name)
        return real(name, *rest)

    check_rouge.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    for metrics in (["rouge"], ["bleu", "rouge2"]):
        with pytest.raises(ConfigError, match=r"pip install 'mtkit\[rouge\]'"):
            check_installed(metrics)
    check_installed(["bleu", "exact"])


def test_exact_match_has_intervals_and_a_paired_test() -> None:
    refs = [str(n) for n in range(200)]
    hyps = {"half": [ref if n % 2 else "x" for n, ref in enumerate(refs)], "most": [*refs[:190], *["x"] * 10]}
    settings = ScoringSettings(["exact"])
    with Workers(1) as workers:
        counts = {name: score_and_count(hyp, [refs], settings, workers)[1] for name, hyp in hyps.items()}
    found = measure_certainty(list(counts.items()), settings.scorers(1), test="bs", n_samples=300)
    (comparison,) = found.comparisons
    assert (comparison.baseline_value, comparison.value, comparison.significant) == (50, 95, True)
    # the standard error of a share of one half is 0.5 / sqrt(200), and the interval about 3.92 of them wide
    assert found.intervals[0]["exact"].half_width == pytest.approx(1.96 * 100 * 0.5 / 200**0.5, rel=0.25)
    assert "seed:12345" in found.signatures["exact"]


def test_the_signature_of_exact_match_says_case_and_references() -> None:
    (found,) = score(["A", "b"], [["a", "b"], ["c", "d"]], ["exact"], lowercase=True)
    assert found.value == 100
    assert found.signature.startswith("nrefs:2|case:lc|version:mtkit-")
