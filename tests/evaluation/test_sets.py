import subprocess
import sys
from pathlib import Path

import pytest

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics.metrics import score
from mtkit.evaluation.pitfalls.checks import find_pitfalls
from mtkit.evaluation.sets import read_evaluation_set, read_set_list, set_name, system_names


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with texts of two lines, and one of three."""
    (tmp_path / "texts").mkdir()
    for name in ("src", "ref", "ref2", "hyp", "hyp2"):
        (tmp_path / "texts" / name).write_text(f"{name} 1\n{name} 2\n", encoding="utf-8")
    (tmp_path / "texts" / "docs").write_text("a\nb\n", encoding="utf-8")
    (tmp_path / "texts" / "long").write_text("1\n2\n3\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "texts"


def write_list(files: Path, content: str) -> Path:
    (files / "sets.yaml").write_text(content, encoding="utf-8")
    return files / "sets.yaml"


def test_list_names_files_beside_itself(files: Path) -> None:
    path = write_list(
        files,
        """
        - name: news
          src: src
          refs: [ref, ref2]
          hyps: {first: hyp, second: hyp2}
          docs: docs
          language_pair: en-zh
        - {name: short, refs: ref, hyps: hyp}
        """,
    )
    news, short = read_set_list(path, translated=True, language_pair=("en", "de"))
    assert (news.name, news.language_pair, news.n_lines) == ("news", ("en", "zh"), 2)
    assert [(s.name, s.hyp.lines[0]) for s in news.systems] == [("first", "hyp 1"), ("second", "hyp2 1")]
    assert [ref.lines[1] for ref in news.refs] == ["ref 2", "ref2 2"]
    assert news.src is not None
    assert news.docs is not None
    assert (news.src.lines, news.docs.lines) == (["src 1", "src 2"], ["a", "b"])
    assert (short.language_pair, short.src, [s.name for s in short.systems]) == (("en", "de"), None, ["hyp"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {name: a, hyps: hyp}", r"sets\.yaml: test set 1: refs: required, but not given"),
        ("- {name: a, refs: ref, hyp: hyp}", r"test set 1: hyp: unknown setting; did you mean hyps\?"),
        ("- {name: a, refs: ref}", "a: names no output; add hyps: FILE"),
        ("- {name: a, refs: ref, hyps: hyp}\n- {name: a, refs: ref, hyps: hyp}", "a occurs twice"),
        ("- {name: a, refs: ref, hyps: hyp}\n- {name: b, hyps: hyp}", "test set 2: refs: required, but not given"),
        ("- {name: a, refs: [], hyps: hyp}", r"test set 1: refs: must not be empty"),
        (
            "- {name: a, refs: ref, hyps: [hyp]}",
            "test set 1: hyps: must be a file, or files by the names of ",
        ),
        ("- ref", "test set 1: expected its files by name, such as {name: news, refs: news.de, hyps: out.de}"),
        ("[]", "holds no test set; expected a list of test sets"),
        ("name: a", r"sets\.yaml: expected a list of test sets, such as - {name: news, refs: news\.de, hyps: out\.de}"),
        ("", r"sets\.yaml: expected a list of test sets"),
        ("- {name: a, refs: ref, hyps: hyp, language_pair: en}", "expected source-target"),
        ("- [", "not valid YAML"),
    ],
)
def test_mistake_in_a_list_is_one_line(files: Path, content: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        read_set_list(write_list(files, content), translated=True, language_pair=None)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [("refs: ref", "a: names no src to translate"), ("refs: ref, src: src, hyps: hyp", "but -m RUN translates")],
)
def test_list_for_a_model_names_sources_and_no_outputs(files: Path, entry: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_set_list(write_list(files, f"- {{name: a, {entry}}}"), translated=False, language_pair=None)


def test_texts_of_another_test_set_are_named_with_their_lines(files: Path) -> None:
    with pytest.raises(DataError, match=r"a: .*texts/hyp has 2 lines but .*texts/long has 3"):
        read_set_list(write_list(files, "- {name: a, refs: long, hyps: hyp}"), translated=True, language_pair=None)
    with pytest.raises(DataError, match=r"hyp has 2 lines but .*long has 3"):
        read_evaluation_set(None, refs=["texts/ref"], hyps=[("x", "texts/hyp")], docs="texts/long")
    with pytest.raises(DataError, match=r"texts/none: No such file"):
        read_evaluation_set(None, refs=["texts/none"], hyps=[("x", "texts/hyp")])


def test_systems_are_named_by_their_files_unless_two_have_the_same() -> None:
    assert system_names(["a/x.de", "b/y.de", "-"]) == ["x.de", "y.de", "standard input"]
    assert system_names(["a/out.de", "b/out.de"]) == ["a/out.de", "b/out.de"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("test/news.en", "news"),
        ("../test/news.de.gz", "news"),
        ("/data/news.2024.en.zst", "news.2024"),
        ("news", "news"),
        ("news.gz", "news"),
        (".news", ".news"),
        ("standard input", "standard input"),
    ],
)
def test_set_is_called_by_its_file_wherever_that_lies(path: str, name: str) -> None:
    assert set_name(path) == name


def test_source_names_a_set_that_a_model_translates_and_the_reference_one_that_is_there(files: Path) -> None:
    for old, new in (("src", "news.en"), ("ref", "news.de")):
        (files / old).rename(files / new)
    assert read_evaluation_set(None, refs=["texts/ref2"], src="texts/news.en").name == "news"
    outputs = [("x", "texts/hyp")]
    assert read_evaluation_set(None, refs=["texts/news.de"], hyps=outputs).name == "news"
    assert read_evaluation_set("mine", refs=["texts/news.de"], hyps=outputs).name == "mine"


def test_a_byte_order_mark_is_scored_as_sacrebleu_scores_it(tmp_path: Path) -> None:
    """Oracle: sacreBLEU's own command, which keeps the mark as a part of the first word."""
    for name, text in (
        ("hyp", "\ufeffThe cat sat on the mat.\nA dog.\n"),
        ("ref", "The cat sat on the mat.\nA dog.\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    hyp, ref = str(tmp_path / "hyp"), str(tmp_path / "ref")
    theirs = subprocess.run(
        [sys.executable, "-m", "sacrebleu", ref, "-i", hyp, "-b", "-w", "6"], capture_output=True, text=True, check=True
    )
    material = read_evaluation_set(None, refs=[ref], hyps=[("ours", hyp)], src=hyp)
    (ours,) = score(material.systems[0].hyp.lines, [material.refs[0].lines], ["bleu"])
    assert f"{ours.value:.6f}" == theirs.stdout.strip() != "100.000000"
    assert any(
        "begins with a byte order mark" in found
        for found in find_pitfalls(material.systems[0].hyp, material.refs, tokenizer="13a")
    )
    assert material.src is not None
    assert material.src.lines[0] == "The cat sat on the mat."
