import gzip
import hashlib
import json
import logging
import os
from pathlib import Path

import datasets
import huggingface_hub
import pyarrow as pa
import pytest
from pyarrow import parquet

from mtkit.data.sources.pairs import Source
from mtkit.data.sources.sources import Place, open_sources
from mtkit.errors import DataError
from tests.data.conftest import ToyData, WriteLines, pairs_of

ROWS = {"en": ["one\ntwo", "NA", None], "de": ["eins\u2028", "007", "drei"]}
PAIRS = [("one two", "eins\u2028"), ("NA", "007"), ("", "drei")]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def source_of(toy_data: ToyData, place: Place = "train", **settings: object) -> Source:
    return open_sources(toy_data(**{place: settings}))[place][0]


@pytest.fixture(params=["rows.parquet", "rows.jsonl", "rows.jsonl.gz", "rows.csv", "rows.tsv", "saved"])
def data_set(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The rows above in each format."""
    path = tmp_path / str(request.param)
    lines = [json.dumps(dict(zip(ROWS, row, strict=True))) for row in zip(*ROWS.values(), strict=True)]
    match request.param:
        case "rows.parquet":
            parquet.write_table(pa.table(ROWS), path)
        case "rows.jsonl":
            path.write_text("\n".join(lines))
        case "rows.jsonl.gz":
            path.write_bytes(gzip.compress("\n".join(lines).encode()))
        case "rows.csv":
            path.write_text('en,de\n"one\ntwo",eins\u2028\nNA,007\n,drei\n', encoding="utf-8")
        case "rows.tsv":
            path.write_text('en\tde\n"one\ntwo"\teins\u2028\nNA\t007\n\tdrei\n', encoding="utf-8")
        case _:
            datasets.Dataset.from_dict(ROWS).save_to_disk(str(path))
    return path


def test_every_format_gives_the_same_pairs(data_set: Path, toy_data: ToyData) -> None:
    source = source_of(toy_data, hf=str(data_set))
    assert pairs_of(source) == PAIRS
    assert [segment for chunk in source.one_side(1) for segment in chunk] == [tgt for _, tgt in PAIRS]
    assert source.name == data_set.name.split(".")[0]


def test_a_file_is_known_by_the_hash_of_its_bytes(toy_data: ToyData, write_lines: WriteLines) -> None:
    path = write_lines("rows.csv", ["en,de", "one,eins"])
    assert source_of(toy_data, hf=path).sha256() == {path: hashlib.sha256(b"en,de\none,eins\n").hexdigest()}


def test_a_directory_has_splits_by_the_names_of_its_files(tmp_path: Path, toy_data: ToyData) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "validation"):
        parquet.write_table(pa.table({"en": [split], "de": ["x"]}), folder / f"{split}.parquet")
    assert pairs_of(source_of(toy_data, "train", hf=str(folder))) == [("train", "x")]
    assert pairs_of(source_of(toy_data, "valid", hf=str(folder))) == [("validation", "x")]
    assert pairs_of(source_of(toy_data, "test", hf=str(folder), split="train")) == [("train", "x")]
    with pytest.raises(DataError, match=r"no split test \(it has train, validation\); name one with split:"):
        pairs_of(source_of(toy_data, "test", hf=str(folder)))


def test_one_of_several_configurations_is_chosen_by_name(tmp_path: Path, toy_data: ToyData) -> None:
    folder = tmp_path / "books"
    for name in ("en-de", "en-fr"):
        (folder / name).mkdir(parents=True)
        (folder / name / "train.jsonl").write_text(json.dumps({"translation": {"en": name, "de": "x"}}) + "\n")
    configs = "".join(f"- config_name: {name}\n  data_files: {name}/*\n" for name in ("en-de", "en-fr"))
    (folder / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    assert pairs_of(source_of(toy_data, hf=str(folder), hf_config="en-fr")) == [("en-fr", "x")]
    with pytest.raises(DataError, match=r"has several configurations \(en-de, en-fr\); choose one with hf_config:"):
        pairs_of(source_of(toy_data, hf=str(folder)))
    with pytest.raises(DataError, match=r"no configuration de \(it has en-de, en-fr\); choose one with hf_config:"):
        pairs_of(source_of(toy_data, hf=str(folder), hf_config="de"))


def test_a_table_without_rows_has_no_pairs(tmp_path: Path, toy_data: ToyData) -> None:
    (tmp_path / "folder").mkdir()
    empty = pa.table({name: pa.array([], pa.string()) for name in ("en", "de")})
    for path in (tmp_path / "a.parquet", tmp_path / "folder" / "train.parquet"):
        parquet.write_table(empty, path)
        assert pairs_of(source_of(toy_data, hf=str(path))) == []
    assert pairs_of(source_of(toy_data, hf=str(tmp_path / "folder"))) == []
    for name in ("a.jsonl", "a.json"):
        (tmp_path / name).write_text("")
        assert pairs_of(source_of(toy_data, hf=str(tmp_path / name))) == []


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_text_in_json_lines_is_never_taken_for_anything_else(
    name: str, toy_data: ToyData, write_lines: WriteLines
) -> None:
    path = write_lines(name, ['{"en": "2020-01-01", "de": null}', "", '{"en": "1.50", "de": "x"}'])
    assert pairs_of(source_of(toy_data, hf=path)) == [("2020-01-01", ""), ("1.50", "x")]
    path = write_lines(name, ['{"en": "one", "de": "x"}', '{"en": "two"}'])
    with pytest.raises(DataError, match=rf"{name}:2: no field de \(it has en\)"):
        pairs_of(source_of(toy_data, hf=path))


def test_a_json_array_is_read(toy_data: ToyData, write_lines: WriteLines) -> None:
    path = write_lines("rows.json", ['[{"en": "one", "de": "eins"},', '{"en": null, "de": "zwei"}]'])
    assert pairs_of(source_of(toy_data, hf=path)) == [("one", "eins"), ("", "zwei")]


def test_a_saved_dictionary_of_splits_is_read(tmp_path: Path, toy_data: ToyData) -> None:
    splits = {name: datasets.Dataset.from_dict({"en": [name], "de": ["x"]}) for name in ("train", "dev")}
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "corpus"))
    assert pairs_of(source_of(toy_data, "valid", hf=str(tmp_path / "corpus"))) == [("dev", "x")]


def test_the_content_of_a_directory_is_hashed(tmp_path: Path, toy_data: ToyData) -> None:
    hashes = []
    for name, word in (("a", "x"), ("b", "x"), ("c", "y")):
        datasets.Dataset.from_dict({"en": [word], "de": ["z"]}).save_to_disk(str(tmp_path / name))
        [digest] = source_of(toy_data, hf=str(tmp_path / name)).sha256().values()
        hashes.append(digest)
    assert hashes[0] == hashes[1] != hashes[2]


def test_languages_may_stand_under_translation(toy_data: ToyData, write_lines: WriteLines) -> None:
    path = write_lines("rows.jsonl", [json.dumps({"translation": {"en": "one", "de": "eins", "fr": "un"}})])
    assert pairs_of(source_of(toy_data, hf=path)) == [("one", "eins")]
    assert pairs_of(source_of(toy_data, hf=path, fields=["fr", "en"])) == [("un", "one")]
    with pytest.raises(
        DataError, match=r"rows\.jsonl:1: no field en \(it has translation\.en, translation\.de, translation\.fr\)"
    ):
        pairs_of(source_of(toy_data, hf=path, fields=["en", "nl"]))


def test_fields_are_named_where_they_are_called_otherwise(toy_data: ToyData, write_lines: WriteLines) -> None:
    path = write_lines("rows.jsonl", [json.dumps({"source": "one", "target": "eins"})])
    assert pairs_of(source_of(toy_data, hf=path, fields=["source", "target"])) == [("one", "eins")]
    with pytest.raises(DataError, match=r"no field en \(it has source, target\); name two with fields:"):
        pairs_of(source_of(toy_data, hf=path))


def test_a_field_may_lie_inside_another(tmp_path: Path, toy_data: ToyData) -> None:
    rows = [{"text": {"a.b": "one", "de": None}, "en": "x"}, None, {"text": None, "en": "y"}]
    parquet.write_table(pa.table({"row": rows}), tmp_path / "rows.parquet")
    source = source_of(toy_data, hf=str(tmp_path / "rows.parquet"), fields=["row.text.a.b", "row.en"])
    assert pairs_of(source) == [("one", "x"), ("", ""), ("", "y")]
    with pytest.raises(DataError, match=r"no fields row\.fr and row\.en \(it has row\.text, row\.en\); name them"):
        pairs_of(source_of(toy_data, hf=str(tmp_path / "rows.parquet"), fields=["row.fr", "row.en"]))


def test_a_field_may_hold_a_score(tmp_path: Path, toy_data: ToyData) -> None:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"en": ["a", "b"], "de": ["A", "B"], "good": [0.5, 2], "bad": [1.0, None]}), path)
    [chunk] = source_of(toy_data, hf=str(path), score="good").chunks()
    assert chunk == (["a", "b"], ["A", "B"], [0.5, 2.0])
    with pytest.raises(DataError, match=r"hf:.*rows\.parquet: row 2: the score None is not a number"):
        pairs_of(source_of(toy_data, hf=str(path), score="bad"))
    with pytest.raises(DataError, match=r"no field none \(it has en, de, good, bad\)"):
        pairs_of(source_of(toy_data, hf=str(path), score="none"))


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_limit_takes_the_first_pairs(limit: int, data_set: Path, toy_data: ToyData) -> None:
    source = source_of(toy_data, hf=str(data_set), limit=limit)
    assert pairs_of(source) == PAIRS[:limit]
    assert [segment for chunk in source.one_side(0) for segment in chunk] == [src for src, _ in PAIRS[:limit]]


def test_a_source_has_its_own_direction(toy_data: ToyData, write_lines: WriteLines) -> None:
    path = write_lines("rows.csv", ["en,de", "one,eins"])
    assert pairs_of(source_of(toy_data, hf=path, src_lang="de", tgt_lang="en")) == [("eins", "one")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.jsonl", b'{"en": "one", \n', r"rows\.jsonl:1: not JSON at column"),
        ("rows.jsonl", b'{"en": 1, "de": "eins"}\n', r"rows\.jsonl:1: the field en holds 1, not text"),
        ("rows.parquet", b"not parquet", r"hf:.*rows\.parquet: .*Parquet"),
        ("rows.csv", "en,de\nä,ö\n".encode("latin1"), r"rows\.csv:2: byte 1 of the line is not UTF-8"),
        ("rows.pkl", b"", r"rows\.pkl: not one of \.parquet, \.json"),
    ],
)
def test_a_damaged_file_is_one_line(
    name: str, content: bytes, message: str, tmp_path: Path, toy_data: ToyData, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        pairs_of(source_of(toy_data, hf=str(tmp_path / name)))
    assert "\n" not in str(caught.value)
    assert caplog.text == ""


def test_an_absent_path_is_not_looked_for_on_the_hub(tmp_path: Path, toy_data: ToyData) -> None:
    for name in (str(tmp_path / "nowhere"), "rows.parquet", "./a/b"):
        with pytest.raises(DataError, match="no such file or directory"):
            pairs_of(source_of(toy_data, hf=name))


def test_a_device_and_a_link_into_nowhere_are_not_looked_for_on_the_hub(
    tmp_path: Path, toy_data: ToyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, target in (("device", "/dev/null"), ("loose", "nowhere")):
        Path(name).symlink_to(target)
        with pytest.raises(DataError, match=f"{name}: neither a file nor a directory"):
            pairs_of(source_of(toy_data, hf=name))


def test_readers_of_other_kinds_are_refused(tmp_path: Path, toy_data: ToyData) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "train.xml").write_text("<a/>")
    with pytest.raises(DataError, match="the reader xml is not one of arrow, csv, json, parquet, text"):
        pairs_of(source_of(toy_data, hf=str(tmp_path / "corpus")))


def test_a_hub_that_cannot_be_reached_is_one_line(toy_data: ToyData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    message = r"hf:someone/corpus: .*(offline|reach|find).*; without the hub, give hf: the path of a local copy"
    with pytest.raises(DataError, match=message) as caught:
        pairs_of(source_of(toy_data, hf="someone/corpus"))
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_asked_once(
    toy_data: ToyData, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in (huggingface_hub.constants, datasets.config):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with caplog.at_level(logging.INFO, logger="mtkit"), pytest.raises(DataError) as caught:
        pairs_of(source_of(toy_data, hf="someone/corpus"))
    assert "hf:someone/corpus: the hub cannot be reached (" in str(caught.value)
    assert caplog.messages[0] == "asking the Hugging Face hub for someone/corpus"
    assert not huggingface_hub.constants.HF_HUB_OFFLINE
    assert not datasets.config.HF_HUB_OFFLINE


@pytest.mark.network
@pytest.mark.skipif(os.environ.get("HF_HUB_OFFLINE") == "1", reason="the hub is switched off")
def test_the_hub_is_read(toy_data: ToyData) -> None:
    source = source_of(toy_data, "test", hf="bentrevett/multi30k")
    assert len(pairs_of(source)) == 1_000


@pytest.mark.network
@pytest.mark.skipif(os.environ.get("HF_HUB_OFFLINE") == "1", reason="the hub is switched off")
def test_the_hub_is_streamed(toy_data: ToyData) -> None:
    whole = source_of(toy_data, "test", hf="bentrevett/multi30k", limit=10)
    streamed = source_of(toy_data, "test", hf="bentrevett/multi30k", limit=10, streaming=True)
    assert pairs_of(streamed) == pairs_of(whole)
