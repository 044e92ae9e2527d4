"""What version 0.1.0 has written is still read: a prepared corpus, a run with its checkpoint, and the model of it.

The archive was made by ``mtkit train -c old.yaml -o run`` of that version, with a tokenizer that does not normalise
(its tables would be most of the archive), and without the conversions for CTranslate2.
"""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Outcome

ARCHIVE = Path(__file__).parents[1] / "golden" / "0.1.0.tar.xz"
SCORES = [-19.1523, -11.0548]
"""Log-probabilities that the old version gave to the pairs below."""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that the old version worked in."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_old_model_scores_as_it_did(mtkit: Callable[..., Outcome], old: Path) -> None:
    (old / "s.num").write_text("1 2 3\n4 5\n")
    (old / "s.abc").write_text("c b a\ne d\n")
    outcome = mtkit("score", "-m", "run", "-i", "s.num", "--tgt", "s.abc", "--device", "cpu")
    assert [float(line) for line in outcome.out.split()] == pytest.approx(SCORES, abs=1e-4)


def test_an_old_model_translates(mtkit: Callable[..., Outcome], old: Path) -> None:
    (old / "s.num").write_text("1 2 3\n4 5\n")
    outcome = mtkit("translate", "-m", "run/model", "-i", "s.num", "--device", "cpu")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == 2


def test_an_old_corpus_is_not_prepared_again(mtkit: Callable[..., Outcome], old: Path) -> None:
    files = {path: path.stat().st_mtime_ns for path in (old / "prepared").rglob("*") if path.is_file()}
    assert mtkit("preprocess", "-c", "old.yaml").code == 0
    assert {path: path.stat().st_mtime_ns for path in (old / "prepared").rglob("*") if path.is_file()} == files


def test_an_old_run_resumes(mtkit: Callable[..., Outcome], old: Path) -> None:
    for name in ("model", "metrics.jsonl"):
        path = old / "run" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    outcome = mtkit("train", "-c", "old.yaml", "-o", "run", "--set", "training.max_updates=6")
    assert outcome.code == 0, outcome.err
    assert "resuming" in outcome.err or "going on" in outcome.err
    updates = [json.loads(line)["update"] for line in (old / "run" / "metrics.jsonl").read_text().splitlines()]
    assert updates
    assert min(updates) > 4
    assert max(updates) == 6
