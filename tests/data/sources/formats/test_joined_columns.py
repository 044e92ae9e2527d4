"""Several source columns that are joined."""

import json
from pathlib import Path

import pytest

from mtkit.data.corpus.prepare import prepare
from mtkit.data.sources.sources import open_source
from mtkit.errors import ConfigError, DataError
from mtkit.settings.resolve import Settings
from mtkit.settings.source import SourceConfig
from mtkit.settings.tokenizer import TokenizerConfig

ROWS = [("Who sings?", "Anna sings.", "Anna", "1"), ("Who runs?", "Ben runs.", "Ben", "2"), ("Who?", "", "Eve", "3")]
TEXTS = (["Who sings? <sep> Anna sings.", "Who runs? <sep> Ben runs.", "Who? <sep>"], ["Anna", "Ben", "Eve"])
NAMES = ("question", "passage", "answer", "n")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    table = ["\t".join(row) + "\n" for row in (NAMES, *ROWS)]
    (tmp_path / "named.tsv").write_text("".join(table))
    (tmp_path / "bare.tsv").write_text("".join(table[1:]))
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"asked": dict(zip(NAMES, row, strict=True))}) + "\n" for row in ROWS)
    )
    return tmp_path


def read(files: Path, **source: object) -> tuple[list[str], list[str], list[float] | None]:
    source |= {kind: str(files / str(source[kind])) for kind in ("tsv", "jsonl") if kind in source}
    chunks = list(open_source(SourceConfig.model_validate(source), "train", ("en", "en")).chunks())
    scores = [score for chunk in chunks for score in chunk.scores or []]
    return [line for c in chunks for line in c.src], [line for c in chunks for line in c.tgt], scores or None


def test_columns_are_joined_in_the_order_in_which_they_are_named(files: Path) -> None:
    assert read(files, tsv="named.tsv", columns=[["question", "passage"], "answer"]) == (*TEXTS, None)
    assert read(files, tsv="bare.tsv", columns=[[0, 1], 2], score=3) == (*TEXTS, [1, 2, 3])
    turned = read(files, tsv="bare.tsv", columns=[[1, 0], 2])
    assert turned[0][0] == "Anna sings. <sep> Who sings?"


def test_fields_of_json_lines_are_joined_too(files: Path) -> None:
    fields = [["asked.question", "asked.passage"], "asked.answer"]
    assert read(files, jsonl="rows.jsonl", fields=fields) == (*TEXTS, None)
    assert read(files, jsonl="rows.jsonl", fields=fields, separator="|")[0][0] == "Who sings? | Anna sings."


def test_one_column_in_a_list_is_that_column(files: Path) -> None:
    assert read(files, tsv="bare.tsv", columns=[[0], 2]) == read(files, tsv="bare.tsv", columns=[0, 2])


def test_a_missing_column_is_named_with_its_line(files: Path) -> None:
    with pytest.raises(DataError, match=r"named\.tsv:1: no column passages"):
        read(files, tsv="named.tsv", columns=[["question", "passages"], "answer"])
    with pytest.raises(DataError, match=r"bare\.tsv:1: 4 column\(s\) where the recipe takes columns 0, 9 and 2"):
        read(files, tsv="bare.tsv", columns=[[0, 9], 2])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"tsv": "x", "columns": [["q", "q"], "a"]}, "q is named twice"),
        ({"tsv": "x", "columns": [["q", "a"], "a"]}, "a is named twice"),
        ({"tsv": "x", "columns": [["q", 1], "a"]}, "all by number, or all by the names"),
        ({"tsv": "x", "columns": [["q", "p"], "a"], "score": 1}, "all by number, or all by the names"),
        ({"hf": "x", "fields": [["q", "p"], "a"]}, "joined in tsv and jsonl alone"),
        ({"tsv": "x", "separator": " "}, "must be a word, such as <sep>"),
    ],
)
def test_what_cannot_be_joined_is_told(source: dict[str, object], said: str) -> None:
    settings = Settings.load(None, flags={"data.src_lang": "en", "data.tgt_lang": "en", "data.train": [source]})
    with pytest.raises(ConfigError, match=said):
        settings.config()


def test_the_separator_is_one_piece_of_the_vocabulary(files: Path) -> None:
    source = {"tsv": str(files / "bare.tsv"), "columns": [[0, 1], 2]}
    settings = Settings.load(
        None, flags={"data.src_lang": "en", "data.tgt_lang": "en", "data.train": [source], "data.valid": [source]}
    )
    tokenizer = TokenizerConfig(type="char", vocab_size=60)
    prepared = prepare(settings.config().data, tokenizer, files / "prepared")
    found = prepared.tokenizer
    assert found.src_tokens(found.encode_src(["a <sep> b"])[0]).count("<sep>") == 1
