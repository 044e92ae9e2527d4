"""A fixed slice of what ``make fuzz`` does at length."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = ("recipe", "text", "prepared corpus", "evaluation", "test sets", "alignments", "metrics")


@pytest.mark.parametrize("seed", [1])
def test_damaged_files_are_one_line_and_never_other_data(seed: int) -> None:
    kinds = [part for kind in QUICK for part in ("--kind", kind)]
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--seconds", "600", "--trials", "42", *kinds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "42 trials" in done.stdout
