"""What docs/evaluation.md and docs/ci.md tell must be so."""

import re
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from mtkit.cli.evaluation.command import evaluate
from mtkit.cli.report import report
from mtkit.evaluation.gates.gate_file import read_gate_file
from mtkit.evaluation.metrics.metrics import DEFAULT_METRICS, METRICS
from mtkit.evaluation.set_list import parse_set_list

DOCS = Path(__file__).parents[3] / "docs"


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)


def block_with(name: str, start: str) -> str:
    (found,) = (block for block in blocks(name, "yaml") if block.startswith(start))
    return found


@pytest.mark.parametrize("name", ["evaluation.md", "ci.md"])
def test_every_flag_of_a_command_exists(name: str) -> None:
    app = typer.Typer()
    app.command()(evaluate)
    known = set(re.findall(r"--?[a-z][a-z-]*", CliRunner().invoke(app, ["--help"]).stdout))
    text = "\n".join(blocks(name, "sh") + blocks(name, "yaml"))
    commands = re.findall(r"mtkit evaluate((?:[^#\n]|\n +--)*)", text)
    flags = {flag for command in commands for flag in re.findall(r"(?<=\s)--?[a-z][a-z-]*", command)}
    assert len(flags) > 5
    assert flags <= known


def test_files_that_are_shown_are_valid(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text(block_with("ci.md", "# gate.yaml"), encoding="utf-8")
    assert read_gate_file(tmp_path / "gate.yaml").test_sets["news"].min == {"bleu": 25}
    (tmp_path / "sets.yaml").write_text(block_with("evaluation.md", "# sets.yaml"), encoding="utf-8")
    assert [entry.name for entry in parse_set_list(tmp_path / "sets.yaml")] == ["news", "captions"]


def test_jobs_are_yaml_whose_reports_are_those_that_are_written() -> None:
    github = yaml.safe_load(block_with("ci.md", "# .github"))
    steps = [step["run"] for step in github["jobs"]["quality"]["steps"] if "run" in step]
    gitlab = yaml.safe_load(block_with("ci.md", "# .gitlab"))
    for script in (steps, gitlab["quality"]["script"]):
        (command,) = (line for line in script if "mtkit evaluate" in line)
        assert "\n" not in command.strip()
        assert "--junit quality.xml --markdown quality.md" in command
    assert gitlab["quality"]["artifacts"]["reports"]["junit"] == "quality.xml"


def test_every_metric_is_told_of() -> None:
    text = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    assert [metric for metric in METRICS if f"`{metric}`" not in text] == []


def test_the_default_metrics_are_those_that_are_told_of() -> None:
    default = ",".join(DEFAULT_METRICS)
    assert f"the default is `{default}`." in (DOCS / "evaluation.md").read_text(encoding="utf-8")
    for command in (evaluate, report):
        app = typer.Typer(rich_markup_mode=None)
        app.command()(command)
        assert f"Default: {default}." in " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
