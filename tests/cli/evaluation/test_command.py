import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu
import typer
from typer.testing import CliRunner, Result

from mtkit import __version__
from mtkit.cli.evaluation.command import evaluate
from mtkit.errors import ConfigError, DataError, GateError, MtkitError

HYP = ["The cat sat on the mat today.", "Nobody knows it, he said."]
REF_A = ["The cat is on the mat today.", "Nobody knows that, he said."]
REF_B = ["A cat sat on the mat today.", "No one knows it, said he."]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with an output and two references, in which the commands run."""
    for name, lines in {"hyp": HYP, "a": REF_A, "b": REF_B}.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    """Run the command; an MtkitError is left in ``result.exception``."""
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, arguments, input=stdin)


def refused(*arguments: str) -> MtkitError:
    """The error that the command ends with."""
    result = run(*arguments)
    assert isinstance(result.exception, MtkitError), result.output
    assert result.stdout == ""
    return result.exception


def test_every_metric_has_one_line_with_its_signature() -> None:
    bleu, chrf = run("--hyp", "hyp", "--ref", "a", "--ref", "b").stdout.splitlines()
    expected = sacrebleu.BLEU().corpus_score(HYP, [REF_A, REF_B])
    assert bleu.split() == [
        "BLEU",
        f"{expected.score:.2f}",
        "BP",
        f"{expected.bp:.3f}",
        "ratio",
        f"{expected.sys_len / expected.ref_len:.3f}",
        f"nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}",
    ]
    assert chrf.startswith("chrF2")
    (ter,) = run("--hyp", "hyp", "--ref", "a", "--metrics", "ter").stdout.splitlines()
    assert ter.startswith("TER")
    assert "lower is better" in ter


def test_metrics_may_be_repeated_or_joined_by_commas() -> None:
    result = run("--hyp", "hyp", "--ref", "a", "--metrics", "TER,chrf++", "--metrics", "bleu")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["TER", "chrF2++", "BLEU"]


def test_score_only_prints_values_with_the_decimals_asked_for() -> None:
    result = run("--hyp", "hyp", "--ref", "a", "-S", "-w", "4", "--metrics", "bleu,ter")
    bleu = sacrebleu.BLEU().corpus_score(HYP, [REF_A]).score
    ter = sacrebleu.TER().corpus_score(HYP, [REF_A]).score
    assert result.stdout == f"{bleu:.4f}\n{ter:.4f}\n"
    ratio, exact = run("--hyp", "hyp", "--ref", "a", "-S", "--metrics", "length,exact").stdout.split()
    assert (len(ratio.partition(".")[2]), len(exact.partition(".")[2])) == (4, 2)


def test_json_is_one_object_with_everything() -> None:
    result = run("--hyp", "hyp", "--ref", "a", "-l", "en-de", "--metrics", "bleu", "--min-bleu", "1", "--json")
    found = json.loads(result.stdout)
    assert found["versions"] == {"mtkit": __version__, "sacrebleu": sacrebleu.__version__}
    assert found["language_pair"] == "en-de"
    (test_set,) = found["test_sets"]
    assert (test_set["hyp"], test_set["refs"], test_set["n_lines"]) == ("hyp", ["a"], 2)
    expected = sacrebleu.BLEU().corpus_score(HYP, [REF_A])
    bleu = test_set["scores"]["bleu"]
    assert bleu["value"] == expected.score
    assert bleu["brevity_penalty"] == expected.bp
    assert bleu["length_ratio"] == expected.sys_len / expected.ref_len
    assert bleu["signature"].startswith("nrefs:1|")
    assert test_set["gates"] == [
        {"metric": "bleu", "name": "BLEU", "threshold": 1.0, "value": expected.score, "passed": True, "bound": "min"}
    ]
    assert test_set["warnings"] == []


def test_output_is_read_from_stdin(files: Path) -> None:
    piped = run("--hyp", "-", "--ref", "a", stdin=(files / "hyp").read_bytes())
    assert piped.stdout == run("--hyp", "hyp", "--ref", "a").stdout


def test_packed_files_and_foreign_line_ends_do_not_change_the_score(files: Path) -> None:
    (files / "hyp.gz").write_bytes(gzip.compress("\r\n".join(HYP).encode()))
    assert run("--hyp", "hyp.gz", "--ref", "a").stdout == run("--hyp", "hyp", "--ref", "a").stdout


@pytest.mark.parametrize("spelling", ["-tok", "--tok", "--tokenize"])
def test_tokenizer_may_be_chosen(spelling: str) -> None:
    assert "tok:char" in run("--hyp", "hyp", "--ref", "a", spelling, "char").stdout


def test_target_language_chooses_the_tokenizer() -> None:
    assert "tok:zh" in run("--hyp", "hyp", "--ref", "a", "-l", "en-zh").stdout
    assert "tok:13a" in run("--hyp", "hyp", "--ref", "a", "-l", "zh-en").stdout


def test_lowercase_ignores_case(files: Path) -> None:
    (files / "upper").write_text("".join(f"{line.upper()}\n" for line in HYP), encoding="utf-8")
    assert run("--hyp", "upper", "--ref", "hyp", "-lc", "-S", "--metrics", "bleu").stdout == "100.00\n"


def test_tokenised_text_is_warned_of_and_still_scored(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    (files / "tokens").write_text("The cat sat on the mat today .\nNobody knows it , he said .\n", encoding="utf-8")
    result = run("--hyp", "tokens", "--ref", "a", "--json")
    (warning,) = json.loads(result.stdout)["test_sets"][0]["warnings"]
    assert warning.startswith("tokens looks tokenised")
    assert caplog.messages == [warning]


@pytest.mark.parametrize(
    ("gate", "passed"),
    [
        (["--min-bleu", "1"], True),
        (["--min-bleu", "99"], False),
        (["--min-chrf", "1"], True),
        (["--min-chrf", "99"], False),
        (["--max-ter", "99"], True),
        (["--max-ter", "1"], False),
        (["--min-bleu", "1", "--max-ter", "1"], False),
    ],
)
def test_missed_gate_exits_with_3_after_the_scores_were_printed(gate: list[str], passed: bool) -> None:
    result = run("--hyp", "hyp", "--ref", "a", *gate)
    of_gates = ["TER"] if "--max-ter" in gate else []
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["BLEU", "chrF2", *of_gates]
    if passed:
        assert result.exit_code == 0
    else:
        assert isinstance(result.exception, GateError)
        assert result.exception.exit_code == 3


def test_gate_adds_its_metric_to_those_asked_for() -> None:
    result = run("--hyp", "hyp", "--ref", "a", "--metrics", "bleu", "--max-ter", "99")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["BLEU", "TER"]


def test_json_tells_of_failed_gates_too() -> None:
    result = run("--hyp", "hyp", "--ref", "a", "--min-bleu", "99", "--min-chrf", "99", "--json")
    assert [gate["passed"] for gate in json.loads(result.stdout)["test_sets"][0]["gates"]] == [False, False]
    assert str(result.exception).count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give an output with --hyp FILE, or a model with -m RUN"),
        (["--hyp", "hyp"], "add --ref FILE"),
        (["--hyp", "hyp", "--ref", "a", "-m", "run"], "--hyp and -m do not go together"),
        (["--hyp", "hyp", "--ref", "a", "-o", "out"], "-o belongs to -m"),
        (["--hyp", "hyp", "--ref", "a", "-m", "bleu"], "-m names a model here; metrics are --metrics bleu"),
        (["-m", "CHRF"], "-m names a model here; metrics are --metrics chrf"),
        (["-m", "bleu,ter"], "-m names a model here; metrics are --metrics bleu,ter"),
        (["-m", "run", "-i", "src"], "add --ref FILE"),
        (["-m", "run", "--ref", "a"], "add -i FILE"),
        (["-m", "run", "-o", "-"], "name a file for the translations"),
        (["--hyp", "-", "--ref", "-"], "standard input can be read only once"),
        (["--hyp", "hyp", "--ref", "a", "-l", "ende"], "-l ende: expected source-target, such as en-de"),
        (["--hyp", "hyp", "--ref", "a", "-l", "en-"], "-l en-: expected source-target"),
        (["--hyp", "hyp", "--ref", "a", "--metrics", "blue"], "did you mean bleu"),
        (["--hyp", "hyp", "--ref", "a", "-tok", "zhh"], "unknown tokenizer 'zhh'"),
        (["--hyp", "hyp", "--ref", "a", "--min-bleu", "nan"], "must be a number"),
    ],
)
def test_unclear_command_says_what_to_type_instead(arguments: list[str], message: str) -> None:
    error = refused(*arguments)
    assert isinstance(error, ConfigError)
    assert message in str(error)


def test_files_of_different_length_are_named_with_their_counts(files: Path) -> None:
    (files / "short").write_text("One.\n", encoding="utf-8")
    error = refused("--hyp", "hyp", "--ref", "a", "--ref", "short")
    assert isinstance(error, DataError)
    assert "hyp has 2 lines but short has 1" in str(error)


def test_missing_and_empty_files_are_named(files: Path) -> None:
    (files / "empty").touch()
    assert "none.txt: No such file" in str(refused("--hyp", "none.txt", "--ref", "a"))
    assert "no lines" in str(refused("--hyp", "empty", "--ref", "empty"))


def test_scoring_a_file_needs_no_torch(files: Path) -> None:
    arguments = ["evaluate", "--hyp", str(files / "hyp"), "--ref", str(files / "a"), "--metrics", "bleu"]
    code = f"import sys; from mtkit.cli import app; app({arguments}, standalone_mode=False); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    score_line, modules = done.stdout.splitlines()
    assert score_line.startswith("BLEU")
    assert not {"torch", "numpy", "datasets", "pyarrow", "mtkit.settings.recipe"} & set(modules.split())


def test_alignments_are_scored_against_gold_ones() -> None:
    Path("links").write_text("0-0 1-1\n2-2\n")
    Path("gold").write_text("1-1 2p2\n1-1\n")
    shown = run("--hyp", "links", "--alignments", "gold").stdout
    # A = 3, S = 2, A and S = 1, A and P = 2.
    scores = "AER 40.00 %  lower is better  precision 66.67 %  recall 50.00 %"
    assert shown == f"{scores}  3 links; gold: 2 sure, 3 in all\n"
    assert json.loads(run("--hyp", "links", "--alignments", "gold", "--json").stdout)["error_rate"] == pytest.approx(
        0.4
    )


def test_alignments_that_seem_to_count_from_one_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("links", "gold"):
        Path(name).write_text("1-1 2-2\n" * 10)
    found = json.loads(run("--hyp", "links", "--alignments", "gold", "--json").stdout)
    assert found["warnings"] == caplog.messages
    assert caplog.messages == [
        "links seems to count words from 1, as no link has a 0: an output counts from 0, only GOLD from 1"
    ]


def test_alignments_have_a_gate_of_their_own() -> None:
    Path("links").write_text("0-0 1-1\n2-2\n")
    Path("gold").write_text("1-1 2p2\n1-1\n")
    command = ("--hyp", "links", "--alignments", "gold", "--max-aer")  # the error rate is 40 %, as above
    assert run(*command, "40").exit_code == 0
    missed = run(*command, "39.9", "--json")
    assert isinstance(missed.exception, GateError)
    assert str(missed.exception) == "quality gate failed: AER 40.00 is above 39.9"
    assert [gate["passed"] for gate in json.loads(missed.stdout)["gates"]] == [False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--alignments", "gold"], "scores the alignments in --hyp FILE: give one --hyp"),
        (["--alignments", "gold", "--hyp", "a", "--hyp", "b"], "give one --hyp"),
        (["--alignments", "-", "--hyp", "-"], "standard input can be read only once"),
        (["--hyp", "a", "--alignments", "gold", "-r", "x"], "nothing else besides: leave out --ref"),
        (
            ["--hyp", "a", "--alignments", "gold", "--gate", "none.yaml", "--max-drop", "3", "--junit", "x.xml"],
            "leave out --junit, --gate, --max-drop",
        ),
        (["--hyp", "a", "--alignments", "gold", "--metrics", "foo", "--min-bleu", "3"], "--metrics, --min-bleu"),
        (["--hyp", "a", "--alignments", "gold", "--max-aer", "nan"], "must be a number"),
        (["--hyp", "hyp", "--ref", "a", "--max-aer", "3"], "add --alignments GOLD"),
    ],
)
def test_options_that_would_be_ignored_beside_alignments_are_refused(arguments: list[str], message: str) -> None:
    error = refused(*arguments)
    assert isinstance(error, ConfigError)
    assert message in str(error)
