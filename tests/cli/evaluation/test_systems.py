import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mtkit.cli.report import report
from mtkit.errors import ConfigError, DataError
from tests.cli.evaluation.test_command import refused, run

report_app = typer.Typer()
report_app.command()(report)

WORDS = ["Katze", "Hund", "Haus", "sieht", "findet", "alt", "neu", "grün", "und", "oder", "nicht", "unter", "über"]


def lines(share_wrong: float, seed: int) -> list[str]:
    draw, noise = random.Random(1), random.Random(seed)
    chosen = [[draw.choice(WORDS) for _ in range(draw.randint(5, 9))] for _ in range(120)]
    return [" ".join(noise.choice(WORDS) if noise.random() < share_wrong else w for w in words) for words in chosen]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reference, a good and a bad output, a source."""
    texts = {
        "ref": lines(0, 0),
        "good": lines(0.1, 1),
        "bad": lines(0.5, 2),
        "src": [f"The line {n}." for n in range(120)],
    }
    texts["docs"] = [f"doc{n // 60}" for n in range(120)]
    for name, text in texts.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


BOTH = ("--hyp", "good", "--hyp", "bad", "--ref", "ref", "--metrics", "bleu")


def test_systems_stand_in_a_table_under_their_names() -> None:
    rows = [line.split() for line in run(*BOTH).stdout.splitlines()]
    assert [row[0] for row in rows] == ["system", "good", "bad", "BLEU"]
    single = run("--hyp", "bad", "--ref", "ref", "--metrics", "bleu", "-S").stdout.strip()
    assert rows[2] == ["bad", single]
    named = run(*BOTH, "--name", "first", "--name", "the second").stdout.splitlines()
    assert named[2].startswith("the second  ")


def test_score_only_names_each_of_several_systems() -> None:
    good, bad = run(*BOTH[:-1], "bleu,ter", "-S").stdout.splitlines()
    values = run("--hyp", "bad", "--ref", "ref", "--metrics", "bleu,ter", "-S").stdout.splitlines()
    assert good.startswith("good\t")
    assert bad == f"bad\t{values[0]}\t{values[1]}"


def test_paired_test_is_against_the_first_or_the_named_system() -> None:
    found = json.loads(run(*BOTH, "--paired", "bs", "--samples", "100", "--json").stdout)["comparisons"]
    assert [(c["baseline"], c["system"], c["significant"], c["n_samples"]) for c in found] == [
        ("good", "bad", True, 100)
    ]
    assert found[0]["difference"] < 0
    shown = run(*BOTH, "--paired", "ar", "--samples", "100", "--baseline", "bad").stdout.splitlines()
    assert shown[1].startswith("bad ")
    assert shown[2].startswith("good ")
    assert "(p = 0.0099*)" in shown[2]
    assert "[" not in shown[2]
    both = run(*BOTH, "--paired", "ar", "--samples", "100", "--confidence").stdout.splitlines()
    assert "[" in both[1]
    assert "bs:1000|ar:100|seed:12345" in both[3]
    assert shown[4] == "p against bad: paired approximate randomisation, 100 samples; * is p < 0.05"


@pytest.mark.parametrize("test", ["bs", "ar"])
def test_signatures_of_a_paired_test_are_those_of_the_sacrebleu_command(test: str) -> None:
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "good", "bad", "-m", "bleu", "chrf"]
    command += [f"--paired-{test}", f"--paired-{test}-n", "50", "-f", "text"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"NO_COLOR": "1"})
    theirs = [line.split()[-1] for line in done.stdout.splitlines() if "|seed:" in line]
    shown = run(*BOTH[:-1], "bleu,chrf", "--paired", test, "--samples", "50").stdout.splitlines()
    assert [line.split()[-1] for line in shown if "nrefs:" in line] == theirs
    assert len(theirs) == 2


def test_confidence_interval_stands_beside_the_score_and_its_samples_in_the_signature() -> None:
    shown = run("--hyp", "bad", "--ref", "ref", "--metrics", "bleu", "--confidence", "--samples", "50").stdout
    assert "|bs:50|seed:12345|" in shown
    shown = run("--hyp", "bad", "--ref", "ref", "--metrics", "bleu", "--confidence").stdout
    found = json.loads(run("--hyp", "bad", "--ref", "ref", "--confidence", "--json", "--metrics", "bleu").stdout)
    assert found["test_sets"][0]["scores"]["bleu"]["confidence"]["n_samples"] == 1_000
    interval = found["test_sets"][0]["scores"]["bleu"]["confidence"]
    assert f" [{interval['low']:.2f}, {interval['high']:.2f}]  BP" in shown
    run("--hyp", "bad", "--ref", "ref", "--metrics", "bleu", "--confidence", "--markdown", "x.md")
    assert f" [{interval['low']:.2f}, {interval['high']:.2f}] |" in Path("x.md").read_text()
    page = CliRunner().invoke(report_app, ["--hyp", "bad", "--ref", "ref", "--metrics", "bleu", "--json"])
    assert json.loads(page.stdout)["systems"][0]["scores"][0]["interval"] == [interval["low"], interval["high"]]


def test_runs_are_taken_together() -> None:
    shown = run(*BOTH, "--runs").stdout.splitlines()
    assert shown[-1].startswith("BLEU over 2 runs: mean ")


def test_segments_are_one_json_object_a_line(files: Path) -> None:
    run(*BOTH, "--segments", "out.jsonl", "--docs", "docs")
    records = [json.loads(line) for line in (files / "out.jsonl").read_text().splitlines()]
    assert len(records) == 2 * (120 + 2)
    assert {r["set"] for r in records} == {"ref"}
    assert records[0].keys() == {"set", "system", "level", "line", "doc", "bleu"}


def test_list_of_sets_is_scored_set_by_set(files: Path) -> None:
    (files / "sets.yaml").write_text(
        "- {name: one, refs: ref, hyps: good, src: src}\n- {name: two, refs: ref, hyps: {x: bad}, language_pair: en-zh}"
    )
    shown = run("--sets", "sets.yaml", "--metrics", "bleu", "-l", "en-de").stdout.splitlines()
    assert [line.split("  ")[0] for line in shown] == ["one (120 lines)", "BLEU", "two (120 lines)", "BLEU"]
    assert "tok:13a" in shown[1]
    assert "tok:zh" in shown[3]
    found = json.loads(run("--sets", "sets.yaml", "--metrics", "bleu", "--json").stdout)
    assert [(entry["name"], entry["system"]) for entry in found["test_sets"]] == [("one", "good"), ("two", "x")]


def test_source_beside_an_output_is_for_checks(files: Path) -> None:
    (files / "copied").write_bytes((files / "src").read_bytes())
    found = json.loads(run("--hyp", "copied", "--ref", "ref", "--src", "src", "--metrics", "bleu", "--json").stdout)
    assert any("the source copied" in warning for warning in found["test_sets"][0]["warnings"])
    assert "equals the source" in str(
        json.loads(run("--hyp", "good", "--ref", "copied", "--src", "src", "--json").stdout)["test_sets"][0]["warnings"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*BOTH, "--name", "x"), "1 --name for 2 --hyp"),
        ((*BOTH, "--name", "x", "--name", "x"), "two outputs are called x: give each a different name with --name"),
        (("--hyp", "good", "--hyp", "good", "--ref", "ref"), "two outputs are called good"),
        (("--hyp", "-", "--hyp", "-", "--ref", "ref"), "standard input can be read only once"),
        ((*BOTH, "--baseline", "bad"), "add --paired"),
        ((*BOTH, "--paired", "bs", "--baseline", "godo"), "no such system: did you mean good?"),
        (("--hyp", "good", "--ref", "ref", "--paired", "bs"), "give at least two"),
        ((*BOTH, "--runs", "--paired", "bs"), "leave one out"),
        (("--hyp", "good", "--ref", "ref", "--runs"), "give at least two with --hyp FILE"),
        ((*BOTH, "--samples", "3"), "--samples belongs to"),
        ((*BOTH[:-1], "length", "--paired", "bs"), "need a metric that counts segment by segment: bleu, chrf"),
        ((*BOTH, "--docs", "docs"), "add --segments FILE"),
        ((*BOTH, "--segments", "good"), "is an input too"),
        ((*BOTH, "--junit", "x", "--markdown", "x"), "--junit x and --markdown x are the same file"),
        ((*BOTH, "--save-baseline", "x"), "stores one system"),
        ((*BOTH, "--sets", "s"), "--sets FILE names all files"),
        ((*BOTH, "--metrics", "comet"), "--comet-model PATH"),
    ],
)
def test_unclear_command_says_what_to_type_instead(arguments: tuple[str, ...], message: str) -> None:
    before = sorted(os.listdir())  # noqa: PTH208
    error = refused(*arguments)
    assert isinstance(error, ConfigError)
    assert message in str(error)
    assert sorted(os.listdir()) == before  # noqa: PTH208


def test_outputs_of_another_test_set_are_refused(files: Path) -> None:
    (files / "other").write_text("x\n" * 121)
    error = refused(*BOTH, "--hyp", "other")
    assert isinstance(error, DataError)
    assert "other has 121" in str(error)
