import json
from pathlib import Path

import pytest

from mtkit.data.sources import pairs
from mtkit.errors import DataError
from mtkit.files.text import read_lines
from tests.data.conftest import WriteLines, pairs_of, source_of


def test_fields_are_the_languages_unless_they_are_named(write_lines: WriteLines) -> None:
    row = {"en": "one", "de": "eins", "translation": {"en": "two", "de": "zwei", "x.y": "dotted"}, "a.b": "plain"}
    path = write_lines("a.jsonl", [json.dumps(row), "", " \r"])
    assert pairs_of(source_of(path)) == [("one", "eins")]
    assert pairs_of(source_of(path, src_lang="de", tgt_lang="en")) == [("eins", "one")]
    assert pairs_of(source_of({"jsonl": path, "src_lang": "de", "tgt_lang": "en"})) == [("eins", "one")]
    for fields, expected in (
        (["translation.en", "de"], ("two", "eins")),
        (["a.b", "translation.x.y"], ("plain", "dotted")),
    ):
        assert pairs_of(source_of({"jsonl": path, "fields": fields})) == [expected]


def test_languages_may_stand_under_translation(write_lines: WriteLines) -> None:
    path = write_lines("a.jsonl", [json.dumps({"translation": {"en": "one\r\n two\n", "de": "eins\u2028"}})])
    assert pairs_of(source_of(path)) == [("one two", "eins\u2028")]


def test_a_field_may_hold_a_score(write_lines: WriteLines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", 2)
    path = write_lines("a.jsonl", [json.dumps({"en": "x", "de": "y", "q": {"s": n / 2}}) for n in range(3)])
    source = source_of({"jsonl": path, "score": "q.s"})
    assert [chunk.scores for chunk in source.chunks()] == [[0.0, 0.5], [1.0]]
    assert [chunk.scores for chunk in source_of(path).chunks()] == [None, None]


GOOD = '{"en": "one", "de": "eins", "s": 1}'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"en": "one", "de": ', "not JSON at column 21: Expecting value"),
        ('["one", "eins"]', "is not a JSON object"),
        ('{"en": "one", "x": {"y": 1}, "z": 2}', r"no field de \(it has en, x\.y, z\); name two with fields:"),
        ('{"en": "one", "de": 5}', "the field de holds 5, not text"),
        ('{"en": null, "de": "x"}', "the field en holds None, not text"),
        ('{"en": "\\ud800", "de": "x"}', "half of a surrogate pair"),
        ('{"en": "a", "de": "b", "en": "c"}', "'en' is given twice"),
        ("[" * 100_000, "values are nested too deeply"),
        ('{"en": ' + "1" * 5_000 + "}", "the number 1{12}... is too large"),
        ('{"en": "x", "de": "y", "s": true}', "the score True is not a number"),
        ('{"en": "x", "de": "y", "s": "1_000"}', "the score '1_000' is not a number"),
        ('{"en": "x", "de": "y", "s": "٣"}', "the score '٣' is not a number"),
        ('{"en": "x", "de": "y", "s": "good"}', "the score 'good' is not a number"),
        ('{"en": "x", "de": "y", "s": NaN}', "the score nan is not a number"),
        ('{"en": "x", "de": "y", "s": 1' + "0" * 400 + "}", "the number 10+... is too large"),
        ('{"en": "x", "de": "y"}', r"no field s \(it has en, de\)"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(line: str, reason: str, write_lines: WriteLines) -> None:
    path = write_lines("a.jsonl", [*[GOOD] * 9_000, line, GOOD])
    with pytest.raises(DataError, match=rf"a\.jsonl:9001: .*{reason}") as caught:
        pairs_of(source_of({"jsonl": path, "score": "s"}))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_whole_surrogate_pair_is_a_character(write_lines: WriteLines) -> None:
    path = write_lines("a.jsonl", ['{"en": "\\ud83d\\ude00", "de": "\\\\ud800"}'])
    assert pairs_of(source_of(path)) == [("\U0001f600", "\\ud800")]


def test_real_text_comes_back_line_by_line(corpora: Path, tmp_path: Path) -> None:
    files = sorted((corpora / "newstest-en-de").glob("newstest2009*"))
    sides = {lang: next(path for path in files if f".{lang}" in path.name) for lang in ("en", "de")}
    rows = list(zip(*(read_lines(path) for path in sides.values()), strict=True))
    assert len(rows) == 2_525
    assert any("\u0085" in de for _, de in rows)
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"en": en, "de": de}, ensure_ascii=False) + "\n" for en, de in rows), "utf-8")
    assert pairs_of(source_of(str(path))) == rows
