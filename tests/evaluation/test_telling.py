import math
from collections.abc import Mapping

import pytest

from mtkit.evaluation.metrics.metrics import score
from mtkit.evaluation.telling import has_learnt, judge_of, standing, telling
from mtkit.settings.training import Metric

SENTENCES = ["The cat sits on the mat.", "A dog runs through the park today.", "Yes."]
WORDS = ["Datei", "Öffnen", "Alle schließen", "Abbrechen"]
THAI = [
    "ผู้ชายคนหนึ่งกำลังเล่นกีตาร์ บนเวทีต่อหน้าผู้คนจำนวนมาก ในเมืองที่มีฝนตกหนัก และทุกคนปรบมือให้เขา",
    "เด็กสองคนกำลังวิ่งเล่นอยู่ในสวนสาธารณะ ใกล้กับบ้านของพวกเขา ในวันอาทิตย์ที่อากาศดีมาก กับสุนัขตัวใหญ่",
]


@pytest.mark.parametrize(
    ("ref_text", "language", "metric"),
    [
        (SENTENCES, "en", "bleu"),
        (WORDS, "de", "chrf"),
        (["Open file", "Save as", "Close the window now"], "en", "chrf"),
        (["Save as", "Close the window now"], "en", "bleu"),
        (["一个男人在弹吉他", "两个孩子在公园里跑步"], "zh", "bleu"),  # which BLEU cuts into characters
        (["猫", "打开"], "zh", "chrf"),
        (THAI, "th", "bleu"),  # likewise
        (THAI, None, "chrf"),  # and here takes phrases for words
    ],
)
def test_bleu_tells_where_most_lines_have_four_words(ref_text: list[str], language: str | None, metric: str) -> None:
    assert telling(ref_text, language) == metric


def test_the_better_model_stands_higher_whatever_judges_it() -> None:
    """From the best to the worst; equal ones in one row."""
    rows: list[list[Mapping[Metric, float]]] = [
        [{"loss": 9.0, "bleu": 30.0, "chrf": 1.0}, {"loss": 1.0, "bleu": 30.0, "chrf": 60.0}],
        [{"loss": 9.0, "bleu": 5.0, "chrf": 15.0}],
        [{"loss": 2.0, "bleu": 4.9, "chrf": 40.0}, {"loss": 3.0, "bleu": 0.0, "chrf": 40.0}],
        [{"loss": 2.0, "bleu": 0.9, "chrf": 10.0}],
        [{"loss": 2.0, "bleu": 0.9, "chrf": 9.9}, {"loss": 2.00001, "bleu": 0.0, "chrf": 0.0}, {"loss": 2.0}],
        [{"loss": 7.0, "bleu": 0.0, "chrf": 9.0}],
        [{"loss": math.inf, "bleu": 0.0, "chrf": 9.0}],
    ]
    numbers = [{standing(values, "bleu").number for values in row} for row in rows]
    assert [len(row) for row in numbers] == [1] * len(rows)
    heights = [row.pop() for row in numbers]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == len(rows)
    assert math.isnan(standing({"loss": math.nan}, "bleu").number)


def test_what_is_asked_for_judges_where_it_says_something() -> None:
    values: Mapping[Metric, float] = {"loss": 2.0, "bleu": 30.0, "chrf": 50.0}
    metrics: list[Metric] = ["loss", "bleu", "chrf"]
    assert [standing(values, metric).metric for metric in metrics] == metrics
    assert standing(values, "bleu", "chrf").metric == "chrf"
    assert standing(values, "loss", "chrf").metric == "loss"
    assert standing({"loss": 2.0}, "chrf").metric == "loss"


def test_single_words_that_are_right_are_no_sign_of_a_useless_model() -> None:
    right, wrong = score(WORDS, [WORDS], tgt_lang="de"), score(["x"] * 4, [WORDS], tgt_lang="de")
    assert right[0].value == 0  # BLEU
    assert (has_learnt(right, WORDS, "de"), has_learnt(wrong, WORDS, "de")) == (True, False)
    long = [*SENTENCES, *SENTENCES]
    assert has_learnt(score(long, [long], tgt_lang="en"), long, "en")
    assert not has_learnt(score(["x"] * 6, [long], tgt_lang="en"), long, "en")


def test_the_judge_of_scores_is_bleu_where_it_tells() -> None:
    def judge(hyp_text: list[str], ref_text: list[str]) -> str:
        found = judge_of(score(hyp_text, [ref_text], tgt_lang="en"), ref_text, "en")
        assert found is not None
        return found.metric

    assert judge(SENTENCES, SENTENCES) == "bleu"
    assert judge(["mat", "park", "no"], SENTENCES) == "chrf"
    assert judge(WORDS, WORDS) == "chrf"
    assert judge_of([], SENTENCES, "en") is None
