"""What a test set cannot tell by the metrics that it is scored with."""

import pytest

from mtkit.evaluation.assessment import Method, SetReport, assess
from mtkit.evaluation.certainty.comparison import LEAST_SEGMENTS, Test
from mtkit.evaluation.gates.gate import Gates
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.pitfalls.suitability import find_unsuited_for_bleu, unspaced_script
from mtkit.evaluation.report import set_lines
from mtkit.evaluation.sets import EvaluationSet, System

THAI = ["ประเทศไทยเป็นประเทศที่ตั้งอยู่ในเอเชียตะวันออกเฉียงใต้", "เขากำลังอ่านหนังสือพิมพ์ในห้องสมุด"]
KHMER = ["ប្រទេសកម្ពុជាស្ថិតនៅអាស៊ីអាគ្នេយ៍", "គាត់កំពុងអានសៀវភៅនៅក្នុងបណ្ណាល័យ"]
LAO = ["ປະເທດລາວຕັ້ງຢູ່ໃນອາຊີຕະເວັນອອກສຽງໃຕ້", "ລາວກຳລັງອ່ານປຶ້ມຢູ່ໃນຫໍສະໝຸດ"]
BURMESE = ["မြန်မာနိုင်ငံသည်အရှေ့တောင်အာရှတွင်တည်ရှိသည်။", "သူသည်စာကြည့်တိုက်တွင်စာဖတ်နေသည်။"]
TIBETAN = ["བོད་ནི་ཨེ་ཤ་ཡའི་ས་ཁུལ་ཞིག་ཡིན།", "ཁོང་གིས་དཔེ་ཆ་ཀློག་གི་འདུག།"]
WORDS = ["the", "cat", "sits", "on", "that", "mat", "today", "again"]


def assessed(refs: list[str], *hyps: list[str], **how: object) -> SetReport:
    """Scored by BLEU and chrF, unless ``how`` says otherwise."""
    systems = [System(name, Text(name, hyp)) for name, hyp in zip("abc", hyps, strict=False)]
    material = EvaluationSet("news", [Text("ref", refs)], systems=systems)
    method = Method(**{"metrics": ["bleu", "chrf"], "n_samples": 100} | how)  # type: ignore[arg-type]
    return assess(material, method, Gates(), only=True)


def lines(n: int, shift: int = 0) -> list[str]:
    """Sentences of eight words that differ from each other."""
    return [" ".join(WORDS[(i + j + shift) % len(WORDS)] for j in range(8)) for i in range(n)]


@pytest.mark.parametrize("test", ["bs", "ar"])
@pytest.mark.parametrize("n", [1, 2, LEAST_SEGMENTS - 1])
def test_a_handful_of_segments_tells_no_systems_apart(n: int, test: Test) -> None:
    found = assessed(lines(n), lines(n), lines(n, shift=3), paired=test, confidence=True)
    assert [comparison.significant for comparison in found.comparisons] == [False, False]
    shown = "\n".join(set_lines(found))
    assert "*)" not in shown
    assert "(too few segments)" in shown
    (warning,) = {each for system in found.systems for each in system.warnings if "too few" in each}
    segments = "one segment is" if n == 1 else f"{n} segments are"
    assert warning.startswith(f"news: {segments} too few to tell whether systems differ (at least 100)")


def test_enough_segments_do() -> None:
    n = LEAST_SEGMENTS
    found = assessed(lines(n), lines(n), lines(n, shift=3), paired="bs")
    assert all(comparison.significant for comparison in found.comparisons)
    assert not any("too few" in warning for system in found.systems for warning in system.warnings)


def test_intervals_of_a_handful_of_segments_are_a_hint() -> None:
    (system,) = assessed(lines(3), lines(3, shift=3), confidence=True).systems
    assert any("3 segments are too few for confidence intervals" in warning for warning in system.warnings)
    (system,) = assessed(lines(3), lines(3, shift=3)).systems
    assert system.warnings == []


@pytest.mark.parametrize(
    ("refs", "tokenize", "warned"),
    [
        (["Open file", "Close window", "Save as", "Print"], None, True),
        (["Open the file.", "Close the window.", "Save it now."], None, True),  # one sequence of four in each
        (["Print"] * 6 + lines(5), None, True),
        (["Print"] * 4 + lines(5), None, False),
        (lines(3), None, False),
        (["打开文件", "关闭窗口"], None, True),
        (["打开一个新的文件", "关闭所有的窗口吧"], "zh", False),
    ],
)
def test_lines_without_sequences_of_four_words_are_too_short_for_bleu(
    refs: list[str], tokenize: str | None, warned: bool
) -> None:
    (system,) = assessed(refs, refs, tokenize=tokenize).systems
    found = [warning for warning in system.warnings if "short for BLEU" in warning]
    assert len(found) == warned
    assert all(warning.startswith("ref: ") and "chrF" in warning for warning in found)
    (system,) = assessed(refs, refs, metrics=["chrf"]).systems
    assert not any("short for BLEU" in warning for warning in system.warnings)


@pytest.mark.parametrize(
    ("script", "refs"), [("Thai", THAI), ("Khmer", KHMER), ("Lao", LAO), ("Burmese", BURMESE), ("Tibetan", TIBETAN)]
)
def test_text_without_spaces_is_nothing_for_bleu(script: str, refs: list[str]) -> None:
    assert unspaced_script(refs) == script
    for metrics, scores in ((["bleu"], "BLEU splits"), (["bleu", "ter"], "BLEU and TER split")):
        (system,) = assessed(refs, refs, metrics=metrics).systems
        (warning,) = (warning for warning in system.warnings if "without spaces" in warning)
        assert f"ref is in {script} script" in warning
        assert scores in warning
        assert "chrF" in warning
    for tokenize, metric in (("char", "bleu"), (None, "chrf")):
        (system,) = assessed(refs, refs, tokenize=tokenize, metrics=[metric]).systems
        assert not any("without spaces" in warning for warning in system.warnings)


@pytest.mark.parametrize(
    "text",
    [
        [],
        ["Er liest in der Bibliothek ein Buch über Thailand (ประเทศไทย)."],
        ["เขา กำลัง อ่าน หนังสือพิมพ์ ใน ห้องสมุด", "ฉัน ไป ตลาด กับ แม่"],  # cut into words
        ["今天天气很好。"],
    ],
)
def test_text_with_spaces_or_with_a_tokenizer_of_its_own_is(text: list[str]) -> None:
    assert unspaced_script(text) is None


def test_a_reference_alone_tells_whether_bleu_suits_it() -> None:
    assert find_unsuited_for_bleu(Text("test", lines(3)), "en") == []
    (short,) = find_unsuited_for_bleu(Text("test", ["Open file", "Print"]), "en")
    assert "short for BLEU" in short
    assert any("Tibetan script" in found for found in find_unsuited_for_bleu(Text("test", TIBETAN), "bo"))
    assert find_unsuited_for_bleu(Text("test", THAI), "th") == []
    assert find_unsuited_for_bleu(Text("test", ["打开一个新的文件", "关闭所有的窗口吧"]), "zh") == []


def test_an_output_that_was_given_twice_is_named() -> None:
    found = assessed(lines(5), lines(5, shift=1), lines(5, shift=2), lines(5, shift=1))
    warnings = [[each for each in system.warnings if "equals" in each] for system in found.systems]
    assert warnings == [["c equals a in every line: was one output given twice?"]] * 3
