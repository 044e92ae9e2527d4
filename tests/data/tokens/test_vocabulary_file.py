import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtkit.data.tokens.special import OWN
from mtkit.data.tokens.tokenizer import JOINT_FILE, Tokenizer
from mtkit.data.tokens.training import train_tokenizer
from mtkit.data.tokens.vocabulary_file import VOCABULARY_FILE, Vocabulary
from mtkit.errors import VocabularyError
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.tokens.foreign import (
    LINES,
    START_IS_EOS,
    START_IS_PAD,
    TAGS,
    foreign_tokenizer,
    numbered,
    pieces_of,
    sentencepiece_bytes,
)

BYTES = Vocabulary.of(
    "bytes",
    START_IS_EOS.__class__(pad=0, unk=2, bos=None, eos=1, start=0, never=(0,)),
    ["<pad>", "</s>", "<unk>", *(f"<{byte:02x}>" for byte in range(256)), "<extra>"],
)


def saved(tokenizer: Tokenizer, directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    tokenizer.save(directory)
    return directory


@pytest.mark.parametrize("special", [START_IS_EOS, START_IS_PAD])
def test_special_ids_are_those_of_the_file(special: Any) -> None:
    tokenizer = foreign_tokenizer(special)
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.eos_id, tokenizer.start_id)
    assert ids == (special.pad, special.unk, special.eos, special.start)
    assert tokenizer.tokens([special.pad, special.unk, special.eos]) == ["<pad>", "<unk>", "</s>"]


@pytest.mark.parametrize("special", [START_IS_EOS, START_IS_PAD])
def test_text_survives_other_ids(special: Any) -> None:
    tokenizer = foreign_tokenizer(special)
    ids = tokenizer.encode_src(LINES)
    assert tokenizer.decode(ids) == LINES
    assert tokenizer.decode([[special.start, *ids[0], special.eos, special.pad], [], [special.eos]]) == [
        LINES[0],
        "",
        "",
    ]
    assert not {special.pad, special.eos, special.unk} & {token for line in ids for token in line}


def test_ids_are_those_of_the_same_strings() -> None:
    tokenizer = foreign_tokenizer()
    processor = tokenizer.src_side.processor
    for line in LINES:
        assert tokenizer.src_tokens(tokenizer.encode_src([line])[0]) == processor.encode(line, out_type=str)


def test_what_sentencepiece_does_not_know_is_looked_up_by_its_string() -> None:
    tokenizer = foreign_tokenizer(extra=["☃", "猫猫"])
    [ids] = tokenizer.encode_src(["cat ☃ 猫猫 猫"])
    tokens = tokenizer.src_tokens(ids)
    assert [token for token in tokens if token in ("☃", "猫猫", "<unk>")] == ["☃", "猫猫", "<unk>"]
    assert tokenizer.src_unknown("cat ☃ 猫猫 猫") == ["猫"]
    assert tokenizer.decode([ids]) == ["cat ☃ 猫猫  ⁇ "]


def test_a_known_piece_that_the_vocabulary_lacks_is_unknown() -> None:
    model = sentencepiece_bytes()
    pieces = [piece for piece in pieces_of(model) if piece != "▁"]
    tokenizer = Tokenizer(
        model, vocabulary=Vocabulary.of("sentencepiece", START_IS_EOS, numbered(START_IS_EOS, pieces))
    )
    [ids] = tokenizer.encode_src([LINES[2]])
    spelt = tokenizer.src_side.processor.encode(LINES[2], out_type=str)
    assert "▁" in spelt
    assert tokenizer.src_tokens(ids) == ["<unk>" if piece == "▁" else piece for piece in spelt]


def test_a_typed_tag_stays_text() -> None:
    tokenizer = foreign_tokenizer(source={"de": ["__de__"]}, forced={"de": ["__de__"], "☃": ["☃"]}, extra=["☃"])
    tags = {tokenizer.src_pieces.index(tag) for tag in [*TAGS, "☃"]}
    assert not tags & {token for ids in tokenizer.encode_tgt(["__de__ cat", "☃"]) for token in ids}
    assert tokenizer.encode_tgt(["☃"])[0][-1] == tokenizer.unk_id


def test_tags_are_not_shown() -> None:
    tokenizer = foreign_tokenizer(forced={"de": ["__de__"]})
    languages = tokenizer.languages
    assert languages is not None
    [ids] = tokenizer.encode_tgt(["The cat"])
    assert tokenizer.decode([[*languages.forced["de"], *ids]]) == ["The cat"]


def test_pieces_that_are_words_of_a_prompt_are_shown() -> None:
    model = sentencepiece_bytes()
    word = pieces_of(model)[5]
    tokenizer = foreign_tokenizer(source={"en": [word]}, target={"de": [word, "__de__"]})
    token = list(tokenizer.src_pieces).index(word)
    assert tokenizer.decode([[token]]) == [word.replace("▁", " ").strip()]
    languages = tokenizer.languages
    assert languages is not None
    assert languages.target["de"] == (token, list(tokenizer.src_pieces).index("__de__"))


def test_two_sides_with_vocabularies_of_their_own(tmp_path: Path) -> None:
    src, tgt = sentencepiece_bytes(LINES[:2]), sentencepiece_bytes(LINES[2:])
    pieces = [numbered(START_IS_PAD, pieces_of(model)) for model in (src, tgt)]
    tokenizer = Tokenizer(src, tgt, vocabulary=Vocabulary.of("sentencepiece", START_IS_PAD, *pieces))
    assert (tokenizer.src_vocab_size, tokenizer.tgt_vocab_size) == tuple(map(len, pieces))
    assert not tokenizer.joint
    again = Tokenizer.load(saved(tokenizer, tmp_path / "t"))
    assert again.decode(again.encode_tgt([LINES[2]])) == [LINES[2]]
    assert again.encode_src(LINES) == tokenizer.encode_src(LINES)
    assert foreign_tokenizer().joint


def test_two_models_with_one_vocabulary() -> None:
    src, tgt = sentencepiece_bytes(["lower case words"] * 3), sentencepiece_bytes(["UPPER CASE WORDS ☃"] * 3)
    both = list(dict.fromkeys([*pieces_of(src), *pieces_of(tgt)]))
    tokenizer = Tokenizer(
        src, tgt, vocabulary=Vocabulary.of("sentencepiece", START_IS_PAD, numbered(START_IS_PAD, both))
    )
    assert tokenizer.joint
    [ids] = tokenizer.encode_src(["☃"])  # known to the target's model alone
    assert tokenizer.src_tokens(ids)[-1] == "☃"
    [lower] = tokenizer.encode_src(["lower words"])
    assert tokenizer.decode([lower]) == ["lower words"]  # though the target's model has no such pieces


def test_a_round_trip_keeps_the_bytes(tmp_path: Path) -> None:
    tokenizer = foreign_tokenizer(source={"de": ["__de__"]}, forced={"en": ["__en__", "__fr__"]})
    first = saved(tokenizer, tmp_path / "first")
    again = Tokenizer.load(first)
    second = saved(again, tmp_path / "second")
    for name in (JOINT_FILE, VOCABULARY_FILE):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert again.sha256() == tokenizer.sha256()
    assert again.special == tokenizer.special
    assert again.languages == tokenizer.languages
    assert again.file_names == {JOINT_FILE, VOCABULARY_FILE}


def test_the_hash_knows_the_ids() -> None:
    assert foreign_tokenizer(START_IS_EOS).sha256() != foreign_tokenizer(START_IS_PAD).sha256()


def test_an_own_tokenizer_has_no_such_file(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(LINES, LINES, TokenizerConfig(byte_fallback=False), 60, exact=False)
    assert tokenizer.file_names == {JOINT_FILE}
    assert [path.name for path in saved(tokenizer, tmp_path / "own").iterdir()] == [JOINT_FILE]
    assert tokenizer.special == OWN
    assert tokenizer.languages is None


def test_bytes_are_tokens(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(saved(Tokenizer(None, vocabulary=BYTES), tmp_path / "bytes"))
    assert tokenizer.encode_src(["aé"]) == [[ord("a") + 3, 0xC3 + 3, 0xA9 + 3]]
    assert tokenizer.decode([[0, ord("a") + 3, 0xC3 + 3, 0xA9 + 3, 1], [0xC3 + 3, ord("b") + 3], [259]]) == [
        "aé",
        "b",
        "",
    ]
    assert tokenizer.src_unknown("☃") == []
    assert tokenizer.file_names == {VOCABULARY_FILE}


def tree_of(tokenizer: Tokenizer) -> dict[str, Any]:
    assert tokenizer.vocabulary is not None
    return json.loads(tokenizer.vocabulary.content)


def changed(*path: str | int, to: object) -> Callable[[dict[str, Any]], object]:
    def change(tree: dict[str, Any]) -> object:
        place: Any = tree
        for key in path[:-1]:
            place = place[key]
        if to is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = to
        return tree

    return change


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no version": (changed("format_version", to=...), "no format_version"),
    "newer": (changed("format_version", to=2), "newer mtkit (format 2"),
    "kind": (changed("kind", to="wordpiece"), "kind:"),
    "unknown key": (changed("pieces", to=[]), "pieces:"),
    "no special": (changed("special", to=...), "special:"),
    "no eos": (changed("special", "eos", to=...), "special.eos:"),
    "eos of text": (changed("special", "eos", to="2"), "special.eos:"),
    "true for an id": (changed("special", "unk", to=True), "special.unk:"),
    "id too large": (changed("special", "pad", to=10_000), "special.pad is 10000"),
    "id below zero": (changed("special", "start", to=-1), "special.start is -1"),
    "never too large": (changed("special", "never", to=[999]), "special.never.0 is 999"),
    "never ends": (changed("special", "never", to=[2]), "no translation would ever end"),
    "pad is eos": (changed("special", "pad", to=2), "three different ids"),
    "pieces not a list": (changed("src", to="abc"), "src:"),
    "a piece that is a number": (changed("src", 7, to=7), "src.7:"),
    "twice": (changed("src", 7, to="<unk>"), "src has the piece '<unk>' twice"),
    "empty": (changed("src", 7, to=""), "src has an empty piece at id 7"),
    "fewer targets": (changed("tgt", to=["a"]), "ids go from 0 to 0"),
    "unknown language piece": (
        changed("languages", "forced", "de", to=["__xx__"]),
        "languages.forced.de: the vocabulary",
    ),
    "unknown source piece": (
        changed("languages", "source", "de", to=["__xx__"]),
        "languages.source.de: the vocabulary",
    ),
    "long prefix": (changed("languages", "target", "de", to=["__de__"] * 99), "99 pieces"),
    "language without a name": (changed("languages", "forced", "", to=[]), "'' is not the code of a language"),
    "language of two lines": (changed("languages", "forced", "a\nb", to=[]), "is not the code of a language"),
    "no forced": (changed("languages", "forced", to=...), "languages.forced:"),
    "not an object": (lambda tree: [tree], "no format_version"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_one_line(tmp_path: Path, name: str) -> None:
    tokenizer = foreign_tokenizer(forced={"de": ["__de__"]})
    directory = saved(tokenizer, tmp_path)
    change, message = DAMAGE[name]
    (directory / VOCABULARY_FILE).write_text(json.dumps(change(tree_of(tokenizer))), encoding="utf-8")
    with pytest.raises(VocabularyError) as failure:
        Tokenizer.load(directory)
    said = str(failure.value)
    assert message in said
    assert str(directory / VOCABULARY_FILE) in said
    assert "\n" not in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"format_version": 1, "kind": "\xff"}', "not UTF-8 at byte 32"),
        (b'{"format_version": 1, "kind": "\\ud800"}', "half of a surrogate pair"),
        (b'{"kind": 1, "kind": 2}', "'kind' is given twice"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_json_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    directory = saved(foreign_tokenizer(), tmp_path)
    (directory / VOCABULARY_FILE).write_bytes(content)
    with pytest.raises(VocabularyError, match=message) as failure:
        Tokenizer.load(directory)
    assert str(directory / VOCABULARY_FILE) in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_file_that_is_far_too_long_is_not_read(tmp_path: Path) -> None:
    directory = saved(foreign_tokenizer(), tmp_path)
    with (directory / VOCABULARY_FILE).open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(VocabularyError, match="at most"):
        Tokenizer.load(directory)


def test_models_and_vocabulary_go_together(tmp_path: Path) -> None:
    directory = saved(foreign_tokenizer(), tmp_path)
    (directory / JOINT_FILE).unlink()
    with pytest.raises(VocabularyError, match="No such file"):
        Tokenizer.load(directory)
    (directory / JOINT_FILE).write_bytes(b"damage")
    with pytest.raises(VocabularyError, match="damaged tokenizer model"):
        Tokenizer.load(directory)
    (directory / VOCABULARY_FILE).write_bytes(BYTES.content)
    with pytest.raises(VocabularyError, match="has no SentencePiece model"):
        Tokenizer.load(directory)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("tgt", to=["a"] * 300), "tgt"),
        (changed("src", to=["a", "b", "c"]), "at least 259 ids, not 3"),
        (changed("special", "unk", to=40), "below 3"),
    ],
)
def test_damage_of_a_tokenizer_of_bytes_is_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    (tmp_path / VOCABULARY_FILE).write_text(json.dumps(change(json.loads(BYTES.content))), encoding="utf-8")
    with pytest.raises(VocabularyError, match=message):
        Tokenizer.load(tmp_path)


def test_damage_anywhere_is_an_error_or_another_vocabulary(tmp_path: Path) -> None:
    directory = saved(foreign_tokenizer(forced={"de": ["__de__"]}), tmp_path)
    content = (directory / VOCABULARY_FILE).read_bytes()
    draw = random.Random(1)
    messages: list[str] = []
    for _ in range(300):
        damaged = bytearray(content)
        start = draw.randrange(len(damaged))
        match draw.randrange(4):
            case 0:
                damaged[start] = draw.randrange(256)
            case 1:
                del damaged[start : start + draw.randrange(1, 40)]
            case 2:
                damaged[start:start] = content[draw.randrange(len(content)) :][: draw.randrange(1, 40)]
            case 3:
                damaged[start : start + 1] = draw.choice([b"-1", b"null", b"[]", b'"', b"1e9", b"9" * 50, b"\\ud800"])
        (directory / VOCABULARY_FILE).write_bytes(damaged)
        try:
            tokenizer = Tokenizer.load(directory)
        except VocabularyError as error:
            messages.append(str(error))
        else:
            tokenizer.decode(tokenizer.encode_tgt(LINES))
    assert len(messages) > 150
    assert not any("\n" in message for message in messages)
