from pathlib import Path

import pytest

from mtkit.report.names import run_names, short_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["test2022.en-de.hyp.OpenNMT.de.gz", "test2022.en-de.hyp.Online-W.de.gz"], ["OpenNMT", "Online-W"]),
        (["a.de", "b.de"], ["a", "b"]),
        (["out.de", "out.old.de"], ["out", "out.old"]),  # never to nothing
        (["de", "x.de"], ["de", "x.de"]),
        (["hyp.1.de", "hyp.2.de"], ["hyp.1", "hyp.2"]),  # digits alone would say nothing
        (["base.v1.de", "base.v2.de"], ["v1", "v2"]),
        ([".a", ".b"], ["a", "b"]),
        (["x..de", "x.y.de"], ["x.", "x.y"]),
        (["out.A.de"], ["out.A.de"]),
        (["one/out.de", "two/out.de"], ["one/out.de", "two/out.de"]),
        (["standard input", "out.de"], ["standard input", "out.de"]),
    ],
)
def test_names_lose_what_they_have_in_common(names: list[str], expected: list[str]) -> None:
    assert short_names(names) == expected


def test_runs_are_called_by_their_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_names([Path("runs/a"), Path("runs/b/")]) == ["a", "b"]
    assert run_names([Path("x/run"), Path("y/run")]) == ["x/run", "y/run"]
    monkeypatch.chdir(tmp_path)
    assert run_names([Path()]) == [tmp_path.name]
