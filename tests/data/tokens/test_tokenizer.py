import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import sentencepiece
from pydantic import ValidationError

from mtkit.data.tokens.special import OWN
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.training import VocabularyTooSmallError, train_tokenizer
from mtkit.errors import DataError, VocabularyError
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.conftest import TOY

SRC, TGT = [src for src, _ in TOY], [tgt for _, tgt in TOY]
SMALL = 350  # 256 bytes, the characters and some words


def train(vocab_size: int = SMALL, *, exact: bool = True, **config: object) -> Tokenizer:
    return train_tokenizer(SRC, TGT, TokenizerConfig.model_validate(config), vocab_size, exact=exact)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train(exact=False)


def test_special_tokens_have_the_ids_0_to_3(tokenizer: Tokenizer) -> None:
    ids = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.start_id, tokenizer.eos_id]
    assert ids == [0, 1, 2, 3]
    assert tokenizer.tokens(ids) == ["<pad>", "<unk>", "<s>", "</s>"]


@pytest.mark.parametrize("text", ["17 Äpfel und 18 Birnen", "Ω, never seen 🙂", "", "a\x00b"])
def test_decoding_undoes_encoding(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode_tgt([text])) == [text]


def test_what_no_piece_spells_is_named(tokenizer: Tokenizer) -> None:
    assert tokenizer.src_unknown("17 ☃猫 apples ☃") == ["☃", "猫"]
    assert tokenizer.src_unknown("17 apples") == []
    assert train(exact=False, byte_fallback=False).src_unknown("17 ☃猫 apples Ω") == ["☃猫", "Ω"]
    assert train(exact=False, type="word").src_unknown("17 zebras") == ["zebras"]


def test_encoding_adds_neither_begin_nor_end_of_sentence(tokenizer: Tokenizer) -> None:
    [ids] = tokenizer.encode_src(["17 apples"])
    assert not {tokenizer.special.bos, tokenizer.eos_id, tokenizer.pad_id} & set(ids)
    assert tokenizer.encode_src([""]) == [[]]


def test_decoding_leaves_special_tokens_out(tokenizer: Tokenizer) -> None:
    [ids] = tokenizer.encode_tgt(["17 Birnen"])
    assert tokenizer.decode([[2, *ids, 3, 0, 0], [], [3]]) == ["17 Birnen", "", ""]
    assert tokenizer.decode([]) == []


def test_many_texts_in_threads_give_what_one_thread_gives(tokenizer: Tokenizer) -> None:
    texts = SRC * 6  # enough to be spread over the cores
    assert tokenizer.encode_src(texts) == tokenizer.encode_src(texts, num_threads=1)


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char", "word"])
def test_the_same_lines_give_the_same_bytes(kind: str) -> None:
    first, second = train(exact=False, type=kind), train(exact=False, type=kind)
    assert first.sha256() == second.sha256()
    assert first.decode(first.encode_tgt(["17 Birnen"])) == ["17 Birnen"]


@pytest.mark.parametrize("joint", [True, False])
def test_loading_gives_what_was_saved(tmp_path: Path, joint: bool) -> None:
    tokenizer = train(joint=joint, exact=False)
    tokenizer.save(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    assert loaded.joint is joint
    assert loaded.sha256() == tokenizer.sha256()
    assert loaded.encode_src(SRC[:3]) == tokenizer.encode_src(SRC[:3])
    assert loaded.decode(tokenizer.encode_tgt(TGT[:3])) == TGT[:3]


def test_separate_vocabularies_each_know_their_own_language() -> None:
    tokenizer = train(joint=False, type="word", exact=False)
    [src_ids], [tgt_ids] = tokenizer.encode_src(["apples Birnen"]), tokenizer.encode_tgt(["apples Birnen"])
    assert src_ids[1] == tgt_ids[0] == tokenizer.unk_id
    assert tokenizer.src_tokens(src_ids)[0] == "▁apples"
    assert tokenizer.tokens(tgt_ids)[1] == "▁Birnen"


def test_user_defined_symbols_stay_whole() -> None:
    tokenizer = train(user_defined_symbols=["<ent,1>"], exact=False)
    [ids] = tokenizer.encode_src(["5 <ent,1>apples"])
    assert "<ent,1>" in tokenizer.src_tokens(ids)


def test_without_byte_fallback_the_unseen_is_unknown() -> None:
    assert train(120, byte_fallback=False, exact=False).encode_src(["Ω"])[0][-1] == OWN.unk


def test_training_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    train(exact=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["unigram", "bpe", "word"])
def test_a_vocabulary_beyond_the_text_is_refused_with_one_that_works(kind: str) -> None:
    with pytest.raises(VocabularyError, match=r"lower tokenizer\.vocab_size to \d+ or less") as caught:
        train(30_000, type=kind)
    largest = int(str(caught.value).split()[-3])
    assert train(largest, type=kind).src_vocab_size == largest


def test_a_vocabulary_below_the_characters_is_refused_with_their_number() -> None:
    with pytest.raises(VocabularyTooSmallError, match=r"too small.* raise tokenizer\.vocab_size") as caught:
        train(100)
    assert train(caught.value.needed + 5).src_vocab_size == caught.value.needed + 5


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
@pytest.mark.parametrize("symbol", ["<ent,1>", "New York", "New\u2581York", "a b c", "ﬁ", "Ａ", "x\u00a0y", "日本"])
def test_a_symbol_is_one_piece_wherever_it_stands(kind: str, symbol: str) -> None:
    tokenizer = train(exact=False, type=kind, user_defined_symbols=[symbol])
    written = symbol.replace("\u2581", " ")
    [piece] = tokenizer.tag_ids([symbol])
    for text in (f"5 {written} apples", f"5{written}apples", written):
        ids = tokenizer.encode_tgt([text])[0]
        assert ids.count(piece) == 1
        assert tokenizer.decode([ids]) == [text]


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (["<s>"], r"user_defined_symbols\.0.*taken"),
        (["x", "<0x41>"], r"user_defined_symbols\.1.*taken"),
        (["a", "a"], r"user_defined_symbols\.1.*given twice"),
        (["a b", "a\u2581b"], "given twice"),
        ([""], "empty"),
        ([" "], "only white space"),
        (["\u3000"], "only white space"),
        (["\u2581"], "only white space"),
        (["a\tb"], "holds a control character"),
        (["\x07"], "holds a control character"),
        ([" York"], "has a blank at its beginning or end, or two in a row"),
        (["New  York"], "has a blank at its beginning or end, or two in a row"),
    ],
)
def test_impossible_symbols_are_named(symbols: list[str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TokenizerConfig(user_defined_symbols=symbols)


def test_a_symbol_of_two_words_is_none_to_a_tokenizer_of_words() -> None:
    with pytest.raises(
        ValidationError, match="has a blank inside, and to a tokenizer of type word these are two words"
    ):
        TokenizerConfig(type="word", user_defined_symbols=["New York"])
    with pytest.raises(VocabularyError, match="the symbol '<a b>' cannot be one piece: has a blank inside"):
        train_tokenizer(
            SRC, TGT, TokenizerConfig(type="word").model_copy(update={"user_defined_symbols": ["<a b>"]}), 20
        )


def test_text_without_content_is_refused() -> None:
    with pytest.raises(VocabularyError, match="no text to train on"):
        train_tokenizer(["", ""], [""], TokenizerConfig(), 300)


def test_an_error_while_reading_the_text_stays_itself() -> None:
    def lines() -> Iterator[str]:
        yield "one"
        raise DataError("corpus.en: torn")

    with pytest.raises(DataError, match=r"corpus\.en: torn"):
        train_tokenizer(lines(), [], TokenizerConfig(), 300)


def test_absent_and_damaged_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"tokenizer\.model: No such file"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"not a model")
    with pytest.raises(VocabularyError, match=f"{tmp_path}: damaged tokenizer model"):
        Tokenizer.load(tmp_path)


def test_a_model_with_a_piece_that_is_not_text_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    model = (tmp_path / "tokenizer.model").read_bytes()
    start = model.index("\u2581".encode())
    (tmp_path / "tokenizer.model").write_bytes(model[: start + 2] + b"\xe3" + model[start + 3 :])
    with pytest.raises(VocabularyError, match=f"{tmp_path}: damaged tokenizer model: a piece is not UTF-8"):
        Tokenizer.load(tmp_path)


def test_a_model_with_other_special_tokens_is_refused() -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(SRC), model_writer=model, vocab_size=60, model_type="bpe", minloglevel=2
    )
    with pytest.raises(VocabularyError, match=r"numbers pad, unk, bos, eos as \(-1, 0, 1, 2\)"):
        Tokenizer(model.getvalue())
