from pathlib import Path

import pytest

from mtkit.data.sources.formats.text import TextSource
from mtkit.data.sources.holdout import Split, hold_out
from mtkit.data.sources.named_corpus import named_corpus
from mtkit.errors import DataError


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def source_of(src: Path, tgt: Path) -> TextSource:
    return TextSource(str(src), src, tgt)


def read(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1]


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[Path, Path]:
    """200 pairs of 100 different sources; every target is some source's twice."""
    sources = [f"source {n % 100}" for n in range(200)]
    targets = [f"target {n // 2}" for n in range(200)]
    return write(tmp_path / "c.en", sources), write(tmp_path / "c.de", targets)


def test_nothing_that_is_held_out_is_left_in_training(corpus: tuple[Path, Path], tmp_path: Path) -> None:
    splits = hold_out(source_of(*corpus), tmp_path / "out", src_lang="en", tgt_lang="de")
    src = {name: read(split.src) for name, split in splits.items()}
    tgt = {name: read(split.tgt) for name, split in splits.items()}
    assert len(src["valid"]) == len(src["test"]) == len(tgt["valid"]) == len(tgt["test"]) == 10
    held_src, held_tgt = {*src["valid"], *src["test"]}, {*tgt["valid"], *tgt["test"]}
    assert not held_src & set(src["train"])
    assert not held_tgt & set(tgt["train"])
    everything = set(zip(read(corpus[0]), read(corpus[1]), strict=True))
    for name in splits:
        assert set(zip(src[name], tgt[name], strict=True)) <= everything
    dropped = everything - {pair for name in splits for pair in zip(src[name], tgt[name], strict=True)}
    assert all(s in held_src or t in held_tgt for s, t in dropped)


def test_again_is_the_same_and_other_files_are_refused(corpus: tuple[Path, Path], tmp_path: Path) -> None:
    splits = hold_out(source_of(*corpus), tmp_path / "out", src_lang="en", tgt_lang="de")
    before = splits["test"].src.stat().st_mtime_ns
    assert hold_out(source_of(*corpus), tmp_path / "out", src_lang="en", tgt_lang="de") == splits
    assert splits["test"].src.stat().st_mtime_ns == before
    twin = hold_out(source_of(*corpus), tmp_path / "twin", src_lang="en", tgt_lang="de")
    assert twin["test"].src.read_bytes() == splits["test"].src.read_bytes()
    other = write(tmp_path / "d.en", ["x"] * 200)
    with pytest.raises(DataError, match=rf"{tmp_path}: was started with different --src and --tgt files"):
        hold_out(source_of(other, corpus[1]), tmp_path / "out", src_lang="en", tgt_lang="de")


def test_unequal_and_tiny_files_are_refused(tmp_path: Path) -> None:
    few, many = write(tmp_path / "few.en", ["a"] * 39), write(tmp_path / "many.de", ["b"] * 100)
    with pytest.raises(DataError, match=r"few.en has 39 lines but .*many.de has 100"):
        hold_out(source_of(few, many), tmp_path / "out", src_lang="en", tgt_lang="de")
    with pytest.raises(DataError, match="39 lines are too few"):
        hold_out(source_of(few, few), tmp_path / "out", src_lang="en", tgt_lang="de")
    assert not (tmp_path / "out").exists()


def test_one_line_over_and_over_is_refused(tmp_path: Path) -> None:
    same = write(tmp_path / "same.en", ["again"] * 100)
    with pytest.raises(DataError, match="nothing left to train on"):
        hold_out(source_of(same, same), tmp_path / "out", src_lang="en", tgt_lang="de")
    assert not (tmp_path / "out").exists()


def test_the_same_files_by_other_paths_are_the_same(corpus: tuple[Path, Path], tmp_path: Path) -> None:
    splits = hold_out(source_of(*corpus), tmp_path / "out", src_lang="en", tgt_lang="de")
    moved = corpus[0].rename(tmp_path / "moved.en"), corpus[1].rename(tmp_path / "moved.de")
    assert hold_out(source_of(*moved), tmp_path / "out", src_lang="en", tgt_lang="de") == splits
    for files, seed in ((moved, 2), (moved[::-1], 1)):
        with pytest.raises(DataError, match=rf"{tmp_path}: was started with different --src and --tgt files"):
            hold_out(source_of(*files), tmp_path / "out", src_lang="en", tgt_lang="de", seed=seed)
    (tmp_path / "out" / "origin.json").write_text("[]")
    with pytest.raises(DataError, match=rf"{tmp_path}: was started with different --src and --tgt files"):
        hold_out(source_of(*moved), tmp_path / "out", src_lang="en", tgt_lang="de")


def test_several_sources_are_one_corpus(tmp_path: Path) -> None:
    pairs = [
        (write(tmp_path / f"{name}.en", [f"{name} source {n}" for n in range(60)]),
         write(tmp_path / f"{name}.de", [f"{name} target {n}" for n in range(60)]))
        for name in ("a", "b")
    ]  # fmt: skip

    def cut(pairs: list[tuple[Path, Path]], name: str) -> dict[str, Split]:
        corpus = named_corpus([src for src, _ in pairs], [tgt for _, tgt in pairs], "en", "de")
        return hold_out(corpus.open(), tmp_path / name, src_lang="en", tgt_lang="de")

    splits = cut(pairs, "out")
    src = [line for split in splits.values() for line in read(split.src)]
    tgt = [line for split in splits.values() for line in read(split.tgt)]
    assert sorted(src) == sorted(line for file, _ in pairs for line in read(file))
    assert [line.replace("source", "target") for line in src] == tgt
    assert cut(pairs, "out") == splits
    for others in (pairs[:1], pairs[::-1], [(pairs[0][0], pairs[1][1]), (pairs[1][0], pairs[0][1])]):
        with pytest.raises(DataError, match="started with different --src and --tgt files"):
            cut(others, "out")
    (one, two), (three, _) = pairs
    cut([(one, two), (one, three)], "twice")
    with pytest.raises(DataError, match="started with different --src and --tgt files"):
        cut([(one, two), (three, one)], "twice")
    write(pairs[1][1], ["short"])
    with pytest.raises(DataError, match=r"b.en has 60 lines but .*b.de has 1: "):
        cut(pairs, "other")
