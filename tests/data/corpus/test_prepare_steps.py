import json
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from mtkit.data.corpus.prepare import prepare, try_cleaning
from mtkit.data.corpus.prepared import open_prepared
from mtkit.data.sources import pairs
from mtkit.data.tokens.special import OWN
from mtkit.data.tokens.tokenizer import JOINT_FILE, Tokenizer
from mtkit.data.tokens.training import train_tokenizer
from mtkit.errors import ConfigError, DataError
from mtkit.settings.data import DataConfig
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.conftest import TOY, ToyData, WriteLines
from tests.data.corpus.test_prepare import WORDS, files_of, pairs_of

DIRTY = [
    ("5  pears &amp; 6 apples", "5 Birnen &amp; 6\xa0Äpfel"),
    ("5 pears & 6 apples", "5 Birnen & 6 Äpfel"),
    ("seven", "seven"),
    ("3 Apples", "3 Äpfel"),
    ("pears " * 30, "Birnen " * 30),
    ("", "nichts"),
]
STEPS = ["entities", "spaces", "identical", {"leakage": {"near": True, "by": "pair"}}]


def test_what_the_steps_make_of_the_text_is_stored_and_encoded(tmp_path: Path, toy_data: ToyData) -> None:
    data = toy_data([*TOY, *DIRTY], cleaning={"max_tokens": 20, "steps": STEPS})
    prepared = prepare(data, WORDS, tmp_path / "out")
    assert pairs_of(prepared, "train") == [*TOY, ("5 pears & 6 apples", "5 Birnen & 6 Äpfel")]
    assert pairs_of(prepared, "valid") == [("3 apples", "3 Äpfel"), ("", "leer")]
    store = prepared.store("train")
    assert store.src_ids(200).tolist() == prepared.tokenizer.encode_src(["5 pears & 6 apples"])[0]
    (source, _) = prepared.manifest.sources
    expected = {"empty": 1, "duplicate": 1, "too_long": 1, "identical": 1, "leakage": 1}
    assert source["dropped"] == prepared.manifest.dropped() == expected
    assert source["changed"] == {"entities": 1, "spaces": 2}
    assert source["n_pairs"] == source["n_kept"] + sum(expected.values()) == 206


def test_the_report_shows_where_the_pairs_stood(tmp_path: Path, toy_data: ToyData) -> None:
    data = toy_data([*TOY, *DIRTY], cleaning={"max_tokens": 20, "steps": STEPS})
    prepare(data, WORDS, tmp_path / "out")
    (report,) = json.loads((tmp_path / "out" / "report.json").read_text())["sources"]
    assert {step: [sample["pair"] for sample in samples] for step, samples in report["samples"].items()} == {
        "duplicate": [202],
        "identical": [203],
        "leakage": [204],
        "too_long": [205],
        "empty": [206],
    }
    assert report["samples"]["leakage"][0] == {"pair": 204, "src": "3 Apples", "tgt": "3 Äpfel"}
    dry = try_cleaning(data)
    assert dry[0]["dropped"] == {step: n for step, n in report["dropped"].items() if step != "too_long"}
    assert dry[0]["samples"] == {step: shown for step, shown in report["samples"].items() if step != "too_long"}
    assert dry[0]["n_kept"] == report["n_kept"] + 1


def test_three_samples_are_enough(toy_data: ToyData) -> None:
    rows = [("same", "same"), ("x", "y"), ("x", "y")] * 20
    (report,) = try_cleaning(toy_data(rows, cleaning={"steps": ["identical"]}))
    assert report["dropped"] == {"duplicate": 39 - 20, "identical": 20} | {"duplicate": 39}
    assert {step: [s["pair"] for s in shown] for step, shown in report["samples"].items()} == {
        "identical": [1, 4, 7],
        "duplicate": [3, 5, 6],
    }


def test_a_sources_own_steps_are_for_it_alone(tmp_path: Path, toy_data: ToyData, write_lines: WriteLines) -> None:
    rows = [("7 plums", "7 Pflaumen"), ("8  plums", "8 Pflaumen")]
    files = {"src": write_lines("own.en", [s for s, _ in rows]), "tgt": write_lines("own.de", [t for _, t in rows])}
    steps = [{"length": {"max_words": 2}}]
    data = toy_data(train=[files | {"filters": ["spaces", *steps]}, files | {"name": "other"}], cleaning={"steps": []})
    prepared = prepare(data, WORDS, tmp_path / "out")
    assert pairs_of(prepared, "train") == [("7 plums", "7 Pflaumen"), ("8 plums", "8 Pflaumen"), rows[1]]
    data = toy_data(train=[files | {"filters": ["numbers"]}, files | {"name": "other"}], cleaning={"steps": ["urls"]})
    with pytest.raises(DataError, match=r"data\.cleaning\.steps\.0 was None, now urls"):
        prepare(data, WORDS, tmp_path / "out")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (["nfc"], ["spaces"], r"data\.cleaning\.steps\.0 was nfc, now spaces"),
        (["nfc", "spaces"], ["nfc"], r"data\.cleaning\.steps\.1 was spaces, now None"),
        (["length"], [{"length": {"max_words": 9}}], r"data\.cleaning\.steps\.0\.length\.max_words was 150, now 9"),
    ],
)
def test_other_steps_are_another_corpus(
    before: list[object], after: list[object], message: str, tmp_path: Path, toy_data: ToyData
) -> None:
    prepare(toy_data(cleaning={"steps": before}), WORDS, tmp_path / "out")
    with pytest.raises(DataError, match=message):
        prepare(toy_data(cleaning={"steps": after}), WORDS, tmp_path / "out")


def test_a_corpus_from_before_there_were_steps_is_still_the_same(tmp_path: Path, toy_data: ToyData) -> None:
    prepare(toy_data(), WORDS, tmp_path / "out")
    (tmp_path / "out" / "report.json").unlink()
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"], manifest["splits"]
    del manifest["settings"]["data"]["cleaning"]["steps"]
    for source in manifest["sources"]:
        del source["changed"]
    for place in ("train", "valid", "test"):
        for source in manifest["settings"]["data"][place]:
            del source["filters"]
    path.write_text(json.dumps(manifest))
    before = path.stat().st_mtime_ns
    assert prepare(toy_data(), WORDS, tmp_path / "out").manifest.dropped() == {}
    assert path.stat().st_mtime_ns == before
    assert len(open_prepared(tmp_path / "out").store("train")) == 200


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_bytes(
    tmp_path: Path, toy_data: ToyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", 20)
    steps = [*STEPS, {"near_duplicate": {"by": "src"}}, {"length": {"max_words": 8}}]
    rows = [*TOY, *DIRTY, *((f"{src} more", f"{tgt} mehr") for src, tgt in TOY[::3]), *TOY[::5]]
    data = toy_data(rows, cleaning={"max_tokens": 20, "steps": steps})
    for n in (1, 2, 3):
        prepare(data, TokenizerConfig(), tmp_path / str(n), n_workers=n)
    alone = files_of(tmp_path / "1")
    assert len(alone) == 9
    assert alone == files_of(tmp_path / "2") == files_of(tmp_path / "3")


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path, toy_data: ToyData, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    data = toy_data(cleaning={"steps": STEPS})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert try_cleaning(data)[0]["n_kept"] == 200
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert not list((tmp_path / "temporary").iterdir())


def test_a_set_that_is_not_there_is_named(toy_data: ToyData) -> None:
    data = toy_data(cleaning={"steps": [{"leakage": {"sets": ["tset"]}}]})
    with pytest.raises(ConfigError, match="no validation or test set is called tset; there are valid"):
        try_cleaning(data)


SEGMENTS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, sentencepiece.SentencePieceNormalizer]:
    lines = [src for src, _ in TOY] + [tgt for _, tgt in TOY]
    tokenizer = train_tokenizer(lines, [], TokenizerConfig(byte_fallback=True), 320, exact=False)
    directory = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(directory)
    return tokenizer, sentencepiece.SentencePieceNormalizer(model_file=str(directory / JOINT_FILE))


@settings(deadline=None, max_examples=300)
@given(text=SEGMENTS)
def test_what_is_encoded_can_be_read_again(
    trained: tuple[Tokenizer, sentencepiece.SentencePieceNormalizer], text: str
) -> None:
    tokenizer, normalizer = trained
    (ids,) = tokenizer.encode_tgt([text])
    assert OWN.unk not in ids
    # The sign that stands for a space comes back as one.
    expected = normalizer.normalize(text).replace("▁", " ").strip(" ")
    assert tokenizer.decode([ids])[0].strip(" ") == expected


@pytest.mark.slow
def test_noisy_text_loses_what_it_should(corpora: Path) -> None:
    folders = {"train": corpora / "noisy-en-de" / "train", "valid": corpora / "tatoeba-en-de" / "dev"}
    files = {place: {"src": f"{path}.en.gz", "tgt": f"{path}.de.gz"} for place, path in folders.items()}
    steps = ["entities", "spaces", {"ratio": {"max": 3}}, "identical", "language", "near_duplicate"]
    data = DataConfig.model_validate({"src_lang": "en", "tgt_lang": "de", "cleaning": {"steps": steps}} | files)
    (report,) = try_cleaning(data)
    # German that is English stands in its first lines: pairs 8 to 10.
    assert [sample["pair"] for sample in report["samples"]["language"]] == [8, 9, 10]
    assert 0.85 < report["n_kept"] / report["n_pairs"] < 0.95
    clean = {"src": str(corpora / "multi30k/val.en.gz"), "tgt": str(corpora / "multi30k/val.de.gz")}
    (report,) = try_cleaning(DataConfig.model_validate(data.model_dump() | {"train": [clean], "valid": [clean]}))
    assert report["n_kept"] > 0.99 * report["n_pairs"]
