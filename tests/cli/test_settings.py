import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from mtkit.cli import app
from mtkit.errors import ConfigError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["settings", *arguments], env={"COLUMNS": "80"})


def test_one_setting() -> None:
    result = run("training.seed")
    assert result.exit_code == 0
    assert result.stdout == (
        "training.seed: whole number, at least -9,223,372,036,854,775,808 and below\n"
        "      18,446,744,073,709,551,616; default 1\n"
        "    Seed of all random numbers: initial weights, order of the pairs, dropout and\n"
        "    sampling.\n"
    )


def test_one_section_and_those_within_it() -> None:
    result = run("training.sampling")
    names = [line.partition(":")[0] for line in result.stdout.splitlines() if line and not line.startswith(" ")]
    assert names[0] == "training.sampling"
    assert {"training.sampling.join", "training.sampling.typos.words"} <= {*names}
    assert all(name.startswith("training.sampling") for name in names)


def test_all_of_them() -> None:
    names = {line.partition(":")[0] for line in run().stdout.splitlines() if not line.startswith(" ")}
    assert {"name", "data.train.src", "model.d_model", "training.average.n", "decoding.split"} <= names


def test_markdown() -> None:
    assert run("--markdown").stdout.startswith("# The settings of a recipe\n\n")
    assert run("model", "--markdown").stdout.startswith("## model\n\n")


def test_a_misspelt_one_is_refused_with_what_was_meant() -> None:
    error = run("training.learning_rat").exception
    assert isinstance(error, ConfigError)
    assert error.exit_code == 2
    assert str(error) == "training.learning_rat: unknown setting; did you mean learning_rate?"


@pytest.mark.parametrize("arguments", [[], ["model"], ["--markdown"]])
def test_nothing_heavy_is_imported(arguments: list[str]) -> None:
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from mtkit.cli import main; main()"
    command = [sys.executable, "-c", code, "settings", *arguments]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip().rpartition("\n")[2]
    assert "pydantic" in loaded.split()
    assert not {"torch", "numpy", "sentencepiece", "pyarrow", "sacrebleu"} & {*loaded.split()}
