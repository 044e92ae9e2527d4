import gzip
from pathlib import Path

import pytest
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

from mtkit.errors import DataError
from mtkit.evaluation.pitfalls.checks import (
    Text,
    check_aligned,
    east_asian_language,
    find_pitfalls,
    looks_lowercased,
    looks_tokenised,
)

NATURAL = [
    "multi30k/test_2016_flickr.de.gz",
    "multi30k/test_2016_flickr.en.gz",
    "multi30k/test_2016_flickr.fr.gz",
    "multi30k/val.fr.gz",
    "lafand-en-sw/dev.sw.gz",
    "newstest-en-de/newstest2014.de.gz",
    "python-docs-en-es/test.es.gz",
    "tatoeba-en-de/test.en.gz",
    "wmt22-systems/references/generaltest2022.en-de.ref.A.de.gz",
    "wmt22-systems/references/generaltest2022.en-zh.ref.A.zh.gz",
    "wmt22-systems/system-outputs/generaltest2022.en-zh.hyp.Online-G.zh.gz",
    "wmt17-systems-en-de/newstest2017.LIUM-NMT.4900.en-de.txt.gz",
]


def read(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n")[:1000]


@pytest.mark.parametrize("name", NATURAL)
def test_natural_text_does_not_look_tokenised(corpora: Path, name: str) -> None:
    assert not looks_tokenised(read(corpora / name))


@pytest.mark.parametrize("name", [name for name in NATURAL if ".zh." not in name])
def test_the_same_text_tokenised_does(corpora: Path, name: str) -> None:
    tokenise = Tokenizer13a()  # type: ignore[no-untyped-call]
    assert looks_tokenised([tokenise(line) for line in read(corpora / name)])


def test_chinese_cut_into_characters_looks_tokenised(corpora: Path) -> None:
    tokenise = TokenizerZh()  # type: ignore[no-untyped-call]
    lines = read(corpora / "wmt22-systems/references/generaltest2022.en-zh.ref.A.zh.gz")
    assert looks_tokenised([tokenise(line) for line in lines])


@pytest.mark.parametrize(
    "lines",
    [
        ["It is so ."],
        ["Yes , it is"],
        ["a well @-@ known man"],
        ["I &apos;m here"],
        ["I do n't", "he 's here"],
        ["wor@@ d pie@@ ces"],
        ["▁word ▁pie ces"],
        ["今天 天气 很 好 。"],
    ],
)
def test_each_kind_of_token_is_noticed(lines: list[str]) -> None:
    assert looks_tokenised(lines)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["no punctuation at all"],
        ["Vraiment ? Oui ! Voici : « tout » ; c'est bien."],
        ["He waited ... and left.", "It costs .5 or ,5 of that."],
        ["Mail a@b.org @ home"],
        ["今天天气很好。"],
        # Two odd lines in two hundred titles are no evidence, though no line has an attached full stop.
        ["A title"] * 198 + ["Mr . Smith", "Mrs . Smith"],
        ["It is so."] * 90 + ["It is so ."] * 10,
    ],
)
def test_odd_spacing_is_not_taken_for_tokens(lines: list[str]) -> None:
    assert not looks_tokenised(lines)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ein mann", "eine frau", "12"], True),
        (["ein Mann", "Eine Frau"], False),
        (["ein mann"] * 9 + ["Eine Frau"], False),
        (["今天", "12"], False),
        ([], False),
    ],
)
def test_lower_case_is_noticed_where_there_is_case(lines: list[str], expected: bool) -> None:
    assert looks_lowercased(lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["今天天气很好。"], "zh"),
        (
            ["他说「カラオケ」是日本人发明的，后来在中国和韩国也都非常流行起来，现在到处都有很多，大家周末常常去唱。"],
            "zh",
        ),
        (["日本語のテスト"], "ja"),
        (["オンライン GPU サーバー"], "ja"),
        (["안녕하세요 세계"], "ko"),
        (["A man named 王 waits in the street."], None),
        ([], None),
    ],
)
def test_the_script_tells_east_asian_languages(lines: list[str], expected: str | None) -> None:
    assert east_asian_language(lines) == expected


@pytest.mark.parametrize(
    ("pair", "tokenizer", "expected"),
    [
        (None, "13a", "ref looks Chinese, but BLEU splits words at spaces only: name the languages"),
        (
            ("en", "zh"),
            "13a",
            "ref looks Chinese, but BLEU splits words at spaces only: leave out --tok",
        ),
        (("zh", "en"), "13a", "-l zh-en says that the target is en, but ref looks Chinese: did you mean -l en-zh?"),
        (("en", "cn"), "13a", "-l en-cn says that the target is cn, but ref looks Chinese: did you mean -l en-zh?"),
        (("en", "de"), "char", "-l en-de says that the target is de, but ref looks Chinese: did you mean -l en-zh?"),
    ],
)
def test_chinese_references_and_what_was_said_of_them(
    pair: tuple[str, str] | None, tokenizer: str, expected: str
) -> None:
    text = Text("ref", ["今天天气很好。"])
    (found,) = find_pitfalls(Text("hyp", ["x"]), [text], tokenizer=tokenizer, language_pair=pair)
    assert found.startswith(expected)


@pytest.mark.parametrize("code", ["zh", "zh-TW", "zho", "yue"])
def test_chinese_references_of_a_chinese_target_are_no_pitfall(code: str) -> None:
    text = Text("ref", ["今天天气很好。"])
    assert find_pitfalls(text, [text], tokenizer="zh", language_pair=("en", code)) == []


def test_a_good_output_has_no_pitfalls() -> None:
    assert find_pitfalls(Text("out", ["It is."]), [Text("ref", ["It was."])], tokenizer="13a") == []


def test_every_pitfall_names_its_file() -> None:
    hyp = Text("out", ["it is .", " ", "so ."])
    refs = [Text("ref1", ["It was.", "Yes.", "So."]), Text("ref2", ["今天很好。"] * 3)]
    tokenised, empty, lower, script = find_pitfalls(hyp, refs, tokenizer="13a")
    assert tokenised.startswith("out looks tokenised")
    assert empty == "out: 1 of 3 lines is empty, line 2 first"
    assert lower.startswith("out is in lower case but ref1 is not")
    assert script.startswith("ref2 looks Chinese")


def test_output_that_is_the_reference_is_named() -> None:
    lines = [f"Line {n}." for n in range(10)]
    (found,) = find_pitfalls(Text("out", lines), [Text("other", ["No."] * 10), Text("ref", lines)], tokenizer="13a")
    assert found == "out equals the reference ref in every line: is it the right file?"
    assert find_pitfalls(Text("out", [*lines[1:], "x"]), [Text("ref", lines)], tokenizer="13a") == []
    assert find_pitfalls(Text("out", lines[:9]), [Text("ref", lines[:9])], tokenizer="13a") == []  # may be well known


def test_a_pitfall_that_was_avoided_is_not_reported() -> None:
    lower, cased = Text("out", ["it is."]), Text("ref", ["It is."])
    assert find_pitfalls(lower, [cased], tokenizer="13a", lowercase=True) == []
    assert find_pitfalls(Text("out", ["It is ."]), [cased], tokenizer="none") == []
    chinese = Text("out", ["今天很好。"])
    assert find_pitfalls(chinese, [chinese], tokenizer="zh") == []


def test_lower_case_is_no_pitfall_when_both_are() -> None:
    assert find_pitfalls(Text("out", ["it is."]), [Text("ref", ["it was."])], tokenizer="13a") == []


def test_texts_of_different_length_are_named_with_their_counts() -> None:
    with pytest.raises(DataError, match=r"a\.txt has 1,200 lines but c\.txt has 1,199"):
        check_aligned([Text("a.txt", [""] * 1200), Text("b.txt", [""] * 1200), Text("c.txt", [""] * 1199)])
