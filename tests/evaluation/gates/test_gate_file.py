from pathlib import Path

import pytest

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.gates.gate import DropGate, Gate, Gates
from mtkit.evaluation.gates.gate_file import gates_for, read_gate_file

WHOLE = """
min: {bleu: 30, length: 0.9}
max: {ter: 60, length: 1.1}
max_drop: {bleu: 0.5}
not_significantly_worse: [chrf]
test_sets:
  news:
    min: {bleu: 25, chrf: 50}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "gate.yaml").write_text(WHOLE, encoding="utf-8")
    return tmp_path / "gate.yaml"


def test_a_test_set_has_the_gates_of_all_but_for_its_own(path: Path) -> None:
    file = read_gate_file(path)
    others = gates_for("captions", file, Gates())
    assert set(others.thresholds) == {
        Gate("bleu", 30, "min"),
        Gate("length", 0.9, "min"),
        Gate("ter", 60, "max"),
        Gate("length", 1.1, "max"),
    }
    assert (others.drops, others.significance) == ([DropGate("bleu", 0.5)], ["chrf"])
    news = gates_for("news", file, Gates())
    assert {Gate("bleu", 25, "min"), Gate("chrf", 50, "min"), Gate("ter", 60, "max")} < set(news.thresholds)
    assert Gate("bleu", 30, "min") not in news.thresholds
    assert news.need_baseline
    assert set(news.metrics) == {"bleu", "chrf", "ter", "length"}


def test_what_is_typed_goes_before_the_file(path: Path) -> None:
    typed = Gates([Gate("bleu", 10), Gate("ter", 90)], [DropGate("bleu", 2)], ["bleu"])
    gates = gates_for("news", read_gate_file(path), typed)
    assert {(gate.metric, gate.threshold) for gate in gates.thresholds if gate.metric in ("bleu", "ter")} == {
        ("bleu", 10),
        ("ter", 90),
    }
    assert (gates.drops, gates.significance) == ([DropGate("bleu", 2)], ["chrf", "bleu"])


@pytest.mark.parametrize("content", ["", "# none yet\n", "{}", "min: {}", "test_sets: {news: {max: {}}}"])
def test_file_without_a_gate_is_refused(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"gate\.yaml: holds no gate, so that everything would pass; add one"):
        read_gate_file(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("metrics: bleu", r"gate\.yaml: metrics: unknown setting; there are min, max, max_drop, "),
        ("mim: {bleu: 30}", r"gate\.yaml: mim: unknown setting; did you mean min\?"),
        ("test_sets: {news: {maximum: {ter: 3}}}", r"gate\.yaml: test_sets\.news\.maximum: unknown setting"),
        ("min: {bleu: high}", r"gate\.yaml: min\.bleu: must be a number \(got 'high'\)"),
        ("min: {bleu: .nan}", r"gate\.yaml: min\.bleu: must be a finite number"),
        ("min: {bleu: true}", r"gate\.yaml: min\.bleu: must be a number \(got True\)"),
        ("max_drop: {bleu: false}", r"gate\.yaml: max_drop\.bleu: must be a number \(got False\)"),
        ("min: {ter: 10}", r"gate\.yaml: min: ter is better where it is lower: give it a maximum, max: {ter: 10}"),
        ("max: {chrf: 10}", r"gate\.yaml: max: chrf is better where it is higher: give it a minimum, min: {chrf: 10}"),
        ("max: {comet: 0.8}", r"max: comet is better where it is higher"),
        ("min: {bleu: 300}", r"gate\.yaml: min: the threshold for bleu must be from 0 to 100, not 300"),
        ("max: {ter: -1}", r"gate\.yaml: max: the threshold for ter must be 0 or more, not -1"),
        ("max_drop: {bleu: 300}", r"gate\.yaml: max_drop: bleu cannot drop by more than 100: 300 would let everything"),
        ("test_sets: {news: {min: {ter: 10}}}", r"gate\.yaml: test_sets\.news\.min: ter is better where it is lower"),
        ("max_drop: {bleu: -1}", r"gate\.yaml: max_drop\.bleu: must be at least 0"),
        ("min: bleu 30", r"gate\.yaml: min: must be metrics with numbers, such as {bleu: 30} \(got 'bleu 30'\)$"),
        ("test_sets: [news]", r"gate\.yaml: test_sets: must be test sets with their gates, such as {news: {min: "),
        ("- 30", r"gate\.yaml: expected gates, such as min: {bleu: 30}$"),
        ("Ein Mann geht. " * 1_000, r"gate\.yaml: expected gates, such as min: {bleu: 30}$"),
        (
            "\n\nEin Mann: er geht: weg",
            r"gate\.yaml:3: not valid YAML: mapping values.*; expected gates, such as min: ",
        ),
        ("[" * 5_000, r"gate\.yaml:1: not valid YAML: "),
        ("min: [", r"gate\.yaml:1: not valid YAML: "),
        ("min: {bleu: 30}\nmax: {ter: 3}\nmin: {chrf: 50}", r"gate\.yaml:3: min is given twice \(first on line 1\)"),
        (
            "&all {min: {bleu: 30}, test_sets: {news: *all}}",
            r"gate\.yaml:1: not valid YAML: test_sets\.news: stands within itself",
        ),
        ("min: {bleu: " + 300 * "x" + "}", r"got 'x{99}\.\.\.\)$"),
    ],
)
def test_mistake_in_the_file_is_one_line(path: Path, content: str, message: str) -> None:
    path.write_text(content)
    with pytest.raises(ConfigError, match=message) as raised:
        read_gate_file(path)
    assert "\n" not in str(raised.value)


def test_file_too_large_for_one_written_by_hand_is_not_read(path: Path) -> None:
    path.write_text("# a corpus\n" * 1_000_000)
    with pytest.raises(ConfigError, match=r"gate\.yaml: too long, 11\.0 MB; expected gates"):
        read_gate_file(path)


def test_bytes_that_are_no_text_are_no_gates(path: Path) -> None:
    path.write_bytes(b"min: {bleu: 30} # \xff")
    with pytest.raises(ConfigError, match=r"gate\.yaml:1: not UTF-8 at byte 19; expected gates"):
        read_gate_file(path)


def test_heading_with_nothing_below_it_asks_for_nothing(path: Path) -> None:
    path.write_text("min:\nmax: {ter: 60}\ntest_sets:\n")
    assert gates_for("news", read_gate_file(path), Gates()).thresholds == [Gate("ter", 60, "max")]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.yaml: No such file"):
        read_gate_file(tmp_path / "none.yaml")


def test_what_has_no_statistics_of_segments_has_no_significance(path: Path) -> None:
    path.write_text("not_significantly_worse: [length]")
    with pytest.raises(ConfigError, match="length has no test of significance; there is one for bleu, chrf"):
        gates_for("news", read_gate_file(path), Gates())
