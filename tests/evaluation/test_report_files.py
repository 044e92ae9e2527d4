from collections.abc import Sequence

import defusedxml.ElementTree
import pytest

from mtkit.evaluation.assessment import Method, SetReport, assess
from mtkit.evaluation.gates.gate import Gate, Gates
from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.report import set_lines
from mtkit.evaluation.report_files import as_json, junit, markdown, segment_records
from mtkit.evaluation.sets import EvaluationSet, System

REF = ["The cat is on the mat today.", "Nobody knows that, he said."]
OUTPUTS = {"a|<b>": ["The cat sat on the mat today.", "Nobody knows it, he said."], "copy": REF}


def report(systems: Sequence[str] = ("a|<b>",), gates: Sequence[Gate] = (), *, runs: bool = False) -> SetReport:
    material = EvaluationSet(
        "news & more",
        [Text("ref", REF)],
        docs=Text("docs", ["one", "two"]),
        systems=[System(name, Text(name, OUTPUTS[name])) for name in systems],
    )
    return assess(material, Method(["bleu", "chrf"], runs=runs), Gates(list(gates)), only=True)


def test_junit_has_a_case_for_each_gate() -> None:
    root = defusedxml.ElementTree.fromstring(junit([report(gates=[Gate("bleu", 99), Gate("chrf", 1)])]))
    (suite,) = root.findall("testsuite")
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("news & more", "2", "1")
    missed, passed = suite.findall("testcase")
    failure = missed.find("failure")
    assert failure is not None
    assert failure.get("message", "").startswith("BLEU ")
    assert "is below 99" in failure.get("message", "")
    assert (missed.get("name"), passed.get("name")) == ("bleu min", "chrf min")
    assert (missed.get("classname"), passed.find("failure")) == ("news & more.a|<b>", None)
    assert "nrefs:1|" in suite.findtext("system-out", "")


def test_junit_without_gates_says_that_something_was_scored() -> None:
    root = defusedxml.ElementTree.fromstring(junit([report()]))
    (case,) = root.iter("testcase")
    assert case.get("name") == "scored"


def test_junit_holds_no_character_that_xml_forbids() -> None:
    material = EvaluationSet("bell \x07", [Text("ref", REF)], systems=[System("s", Text("s", REF))])
    found = assess(material, Method(["bleu"]), Gates(), only=True)
    (suite,) = defusedxml.ElementTree.fromstring(junit([found])).findall("testsuite")
    assert suite.get("name") == "bell \ufffd"


def test_markdown_escapes_its_own_marks() -> None:
    text = markdown([report(("a|<b>", "copy"), [Gate("bleu", 99)])])
    assert "### news & more (2 lines)" in text
    assert "| system | BLEU | chrF2 |" in text
    assert "| **failed** | a\\|&lt;b> | BLEU " in text
    assert "| passed | copy | BLEU 100.00 is at least 99 |" in text
    rows = [line for line in text.split("\n") if line.startswith(("| a", "| copy"))]
    assert [row.replace("\\|", "").count("|") for row in rows] == [4, 4]
    assert "- BLEU: `nrefs:1|" in text


def test_several_systems_are_a_table_above_one_signature_a_metric() -> None:
    head, first, second, *signatures = set_lines(report(("a|<b>", "copy")))
    assert head.split() == ["system", "BLEU", "chrF2"]
    assert first.startswith("a|<b>")
    assert second.split() == ["copy", "100.00", "100.00"]
    assert [line.split()[0] for line in signatures] == ["BLEU", "chrF2"]


def test_runs_are_summarised() -> None:
    found = report(("a|<b>", "copy"), runs=True)
    assert [run.maximum for run in found.runs] == pytest.approx([100, 100])
    assert set_lines(found)[-2].startswith("BLEU over 2 runs: mean ")
    plain = as_json([found], model=None, language_pair="de-en")
    assert isinstance(plain["runs"], list)
    assert plain["runs"][0]["spread"] == pytest.approx(100 - found.systems[0].scores[0].value)


def test_segments_name_their_owner_and_documents_follow_lines() -> None:
    records = list(segment_records([report(("a|<b>", "copy"))], Method(["bleu"])))
    assert [(r["system"], r["level"], r.get("line"), r["doc"]) for r in records] == [
        ("a|<b>", "segment", 1, "one"),
        ("a|<b>", "segment", 2, "two"),
        ("a|<b>", "document", None, "one"),
        ("a|<b>", "document", None, "two"),
        ("copy", "segment", 1, "one"),
        ("copy", "segment", 2, "two"),
        ("copy", "document", None, "one"),
        ("copy", "document", None, "two"),
    ]
    assert all(r["bleu"] == pytest.approx(100) for r in records if r["system"] == "copy")
