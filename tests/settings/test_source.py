import pytest
from pydantic import ValidationError

from mtkit.settings.source import KINDS, SourceConfig


@pytest.mark.parametrize(
    ("short", "kind", "value"),
    [
        ("a.tsv", "tsv", "a.tsv"),
        ("a.TSV.xz", "tsv", "a.TSV.xz"),
        ("b/c.jsonl.bz2", "jsonl", "b/c.jsonl.bz2"),
        ("x.tmx.gz", "tmx", "x.tmx.gz"),
        ("x.xlf", "xliff", "x.xlf"),
        ("x.xliff.zst", "xliff", "x.xliff.zst"),
        *((f"x.docx{ending}", "xliff", f"x.docx{ending}") for ending in (".sdlxliff", ".mqxliff", ".mxliff", ".txlf")),
        ("de.po", "po", "de.po"),
        ("a.csv.gz", "hf", "a.csv.gz"),
        ("hf:user/name", "hf", "user/name"),
        ("mtdata:Statmt-news_commentary-16-deu-eng", "mtdata", "Statmt-news_commentary-16-deu-eng"),
    ],
)
def test_a_string_is_known_by_its_ending(short: str, kind: str, value: str) -> None:
    source = SourceConfig.model_validate(short)
    assert source.kind == kind
    assert getattr(source, kind) == value


@pytest.mark.parametrize("short", ["a.en", "a.gz", "a.tsv.zip", "http://x/y", ""])
def test_any_other_string_is_refused(short: str) -> None:
    with pytest.raises(ValidationError, match=r"a source is hf:NAME, mtdata:ID, a file that ends in \.tsv, \.jsonl"):
        SourceConfig.model_validate(short)


@pytest.mark.parametrize("kind", KINDS)
def test_two_inputs_are_refused(kind: str) -> None:
    other = "tsv" if kind != "tsv" else "po"
    given = {kind: "a", other: "b"} | ({"tgt": "c"} if kind == "src" else {})
    with pytest.raises(
        ValidationError, match=r"give one of src \+ tgt, tsv, jsonl, tmx, xliff, po, hf, mtdata and mono"
    ):
        SourceConfig.model_validate(given)


@pytest.mark.parametrize(
    ("kind", "option", "value", "reason"),
    [
        ("src", "columns", [1, 0], r"columns: does nothing for src \+ tgt: it belongs to tsv"),
        ("tsv", "fields", ["a", "b"], "fields: does nothing for tsv: it belongs to jsonl, hf"),
        ("jsonl", "split", "train", "split: does nothing for jsonl: it belongs to hf"),
        ("tmx", "score", "quality", "score: does nothing for tmx: it belongs to tsv, jsonl, hf"),
        ("xliff", "streaming", True, "streaming: does nothing for xliff: it belongs to hf"),
        ("mtdata", "hf_config", "x", "hf_config: does nothing for mtdata"),
        ("tsv", "columns", [0, "de"], "columns: give the columns all by number, or all by the names"),
        ("tsv", "columns", [0, 0], "columns: source and target are both 0: name two different ones"),
        ("tsv", "columns", ["en", "en"], "columns: source and target are both en: name two different ones"),
        ("jsonl", "fields", ["en", "en"], "fields: source and target are both en: name two different ones"),
        ("hf", "fields", ["en", "en"], "fields: source and target are both en: name two different ones"),
        ("tsv", "score", "quality", "score: give the columns all by number, or all by the names"),
        ("mono", "take", "src", "take: does nothing for mono, which has one side"),
        ("mono", "tgt_lang", "de", "tgt_lang: does nothing for mono, which has one side"),
    ],
)
def test_an_option_that_does_nothing_is_named(kind: str, option: str, value: object, reason: str) -> None:
    given = {kind: "a", option: value} | ({"tgt": "b"} if kind == "src" else {})
    with pytest.raises(ValidationError, match=reason):
        SourceConfig.model_validate(given)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_with_every_default_reads_again(kind: str) -> None:
    source = SourceConfig.model_validate({kind: "a", "limit": 5} | ({"tgt": "b"} if kind == "src" else {}))
    assert SourceConfig.model_validate(source.model_dump(mode="json")) == source
