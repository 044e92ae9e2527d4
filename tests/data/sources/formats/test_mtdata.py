import gzip
import hashlib
from pathlib import Path

import pytest

from mtkit.data.sources.formats import mtdata
from mtkit.errors import DataError
from tests.data.conftest import pairs_of, source_of

NEWS = "Statmt-news_commentary-16-deu-eng"
ADDRESS = "http://data.statmt.org/news-commentary/v16/training/news-commentary-v16.de-en.tsv.gz"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MTDATA", str(tmp_path / "mtdata"))
    return tmp_path / "cache" / "mtkit" / "mtdata"


def test_what_was_downloaded_is_not_downloaded_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtdata, "find_spec", lambda _: None)
    folder = cache / NEWS / "en-de-train"
    folder.mkdir(parents=True)
    (folder / "src").write_text("one\ntwo\n")
    (folder / "tgt").write_text("eins\nzwei\n")
    source = source_of(f"mtdata:{NEWS}")
    assert pairs_of(source) == [("one", "eins"), ("two", "zwei")]
    assert [segment for chunk in source.one_side(1) for segment in chunk] == ["eins", "zwei"]
    assert source.sha256() == {
        f"mtdata:{NEWS} src": hashlib.sha256(b"one\ntwo\n").hexdigest(),
        f"mtdata:{NEWS} tgt": hashlib.sha256(b"eins\nzwei\n").hexdigest(),
    }
    assert source.name == NEWS


def test_without_the_library_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtdata, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=rf"mtdata:{NEWS}: needs mtdata: pip install mtkit\[mtdata\]"):
        pairs_of(source_of(f"mtdata:{NEWS}"))


@pytest.mark.parametrize("identifier", ["../../up", "a/b", ".", ""])
def test_an_id_cannot_lead_out_of_the_cache(identifier: str, cache: Path) -> None:
    with pytest.raises(DataError, match="not an mtdata id, such as"):
        pairs_of(source_of({"mtdata": identifier}))
    assert not cache.exists()


@pytest.mark.slow
def test_data_sets_are_taken_from_the_cache_of_the_library(tmp_path: Path, cache: Path) -> None:
    pytest.importorskip("mtdata")
    # Where the library keeps what it downloaded, and how it marks what is whole.
    digest = hashlib.md5(ADDRESS.encode()).hexdigest()
    file = tmp_path / "mtdata" / "data.statmt.org" / digest[:4] / digest[4:] / "news_commentary.tsv.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress("eins\tone\nzwei\u0085halb\ttwo\n\tempty\n".encode()))
    file.with_name(f"{file.name}._valid").touch()

    rows = [("one", "eins"), ("two", "zwei\u0085halb")]
    assert pairs_of(source_of(f"mtdata:{NEWS}")) == rows
    assert pairs_of(source_of(f"mtdata:{NEWS}", src_lang="de", tgt_lang="en")) == [(tgt, src) for src, tgt in rows]
    assert sorted(path.name for path in (cache / NEWS / "en-de-train").iterdir() if path.stat().st_size) == [
        "references.bib",
        "src",
        "tgt",
        "train.meta.jsonl.gz",
        "train.stats.json",
    ]

    with pytest.raises(DataError, match=rf"mtdata:{NEWS}: .*not compatible for fra-eng"):
        pairs_of(source_of(f"mtdata:{NEWS}", src_lang="fr", tgt_lang="en"))
    with pytest.raises(DataError, match="mtdata:Statmt-none-1-deu-eng: Could not find Statmt-none-1-deu-eng"):
        pairs_of(source_of("mtdata:Statmt-none-1-deu-eng"))
    with pytest.raises(DataError, match="mtdata:nonsense: Dataset ID expected in format"):
        pairs_of(source_of("mtdata:nonsense"))
