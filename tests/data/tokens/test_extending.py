from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mtkit.data.tokens.extending import Lines, NewTags, extended
from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.spm_file import algorithm_of
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.training import train_tokenizer
from mtkit.data.tokens.vocabulary_file import Vocabulary
from mtkit.errors import VocabularyError
from mtkit.settings.tokenizer import TokenizerConfig

DATA = Path(__file__).parents[3] / "data"
LATIN, GREEK = "abcdefghijklmnopqrstuvwxyz", "αβψδεφγηιξκλμνοπϟρστθωϡχυζ"
TO_GREEK = str.maketrans(LATIN + LATIN.upper(), GREEK + GREEK.upper())


def lines(language: str, n: int = 800) -> list[str]:
    return (DATA / f"train.{language}").read_text(encoding="utf-8").splitlines()[:n]


def greek(n: int = 800) -> list[str]:
    """English in another script: a language that no tokenizer here has seen."""
    return [line.translate(TO_GREEK) for line in lines("en", n)]


def read(text: Iterable[str]) -> Lines:
    listed = list(text)
    return lambda: iter(listed)


def base(**config: Any) -> Tokenizer:
    made = TokenizerConfig.model_validate({"user_defined_symbols": ["<2de>"], **config})
    return train_tokenizer(lines("en"), lines("de"), made, 600, exact=False)


KINDS: list[dict[str, Any]] = [
    {"type": "unigram"},
    {"type": "unigram", "byte_fallback": False},
    {"type": "bpe"},
    {"type": "bpe", "byte_fallback": False},
    {"type": "char"},
    {"type": "word"},
]


def n_tokens(tokenizer: Tokenizer, text: list[str]) -> int:
    return sum(map(len, tokenizer.encode_tgt(text)))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_new_script_is_spelt_in_the_new_pieces(kind: dict[str, Any]) -> None:
    before = base(**kind)
    after = extended(before, None, read(greek()), 200, NewTags())
    n_added = after.tgt_vocab_size - before.tgt_vocab_size
    assert 30 < n_added <= 200
    assert after.tgt_pieces[: before.tgt_vocab_size] == before.tgt_pieces
    text = greek(100)
    used = {number for ids in after.encode_tgt(text) for number in ids if number >= before.tgt_vocab_size}
    assert len(used) > 20
    if kind["type"] in ("unigram", "bpe"):
        assert not any(before.unk_id in ids for ids in after.encode_tgt(text))
        assert n_tokens(after, text) < 0.75 * n_tokens(before, text) or kind.get("byte_fallback") is False
        assert after.decode(after.encode_tgt(text)) == text


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_the_tokenizer_was_made_for_is_spelt_as_before(kind: dict[str, Any]) -> None:
    before = base(**kind)
    after = extended(before, None, read(greek()), 200, NewTags())
    for language in ("en", "de"):
        # a character so rare that the tokenizer left it out may be known now
        text = [line for line in lines(language, 300) if not before.src_unknown(line)]
        assert len(text) > 200 or kind["type"] == "word"
        assert after.encode_src(text) == before.encode_src(text)


def test_nearly_as_few_tokens_as_with_a_tokenizer_of_its_own() -> None:
    after = extended(base(), None, read(greek()), 400, NewTags())
    own = train_tokenizer(greek(), greek(), TokenizerConfig(), 656, exact=False)
    assert n_tokens(after, greek(200)) < 1.1 * n_tokens(own, greek(200))


def test_the_same_text_gives_the_same_tokenizer() -> None:
    first, second = (extended(base(), None, read(greek()), 100, NewTags(["<2el>"])) for _ in range(2))
    assert first.sha256() == second.sha256()


def test_tags_are_pieces_of_their_own() -> None:
    before = base()
    after = extended(before, None, None, 0, NewTags(["<2de>", "<2el>"]))
    assert after.tag_ids(["<2de>"]) == before.tag_ids(["<2de>"])
    assert after.tag_ids(["<2el>"]) == [before.src_vocab_size]
    assert after.src_vocab_size == before.src_vocab_size + 1


def test_two_vocabularies_grow_apart() -> None:
    before = base(joint=False)
    after = extended(before, None, read(greek()), 100, NewTags(["<2el>"]))
    assert after.src_vocab_size == before.src_vocab_size + 1  # the tag
    assert 30 < after.tgt_vocab_size - before.tgt_vocab_size <= 100
    assert not after.joint


def given(**maps: Any) -> Tokenizer:
    """A tokenizer whose ids are not SentencePiece's, and which has languages."""
    model = base(byte_fallback=False)
    pieces = ["</s>", "<unk>", *(piece for piece in model.src_pieces if piece[0] != "<"), "de", "<pad>"]
    pieces = list(dict.fromkeys([*pieces[:-1], *(p for each in maps.values() for ps in each.values() for p in ps)]))
    pieces.append("<pad>")
    pad = len(pieces) - 1
    special = SpecialIds(pad, 1, None, 0, pad, (pad,))
    return Tokenizer(*model.models, vocabulary=Vocabulary.of("sentencepiece", special, pieces, **maps))


def test_a_tokenizer_with_ids_of_its_own_keeps_them() -> None:
    before = given(target={"deu": [">>deu<<"]})
    after = extended(before, None, read(greek()), 100, NewTags(directions=[("eng", "ell")]))
    assert list(after.src_pieces[: before.src_vocab_size]) == list(before.src_pieces)
    assert after.special == before.special
    text = greek(50)
    assert before.unk_id in before.encode_tgt(text)[0]
    assert not any(before.unk_id in ids for ids in after.encode_tgt(text))
    assert after.decode(after.encode_tgt(text)) == text
    assert after.languages is not None
    assert after.languages.target["deu"] == (before.src_pieces.index(">>deu<<"),)
    assert [after.src_pieces[n] for n in after.languages.target["ell"]] == [">>ell<<"]


def test_a_language_of_both_sides_gets_one_tag() -> None:
    codes = {"eng_Latn": ["eng_Latn"], "deu_Latn": ["deu_Latn"]}
    after = extended(given(source=codes, forced=codes), None, None, 0, NewTags(directions=[("eng_Latn", "ell_Grek")]))
    assert after.languages is not None
    assert [after.tgt_pieces[n] for n in after.languages.forced["ell_Grek"]] == ["ell_Grek"]
    assert after.src_pieces[-1] == "ell_Grek"


def test_a_language_under_another_of_its_names_is_known() -> None:
    before = given(target={"deu": [">>deu<<"]})
    after = extended(before, None, None, 0, NewTags(directions=[("en", "de")]))
    assert after.languages == before.languages


def test_languages_told_in_words_are_refused() -> None:
    with pytest.raises(VocabularyError, match="in words"):
        extended(given(target={"de": ["▁G", ":"]}), None, None, 0, NewTags(directions=[("en", "el")]))


def test_what_the_tokenizer_spells_well_gains_nothing() -> None:
    before = train_tokenizer(["a b c"] * 9, ["a b c"] * 9, TokenizerConfig(), 400, exact=False)
    after = extended(before, None, read(["a b c"] * 9), 100, NewTags())
    assert after.tgt_vocab_size == before.tgt_vocab_size


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word", "char"])
def test_the_kind_of_a_model_is_read_from_it(kind: Any) -> None:
    assert algorithm_of(base(type=kind).models[0]) == kind
