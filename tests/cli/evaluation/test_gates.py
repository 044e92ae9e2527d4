import json
import re
from pathlib import Path

import defusedxml.ElementTree
import pytest

from mtkit.errors import ConfigError, DataError, GateError, MtkitError
from tests.cli.evaluation.test_command import refused, run
from tests.cli.evaluation.test_systems import lines


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reference, outputs from good to bad, and a baseline saved of the good one."""
    for name, text in {"ref": lines(0, 0), "good": lines(0.1, 1), "near": lines(0.12, 4), "bad": lines(0.5, 2)}.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(*scored("good"), "--save-baseline", "baseline.json").exit_code == 0
    return tmp_path


def scored(hyp: str, *more: str) -> list[str]:
    return ["--hyp", hyp, "--ref", "ref", "--metrics", "bleu,chrf", *more]


def failure(*arguments: str) -> str:
    """What a gate that was missed says; the scores are told all the same."""
    result = run(*arguments)
    assert isinstance(result.exception, GateError), result.output
    assert result.exception.exit_code == 3
    assert result.stdout.startswith("BLEU")
    return str(result.exception)


def test_a_baseline_whose_scores_are_not_those_of_its_output_is_refused() -> None:
    tree = json.loads(Path("baseline.json").read_text())
    tree["test_sets"][0]["scores"][0]["value"] = 10.0
    Path("baseline.json").write_text(json.dumps(tree))
    message = str(refused(*scored("bad", "--against", "baseline.json", "--max-drop", "1")))
    assert "baseline.json: damaged: BLEU of ref is 10.00 there, but the output beside it has" in message


def test_drop_against_the_stored_baseline() -> None:
    assert run(*scored("good", "--against", "baseline.json", "--max-drop", "0")).exit_code == 0
    assert "worse than the baseline's" in failure(*scored("bad", "--against", "baseline.json", "--max-drop", "0.5"))
    assert "chrF2" in failure(*scored("bad", "--against", "baseline.json", "--max-drop", "chrf=0.5"))
    assert run(*scored("bad", "--against", "baseline.json", "--max-drop", "100")).exit_code == 0


def test_ter_is_computed_where_a_gate_or_a_baseline_needs_it(files: Path) -> None:
    assert run("--hyp", "good", "--ref", "ref", "--metrics", "ter", "--save-baseline", "ter.json").exit_code == 0
    (files / "gate.yaml").write_text("max: {ter: 99}\nnot_significantly_worse: [ter]\n")
    gates = ("--against", "ter.json", "--max-drop", "ter=0", "--gate", "gate.yaml")
    for hyp, code in (("good", 0), ("bad", 3)):
        found = run("--hyp", hyp, "--ref", "ref", *gates, "--json")
        (test_set,) = json.loads(found.stdout)["test_sets"]
        assert list(test_set["scores"]) == ["bleu", "chrf", "ter"]
        assert [gate["metric"] for gate in test_set["gates"]] == ["ter"] * 3
        assert getattr(found.exception, "exit_code", 0) == code


def test_significantly_worse_than_the_stored_baseline() -> None:
    flags = ("--against", "baseline.json", "--fail-if-significantly-worse", "--samples", "200")
    found = failure(*scored("bad", *flags))
    assert "significantly worse than the baseline's" in found
    assert "(p = 0.0050, paired bootstrap, 200 samples)" in found
    assert run(*scored("good", *flags)).exit_code == 0


def test_gate_file_holds_for_sets_by_name(files: Path) -> None:
    (files / "gate.yaml").write_text("min: {bleu: 10}\ntest_sets: {hard: {min: {bleu: 99}}}")
    (files / "sets.yaml").write_text("[{name: easy, refs: ref, hyps: good}, {name: hard, refs: ref, hyps: good}]")
    result = run("--sets", "sets.yaml", "--gate", "gate.yaml", "--metrics", "chrf", "--json")
    assert str(result.exception).startswith("quality gate failed: hard: BLEU ")
    easy, hard = json.loads(result.stdout)["test_sets"]
    assert (easy["gates"][0]["passed"], hard["gates"][0]["passed"]) == (True, False)
    (files / "gate.yaml").write_text("test_sets: {hardd: {min: {bleu: 99}}}")
    assert "test_sets.hardd: no such test set; there is easy, hard" in str(
        refused("--sets", "sets.yaml", "--gate", "gate.yaml")
    )


def test_files_are_written_whether_gates_pass_or_fail(files: Path) -> None:
    for hyp, n_failures in (("good", "0"), ("bad", "1")):
        result = run(*scored(hyp, "--min-bleu", "60", "--junit", "junit.xml", "--markdown", "summary.md"))
        assert (result.exit_code == 0) == (n_failures == "0")
        (suite,) = defusedxml.ElementTree.fromstring((files / "junit.xml").read_bytes()).findall("testsuite")
        assert (suite.get("tests"), suite.get("failures")) == ("1", n_failures)
        assert ("**failed**" in (files / "summary.md").read_text()) == (n_failures == "1")


def test_baseline_is_replaced_only_if_gates_pass(files: Path) -> None:
    before = (files / "baseline.json").read_bytes()
    flags = ("--against", "baseline.json", "--max-drop", "1", "--save-baseline", "baseline.json")
    failure(*scored("bad", *flags))
    assert (files / "baseline.json").read_bytes() == before
    (files / "better").write_bytes((files / "ref").read_bytes())
    assert run(*scored("better", *flags)).exit_code == 0
    saved = json.loads((files / "baseline.json").read_text())
    assert saved["test_sets"][0]["scores"][0]["value"] == pytest.approx(100)


def test_changed_test_set_or_signature_or_missing_baseline_is_an_error_not_a_missed_gate(files: Path) -> None:
    flags = ("--against", "baseline.json", "--max-drop", "1")
    error = run(*scored("good", *flags, "--tok", "char")).exception
    assert isinstance(error, DataError)
    assert "tok:13a is now tok:char" in str(error)
    assert "no such baseline" in str(refused(*scored("good", "--against", "none.json", "--max-drop", "1")))
    (files / "ref").write_bytes((files / "near").read_bytes())
    error = refused(*scored("good", *flags))
    assert isinstance(error, DataError)
    assert error.exit_code == 1
    assert "the references of ref are not those of the baseline" in str(error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--max-drop", "1"), "add --against FILE"),
        (("--fail-if-significantly-worse",), "add --against FILE"),
        (("--against", "baseline.json"), "--against says nothing by itself"),
        (("--against", "baseline.json", "--max-drop", "much"), "expected points, such as 0.5"),
        (("--against", "baseline.json", "--max-drop", "blue=1"), "unknown metric 'blue'"),
        (("--min-bleu", "300"), "the threshold for bleu must be from 0 to 100, not 300"),
        (("--max-ter", "-1"), "the threshold for ter must be 0 or more, not -1"),
        (("--against", "baseline.json", "--max-drop", "101"), "bleu cannot drop by more than 100"),
    ],
)
def test_unclear_gate_says_what_to_type_instead(arguments: tuple[str, ...], message: str) -> None:
    error = refused(*scored("good", *arguments))
    assert isinstance(error, ConfigError)
    assert message in str(error)


@pytest.mark.parametrize("name", ["none.yaml", "folder"])
@pytest.mark.parametrize("flags", [["--gate"], ["--against"], ["--sets"]])
def test_file_that_cannot_be_read_ends_with_1_whatever_it_is_for(files: Path, flags: list[str], name: str) -> None:
    (files / "folder").mkdir()
    texts = [] if flags == ["--sets"] else scored("good", "--max-drop", "1")
    error = refused(*texts, *flags, name)
    assert isinstance(error, DataError)
    assert error.exit_code == 1
    assert str(error).startswith(f"{name}: ")


def test_only_the_sets_that_are_compared_need_a_baseline(files: Path) -> None:
    (files / "gate.yaml").write_text("min: {bleu: 1}\ntest_sets: {ref: {max_drop: {bleu: 1}}}")
    (files / "sets.yaml").write_text("[{name: ref, refs: ref, hyps: good}, {name: new, refs: near, hyps: good}]")
    command = ("--sets", "sets.yaml", "--against", "baseline.json", "--metrics", "bleu", "--json")
    tested = json.loads(run(*command, "--gate", "gate.yaml").stdout)["test_sets"]
    assert [len(each["gates"]) for each in tested] == [2, 1]
    assert "holds no test set new" in str(refused(*command, "--max-drop", "1"))


def test_gate_file_that_compares_needs_a_baseline(files: Path) -> None:
    (files / "gate.yaml").write_text("max_drop: {bleu: 1}")
    assert "name it with --against FILE" in str(refused(*scored("good", "--gate", "gate.yaml")))
    (files / "gate.yaml").write_text("min: {comet: 0.8}")
    assert "name its model with --comet-model" in str(refused(*scored("good", "--gate", "gate.yaml")))


def test_gate_file_finds_a_single_set_by_its_file_from_any_directory(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "test").mkdir()
    (files / "test" / "news.de").write_bytes((files / "ref").read_bytes())
    (files / "gate.yaml").write_text("test_sets: {news: {min: {bleu: 99}}}")
    for directory, up in ((files, ""), (files / "test", "../")):
        monkeypatch.chdir(directory)
        files_typed = ("--hyp", f"{up}good", "--ref", f"{up}test/news.de", "--gate", f"{up}gate.yaml")
        assert "is below 99" in failure(*files_typed, "--metrics", "bleu")


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            scored("good", "--against", "other.json", "--max-drop", "1"),
            DataError,
            "the references of near are not those",
        ),
        (scored("good", "--against", "none.json", "--max-drop", "1"), DataError, "none.json: no such baseline"),
        (scored("good", "--against", "baseline.json", "--max-drop", "1", "--tok", "char"), DataError, "tok:13a is now"),
        (scored("none", "--min-bleu", "1"), DataError, "none: No such file"),
        (scored("good", "--gate", "gate.yaml"), ConfigError, "gate.yaml: mim: unknown setting"),
        (["--ref", "ref"], ConfigError, "nothing to score"),
    ],
)
def test_error_replaces_the_reports_of_an_earlier_run(
    files: Path, arguments: list[str], kind: type[MtkitError], message: str
) -> None:
    (files / "gate.yaml").write_text("mim: {bleu: 1}\nmox: {ter: 2}")
    assert run("--hyp", "good", "--ref", "near", "--metrics", "bleu", "--save-baseline", "other.json").exit_code == 0
    reports = ("--junit", "q.xml", "--markdown", "q.md")
    assert run(*scored("good", "--min-bleu", "1", *reports)).exit_code == 0
    assert "passed" in (files / "q.md").read_text()
    error = refused(*arguments, *reports)
    assert isinstance(error, kind)
    (suite,) = defusedxml.ElementTree.fromstring((files / "q.xml").read_bytes())
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "1")
    (told,) = suite.iter("error")
    assert (told.get("message"), told.get("type")) == (str(error), kind.__name__)
    assert message in str(error)
    assert "passed" not in (files / "q.md").read_text()
    assert message in (files / "q.md").read_text()


def test_interrupted_evaluation_leaves_no_green_reports(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = ("--junit", "q.xml", "--markdown", "q.md")
    assert run(*scored("good", "--min-bleu", "1", *reports)).exit_code == 0

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mtkit.evaluation.assessment.check_gates", interrupt)
    assert run(*scored("good", "--min-bleu", "1", *reports)).exit_code != 0
    assert '<error message="KeyboardInterrupt"' in (files / "q.xml").read_text()
    assert (files / "q.md").read_text() == "**Not evaluated**: KeyboardInterrupt\n"


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        (("--junit", "ref"), "ref"),
        (("--junit", "gate.yaml", "--gate", "gate.yaml"), "gate.yaml"),
        (("--markdown", "baseline.json", "--against", "baseline.json", "--max-drop", "1"), "baseline.json"),
        (("--save-baseline", "gate.yaml", "--gate", "gate.yaml", "--junit", "gate.yaml"), "gate.yaml"),
    ],
)
def test_no_report_goes_where_something_is_read(files: Path, flags: tuple[str, ...], kept: str) -> None:
    (files / "gate.yaml").write_text("min: {bleu: 1}")
    before = (files / kept).read_bytes()
    assert "is an input too" in str(refused(*scored("good", *flags)))
    assert (files / kept).read_bytes() == before


def test_passed_gates_are_told_of(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="mtkit")

    def told(*arguments: str) -> list[str]:
        caplog.clear()
        run(*arguments)
        return [message for message in caplog.messages if "passed" in message]

    against = ("--against", "baseline.json")
    assert told(*scored("good")) == []
    assert told(*scored("good", "--min-bleu", "1", "--max-ter", "99")) == ["2 gates passed"]
    assert told(*scored("good", *against, "--max-drop", "0")) == ["1 gate passed; BLEU +0.00 against baseline.json"]
    assert told(*scored("bad", *against, "--max-drop", "0")) == []
    tree = json.loads((files / "baseline.json").read_text())
    tree["test_sets"][0]["scores"][0]["value"] += 0.001
    (files / "nearly.json").write_text(json.dumps(tree))
    nearly = ("--against", "nearly.json", "--max-drop", "1")
    assert told(*scored("good", *nearly)) == ["1 gate passed; BLEU +0.00 against nearly.json"]
    (line,) = told(*scored("bad", *against, "--max-drop", "100", "--max-drop", "chrf=99"))
    values = [float(value) for value in run(*scored("bad", "-S")).stdout.split()]
    stored = [score["value"] for score in json.loads((files / "baseline.json").read_text())["test_sets"][0]["scores"]]
    bleu, chrf = (value - old for value, old in zip(values, stored, strict=True))
    assert bleu < -1
    shown = [float(number) for number in re.findall(r"[+-][0-9.]+", line)]
    assert shown == pytest.approx([bleu, chrf], abs=0.011)
    assert re.fullmatch(r"2 gates passed; BLEU -\S+, chrF2 -\S+ against baseline.json", line)


def test_passed_gates_of_several_sets_name_them(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="mtkit")
    (files / "sets.yaml").write_text("[{name: a, refs: ref, hyps: good}, {name: b, refs: ref, hyps: near}]")
    run("--sets", "sets.yaml", "--metrics", "bleu", "--save-baseline", "b.json")
    run("--sets", "sets.yaml", "--metrics", "bleu", "--against", "b.json", "--max-drop", "0")
    assert caplog.messages[-1] == "2 gates passed; a: BLEU +0.00, b: BLEU +0.00 against b.json"


@pytest.mark.parametrize("flag", ["--save-baseline", "--junit", "--markdown", "--segments"])
def test_file_in_a_directory_that_is_not_there_is_refused_before_any_work(files: Path, flag: str) -> None:
    error = refused(*scored("good", flag, "new/file"))
    assert isinstance(error, ConfigError)
    assert str(error) == f"{flag} new/file: no directory new; create it, or choose another file"
    assert "no directory" in str(refused(*scored("good", flag, "ref/file")))
    assert not (files / "new").exists()


def test_error_is_told_in_the_report_that_can_be_written(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    refused(*scored("good", "--junit", "new/q.xml", "--markdown", "q.md"))
    assert (files / "q.md").read_text().startswith("**Not evaluated**: --junit new/q.xml: no directory")
    assert not (files / "new").exists()
    assert caplog.messages == []


def test_significance_has_no_negative_form() -> None:
    assert run("--no-fail-if-significantly-worse").exit_code == 2
