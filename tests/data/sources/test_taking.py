"""What is taken of pairs, beside the pairs themselves, whatever the format."""

from pathlib import Path

import pytest

from mtkit.data.sources.sources import open_sources
from mtkit.settings.data import DataConfig

PAIRS = [("one", "eins"), ("two", "zwei"), ("three", "drei")]


def opened(tmp_path: Path, source: dict[str, object], task: str = "translate") -> list[tuple[str, str]]:
    (tmp_path / "a.en").write_text("".join(f"{src}\n" for src, _ in PAIRS))
    (tmp_path / "a.de").write_text("".join(f"{tgt}\n" for _, tgt in PAIRS))
    (tmp_path / "a.tsv").write_text("".join(f"{src}\t{tgt}\n" for src, tgt in PAIRS))
    named: dict[str, object] = {
        key: str(tmp_path / str(value)) if key in ("src", "tgt", "tsv", "mono") else value
        for key, value in source.items()
    }
    data = {"src_lang": "en", "tgt_lang": "de", "task": task, "train": named, "valid": named}
    (found,) = open_sources(DataConfig.model_validate(data))["train"]
    chunks = list(found.chunks())
    for side in (0, 1):
        assert [s for chunk in found.one_side(side) for s in chunk] == [
            s for chunk in chunks for s in chunk.of_side(side)
        ]
    return [pair for chunk in chunks for pair in zip(chunk.src, chunk.tgt, strict=True)]


@pytest.mark.parametrize("files", [{"src": "a.en", "tgt": "a.de"}, {"tsv": "a.tsv"}])
@pytest.mark.parametrize(
    ("take", "expected"),
    [
        ("both", PAIRS),
        ("swapped", [(tgt, src) for src, tgt in PAIRS]),
        ("src", [(src, src) for src, _ in PAIRS]),
        ("tgt", [(tgt, tgt) for _, tgt in PAIRS]),
    ],
)
def test_what_is_taken(tmp_path: Path, files: dict[str, str], take: str, expected: list[tuple[str, str]]) -> None:
    assert opened(tmp_path, {**files, "take": take}) == expected
    assert opened(tmp_path, {**files, "take": take, "limit": 2}) == expected[:2]


def test_reconstruction_takes_the_source_unless_told_otherwise(tmp_path: Path) -> None:
    files = {"src": "a.en", "tgt": "a.de"}
    assert opened(tmp_path, {**files}, "reconstruct") == [(src, src) for src, _ in PAIRS]
    assert opened(tmp_path, {**files, "take": "tgt"}, "reconstruct") == [(tgt, tgt) for _, tgt in PAIRS]
    assert opened(tmp_path, {"mono": "a.de"}, "reconstruct") == [(tgt, tgt) for _, tgt in PAIRS]


def test_languages_and_tags_are_of_what_is_taken() -> None:
    files = {"src": "a", "tgt": "b"}
    train = [files, *({**files, "take": take} for take in ("swapped", "src", "tgt")), {"mono": "m", "src_lang": "fr"}]
    data = {"src_lang": "en", "tgt_lang": "de", "train": train, "valid": files, "language_tags": "both"}
    config = DataConfig.model_validate(data)
    assert config.directions == [("en", "de"), ("de", "en"), ("en", "en"), ("de", "de"), ("fr", "fr")]
    assert config.tags_of(config.train[1]) == ["<de>", "<2en>"]
    assert config.tags_of(config.train[3]) == ["<de>", "<2de>"]
