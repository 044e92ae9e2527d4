import json
import math
import os
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.errors import MtkitError
from tests.tiny import LINES, save_tiny_bundle

pytestmark = pytest.mark.processor


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("".join(f"{line}\n" for line in LINES))
    Path("b").write_text("".join(f"{line}\n" for line in LINES[::-1]))


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments), "--threads", "1"], input=stdin)


def test_a_line_for_each_pair(model: Path) -> None:
    plain = run("-m", model, "--src", "a", "--tgt", "b").stdout.splitlines()
    normalised = run("-m", model, "--src", "a", "--tgt", "b", "--normalize").stdout.splitlines()
    records = [json.loads(line) for line in run("-m", model, "--src", "a", "--tgt", "b", "--json").stdout.splitlines()]
    assert len(plain) == len(normalised) == len(records) == len(LINES)
    for line, normal, record in zip(plain, normalised, records, strict=True):
        assert float(line) == pytest.approx(record["log_prob"], abs=1e-4)
        assert record["log_prob"] == pytest.approx(sum(record["token_log_probs"]))
        assert float(normal) == pytest.approx(record["log_prob"] / len(record["tokens"]), abs=1e-4)
    assert run("-m", model, "--src", "a", "--tgt", "-", stdin=Path("b").read_text()).stdout.splitlines() == plain


def test_a_pair_that_is_too_long_keeps_its_line(model: Path) -> None:
    Path("long").write_text("\n".join([LINES[0], " ".join(LINES * 5), *LINES[2:]]) + "\n")
    values = [float(line) for line in run("-m", model, "--src", "a", "--tgt", "long").stdout.splitlines()]
    assert [math.isnan(value) for value in values] == [False, True, False, False]


def test_pipes_are_read(model: Path) -> None:
    """They can be opened only once: a check that opens them first would take their lines away."""
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text(Path("b").read_text()))
    writer.start()
    found = run("-m", model, "--src", "a", "--tgt", "pipe")
    writer.join()
    assert found.stdout == run("-m", model, "--src", "a", "--tgt", "b").stdout != ""


def test_a_contrastive_set_is_a_table(model: Path) -> None:
    Path("pairs.tsv").write_text(f"{LINES[0]}\t{LINES[1]}\t{LINES[2]}\n{LINES[0]}\t{LINES[2]}\t{LINES[1]}\n")
    assert run("-m", model, "--contrast", "pairs.tsv").stdout == "all   50.00 %  1 of 2\n"


def test_the_json_of_a_contrastive_set_tells_of_each_row(model: Path) -> None:
    rows = [(LINES[1], LINES[2], "a"), (LINES[2], LINES[1], "b"), (LINES[1], LINES[1], "b")]
    Path("pairs.tsv").write_text("".join(f"{LINES[0]}\t{right}\t{wrong}\t{kind}\n" for right, wrong, kind in rows))
    for which, key in (((), "log_prob"), (("--normalize",), "score")):
        found = [
            json.loads(line)
            for line in run("-m", model, "--contrast", "pairs.tsv", "--json", *which).stdout.splitlines()
        ]
        assert [(row["row"], row["kind"]) for row in found[:3]] == [(1, "a"), (2, "b"), (3, "b")]
        Path("src").write_text(f"{LINES[0]}\n" * 2)
        Path("tgt").write_text(f"{LINES[1]}\n{LINES[2]}\n")
        scored = run("-m", model, "--src", "src", "--tgt", "tgt", "--json").stdout.splitlines()
        first, second = (json.loads(line)[key] for line in scored)
        assert [row["right"] for row in found[:3]] == pytest.approx([first, second, first], abs=1e-4)
        assert [row["wrong"] for row in found[:3]] == pytest.approx([second, first, first], abs=1e-4)
        verdicts = ["right", "wrong"] if first > second else ["wrong", "right"]
        assert [row["verdict"] for row in found[:3]] == [*verdicts, "tie"]
        assert found[3] == {"kind": "all", "n": 3, "n_right": 1, "n_tied": 1, "accuracy": 1 / 3}
        assert [(one["kind"], one["n"], one["n_tied"]) for one in found[4:]] == [("a", 1, 0), ("b", 2, 1)]
    assert run("-m", model, "--contrast", "pairs.tsv").stdout.startswith("all   33.33 %  1 of 3, 1 tied\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--src", "a", "--tgt", "b"], "no model; give a run directory"),
        (["-m", "MODEL"], "give --src FILE and --tgt FILE, or --contrast FILE"),
        (["-m", "MODEL", "--src", "a", "--tgt", "b", "--contrast", "a"], "--contrast does not go with --src and --tgt"),
        (["-m", "MODEL", "--src", "a"], "--src and --tgt go together"),
        (["-m", "MODEL", "--src", "-", "--tgt", "-"], "read only once"),
        (["-m", "MODEL", "--src", "a", "--tgt", "short"], "a has 4 lines but short has 1"),
        (["-m", "MODEL", "--src", "a", "--tgt", "none"], "none: No such file"),
        (["-m", "nowhere", "--src", "none", "--tgt", "b"], "none: No such file"),  # before the model is loaded
        (["-m", "nowhere", "--contrast", "none"], "none: No such file"),
        (["-m", "nowhere", "--src", "a", "--tgt", "b"], "nowhere: no such model"),
        (["-m", "MODEL", "--contrast", "a"], "a:1: 1 column; expected source, right"),
    ],
)
def test_mistakes_get_one_clear_line(model: Path, arguments: list[str], message: str) -> None:
    Path("short").write_text("one\n")
    error = run(*[str(model) if argument == "MODEL" else argument for argument in arguments]).exception
    assert isinstance(error, MtkitError)
    assert message in str(error)
    assert "\n" not in str(error)


def test_an_output_file_holds_what_would_be_printed_and_is_no_input(model: Path) -> None:
    printed = run("-m", model, "--src", "a", "--tgt", "b").stdout
    assert run("-m", model, "--src", "a", "--tgt", "b", "-o", "scores").stdout == ""
    assert Path("scores").read_text() == printed
    error = run("-m", model, "--src", "a", "--tgt", "b", "-o", "b").exception
    assert "-o b: is an input too" in str(error)
    assert Path("b").read_text().startswith(LINES[-1])
