import json
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pytest

from mtkit.data.batches.batch import padding_share
from mtkit.data.batches.batches import BatchPlan
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared, open_prepared
from mtkit.data.sources import pairs
from mtkit.data.tokens.special import OWN
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import ConfigError, DataError, VocabularyError
from mtkit.files.whole import lock_open_file
from mtkit.settings.data import DataConfig
from mtkit.settings.tokenizer import TokenizerConfig
from tests.data.conftest import TOY, ToyData, WriteLines

WORDS = TokenizerConfig(type="word")


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def pairs_of(prepared: Prepared, split: str) -> list[tuple[str, str]]:
    store = prepared.store(split)
    return list(zip(store.src_text(), store.tgt_text(), strict=True))


def test_the_stores_hold_the_text_and_its_ids(tmp_path: Path, toy_data: ToyData, write_lines: WriteLines) -> None:
    odd = [("a\u2028b", "c\x00d"), ("", "x"), ("only source", ""), ("", ""), ("same", "same"), ("same", "same")]
    test = {"src": write_lines("odd.en", [s for s, _ in odd]), "tgt": write_lines("odd.de", [t for _, t in odd])}
    prepared = prepare(toy_data(test=test), TokenizerConfig(), tmp_path / "out")
    assert pairs_of(prepared, "train") == TOY
    assert pairs_of(prepared, "valid") == [("3 apples", "3 Äpfel"), ("", "leer")]
    assert pairs_of(prepared, "test/odd") == odd
    for split in ("train", "valid", "test/odd"):
        store = prepared.store(split)
        assert [store.src_ids(i).tolist() for i in range(len(store))] == prepared.tokenizer.encode_src(store.src_text())
        assert [store.tgt_ids(i).tolist() for i in range(len(store))] == prepared.tokenizer.encode_tgt(store.tgt_text())


@pytest.mark.parametrize(
    ("languages", "told"),
    [
        (("de", "en"), []),
        (("en", "de"), ["en, not de", "de, not en", "are the files swapped?"]),
        (("fr", "en"), ["most source lines are in de, not fr: mtkit doctor"]),
    ],
)
def test_sides_in_another_language_are_told(
    languages: tuple[str, str], told: list[str], tmp_path: Path, toy_data: ToyData, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("py3langid")
    weather = "Das Wetter war am {}. Tag sehr schlecht.", "The weather was very bad on day {}."
    pairs = [(weather[0].format(n), weather[1].format(n)) for n in range(60)]
    data = toy_data(pairs, src_lang=languages[0], tgt_lang=languages[1])
    prepare(data, TokenizerConfig(type="char"), tmp_path / "out")
    said = "\n".join(record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert all(part in said for part in told)
    assert bool(said) is bool(told)


def test_the_manifest_counts_what_is_there(tmp_path: Path, toy_data: ToyData, write_lines: WriteLines) -> None:
    dirty = [("", "x"), TOY[0], TOY[3], ("apples " * 9, "Äpfel"), ("pears " * 30, "Birnen " * 30)]
    train = [
        {"src": write_lines("train.en", [s for s, _ in TOY]), "tgt": write_lines("train.de", [t for _, t in TOY])},
        {"src": write_lines("web.en", [s for s, _ in dirty]), "tgt": write_lines("web.de", [t for _, t in dirty])},
    ]
    data = toy_data(train=train, cleaning={"max_tokens": 20, "max_ratio": 4})
    manifest = prepare(data, WORDS, tmp_path / "out").manifest
    assert (manifest.n_train, manifest.n_valid, manifest.n_test) == (200, 2, {})
    assert manifest.dropped() == {"empty": 1, "duplicate": 2, "too_long": 1, "length_ratio": 1}
    first, second = (source for source in manifest.sources if source["place"] == "train")
    assert (first["name"], first["n_pairs"], first["n_kept"], first["dropped"]) == ("train", 200, 200, {})
    assert (second["name"], second["n_pairs"], second["n_kept"]) == ("web", 5, 0)
    assert (first["n_src_tokens"], first["n_tgt_tokens"]) == (1000, 1000)
    opened = datasets.load_from_disk(str(tmp_path / "out" / "train"))
    assert opened.features["corpus"].names == ["train", "web"]
    assert sorted(second["sha256"]) == [train[1]["tgt"], train[1]["src"]]


def test_duplicates_in_validation_and_test_sets_stay(
    tmp_path: Path, toy_data: ToyData, write_lines: WriteLines
) -> None:
    files = {"src": write_lines("twice.en", ["5 pears"] * 2), "tgt": write_lines("twice.de", ["5 Birnen"] * 2)}
    prepared = prepare(toy_data(valid=files, test=files), WORDS, tmp_path / "out")
    assert len(prepared.store("valid")) == len(prepared.store("test/twice")) == 2


def test_the_same_corpus_and_settings_give_the_same_bytes(tmp_path: Path, toy_data: ToyData) -> None:
    data = toy_data()
    for name in ("a", "b"):
        prepare(data, TokenizerConfig(), tmp_path / name)
    a, b = files_of(tmp_path / "a"), files_of(tmp_path / "b")
    assert a == b
    stores = {
        f"{split}/{name}"
        for split in ("train", "valid")
        for name in ("data-00000-of-00001.arrow", "dataset_info.json", "state.json")
    }
    assert set(a) == {"manifest.json", "report.json", "tokenizer.model"} | stores


def test_a_second_time_nothing_is_done_and_said_so(
    tmp_path: Path, toy_data: ToyData, caplog: pytest.LogCaptureFixture
) -> None:
    data = toy_data()
    first = prepare(data, WORDS, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    with caplog.at_level("INFO", logger="mtkit"):
        second = prepare(data, WORDS, tmp_path / "out")
    assert "already prepared" in caplog.text
    assert second.manifest == first.manifest == open_prepared(tmp_path / "out").manifest
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}


def test_two_at_once_prepare_once(
    tmp_path: Path, toy_data: ToyData, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, save, n_saved = toy_data(), Tokenizer.save, 0
    threads: list[threading.Thread] = []

    def save_while_another_starts(tokenizer: Tokenizer, directory: Path) -> None:
        nonlocal n_saved
        n_saved += 1
        if not threads:
            threads.append(threading.Thread(target=prepare, args=(data, WORDS, tmp_path / "out")))
            threads[0].start()
            threads[0].join(0.5)
        save(tokenizer, directory)

    monkeypatch.setattr(Tokenizer, "save", save_while_another_starts)
    with caplog.at_level("INFO", logger="mtkit"):
        prepared = prepare(data, WORDS, tmp_path / "out")
        threads[0].join()
    assert n_saved == 1
    assert "another process is writing it, waiting" in caplog.text
    assert "already prepared" in caplog.text
    assert pairs_of(prepared, "train") == TOY
    assert not list(tmp_path.glob(".*"))


def test_a_lock_that_a_killed_process_left_behind_holds_nobody_up(tmp_path: Path, toy_data: ToyData) -> None:
    (tmp_path / ".out.lock").write_text("")
    assert prepare(toy_data(), WORDS, tmp_path / "out").manifest.n_train == 200


def test_what_is_prepared_already_is_used_without_a_lock(tmp_path: Path, toy_data: ToyData) -> None:
    data = toy_data()
    prepare(data, WORDS, tmp_path / "out")
    with (tmp_path / ".out.lock").open("a") as lock:
        assert lock_open_file(lock.fileno())
        assert prepare(data, WORDS, tmp_path / "out").manifest.n_train == 200


def test_moved_files_of_the_same_content_are_the_same_corpus(tmp_path: Path, toy_data: ToyData) -> None:
    data = toy_data()
    prepare(data, WORDS, tmp_path / "out")
    moved = {}
    for side in ("src", "tgt"):
        path = Path(getattr(data.train[0], side))
        moved[side] = str(path.rename(tmp_path / f"moved.{side}"))
    data = DataConfig.model_validate(data.model_dump() | {"train": [moved | {"name": None}]})
    assert prepare(data, WORDS, tmp_path / "out").manifest.n_train == 200


def test_a_limit_of_the_vocabulary_counts_where_the_settings_do_not_say_its_size(
    tmp_path: Path, toy_data: ToyData, caplog: pytest.LogCaptureFixture
) -> None:
    data, bpe = toy_data(), TokenizerConfig(type="bpe", byte_fallback=False)
    with caplog.at_level("INFO", logger="mtkit"):
        limited = prepare(data, bpe, tmp_path / "limited", max_vocab_size=40)
    assert limited.manifest.src_vocab_size == 40
    assert "a vocabulary of 40, not 1,000: there is no time to learn more pieces" in caplog.text
    assert prepare(data, bpe, tmp_path / "limited").manifest == limited.manifest  # it is none of the settings
    with caplog.at_level("INFO", logger="mtkit"):
        unlimited = prepare(data, bpe, tmp_path / "unlimited", max_vocab_size=2_000).manifest.src_vocab_size
    assert unlimited > 100
    assert "a vocabulary of 2,000" not in caplog.text
    given = bpe.model_copy(update={"vocab_size": 50})
    assert prepare(data, given, tmp_path / "given", max_vocab_size=40).manifest.src_vocab_size == 50


def test_the_vocabulary_size_that_was_chosen_may_be_written_down(tmp_path: Path, toy_data: ToyData) -> None:
    data = toy_data()
    size = prepare(data, WORDS, tmp_path / "out").manifest.src_vocab_size
    prepare(data, WORDS.model_copy(update={"vocab_size": size}), tmp_path / "out")
    with pytest.raises(DataError, match=f"tokenizer.vocab_size was None, now {size - 1}"):
        prepare(data, WORDS.model_copy(update={"vocab_size": size - 1}), tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cleaning": {"max_tokens": 3}}, r"data\.cleaning\.max_tokens was 256, now 3"),
        ({"tgt_lang": "nl"}, r"data\.tgt_lang was de, now nl"),
    ],
)
def test_other_settings_need_overwrite(
    changes: dict[str, Any], message: str, tmp_path: Path, toy_data: ToyData
) -> None:
    prepare(toy_data(), WORDS, tmp_path / "out")
    before = files_of(tmp_path / "out")
    reason = rf"was prepared from different inputs or settings \({message}\); add --overwrite to .*, or .*data.prepared"
    with pytest.raises(DataError, match=reason):
        prepare(toy_data(**changes), WORDS, tmp_path / "out")
    assert files_of(tmp_path / "out") == before


def test_another_corpus_under_the_same_name_needs_overwrite(tmp_path: Path, toy_data: ToyData) -> None:
    prepare(toy_data(), WORDS, tmp_path / "out")
    data = toy_data(TOY[:50])
    with pytest.raises(DataError, match=r"train\.en held something else"):
        prepare(data, WORDS, tmp_path / "out")
    assert prepare(data, WORDS, tmp_path / "out", overwrite=True).manifest.n_train == 50
    assert len(open_prepared(tmp_path / "out").store("train")) == 50


def test_what_is_not_a_prepared_corpus_is_never_replaced(tmp_path: Path, toy_data: ToyData) -> None:
    data = toy_data()
    with pytest.raises(ConfigError, match="exists and is not a prepared corpus"):
        prepare(data, WORDS, tmp_path, overwrite=True)
    (tmp_path / "empty").mkdir()
    assert prepare(data, WORDS, tmp_path / "empty").manifest.n_train == 200


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], r"train\.en and .*train\.de: empty"),
        ([("", "x"), ("x", "")], r"no training pair is left after cleaning \(2 empty\); see data\.cleaning"),
        ([("a " * 300, "b " * 300)] * 2, r"\(1 duplicate, 1 too_long\)"),
    ],
)
def test_a_corpus_of_which_nothing_is_left_is_refused(
    pairs: list[tuple[str, str]], message: str, tmp_path: Path, toy_data: ToyData
) -> None:
    with pytest.raises(DataError, match=message):
        prepare(toy_data(pairs), WORDS, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_fault_in_any_input_leaves_nothing_behind(tmp_path: Path, toy_data: ToyData, write_lines: WriteLines) -> None:
    test = {"src": write_lines("bad.en", ["a", "b"]), "tgt": write_lines("bad.de", ["a"])}
    with pytest.raises(DataError, match=r"bad\.en has 2 lines but .*bad\.de has 1"):
        prepare(toy_data(test=test), WORDS, tmp_path / "out")
    with pytest.raises(DataError, match=r"nowhere\.en: No such file"):
        prepare(toy_data(test=test | {"src": str(tmp_path / "nowhere.en")}), WORDS, tmp_path / "out")
    with pytest.raises(VocabularyError, match=r"lower tokenizer\.vocab_size"):
        prepare(toy_data(), TokenizerConfig(vocab_size=30_000), tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_failed_overwrite_keeps_what_was_there(tmp_path: Path, toy_data: ToyData) -> None:
    prepare(toy_data(), WORDS, tmp_path / "out")
    before = files_of(tmp_path / "out")
    with pytest.raises(VocabularyError):
        prepare(toy_data(), TokenizerConfig(vocab_size=30_000), tmp_path / "out", overwrite=True)
    assert files_of(tmp_path / "out") == before


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, toy_data: ToyData) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write there"):
        prepare(toy_data(), WORDS, tmp_path / "file" / "out")


def test_the_tokenizer_is_trained_on_an_even_sample(tmp_path: Path, toy_data: ToyData) -> None:
    pairs = [(f"w{i}", f"v{i}") for i in range(1_000)]
    n_wanted = 400 * 1_000 // sum(len(src) for src, _ in pairs)
    config = TokenizerConfig(type="word", joint=False, vocab_size=n_wanted + 4, max_sample_characters=400)
    tokenizer = prepare(toy_data(pairs), config, tmp_path / "out").tokenizer
    known = [i for i, (ids,) in enumerate(tokenizer.encode_src([f"w{i}" for i in range(1_000)])) if ids != 1]
    assert len(known) == n_wanted == 102
    assert {b - a for a, b in pairwise(known)} == {9, 10}


def test_a_script_of_many_characters_gets_a_vocabulary_that_holds_them(tmp_path: Path, toy_data: ToyData) -> None:
    pairs = [("".join(chr(0x4E00 + (7 * i + j) % 2_000) for j in range(20)), f"{i}") for i in range(400)]
    prepared = prepare(toy_data(pairs), TokenizerConfig(character_coverage=1.0), tmp_path / "out")
    assert prepared.manifest.src_vocab_size > 2_000


def test_a_very_long_line_is_dropped_not_a_crash(tmp_path: Path, toy_data: ToyData) -> None:
    prepared = prepare(toy_data([*TOY, ("apples " * 100_000, "x"), ("y" * 300_000, "x")]), WORDS, tmp_path / "out")
    assert prepared.manifest.n_train == 201  # one word of 300,000 letters is a word
    assert prepared.manifest.dropped() == {"too_long": 1}


def test_absent_damaged_and_newer_corpora_are_told_apart(tmp_path: Path, toy_data: ToyData) -> None:
    with pytest.raises(DataError, match="no prepared corpus there; make one with mtkit preprocess"):
        open_prepared(tmp_path / "out")
    prepare(toy_data(), WORDS, tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"format_version": 2}))
    with pytest.raises(DataError, match=r"newer mtkit \(format 2, this one reads up to 1\)"):
        open_prepared(tmp_path / "out")
    for version in ("1", True, 1.0):
        path.write_text(json.dumps(manifest | {"format_version": version}))
        with pytest.raises(
            DataError, match=rf"manifest\.json: damaged: format_version is {version!r}, not .*--overwrite"
        ):
            open_prepared(tmp_path / "out")
    path.write_text(json.dumps({"format_version": 1}))
    with pytest.raises(DataError, match=r"manifest\.json: damaged; .*--overwrite"):
        open_prepared(tmp_path / "out")
    assert prepare(toy_data(), WORDS, tmp_path / "out", overwrite=True).manifest.n_train == 200


def test_a_foreign_tokenizer_is_noticed(tmp_path: Path, toy_data: ToyData) -> None:
    prepare(toy_data(), WORDS, tmp_path / "out")
    prepare(toy_data(), TokenizerConfig(type="char"), tmp_path / "other").tokenizer.save(tmp_path / "out")
    with pytest.raises(DataError, match="encoded with a different tokenizer"):
        _ = open_prepared(tmp_path / "out").tokenizer


@pytest.mark.slow
def test_multi30k_batches_hold_less_than_five_percent_padding(tmp_path: Path, corpora: Path) -> None:
    folder = corpora / "multi30k"
    splits = {
        split: {"src": str(folder / f"{name}.en.gz"), "tgt": str(folder / f"{name}.de.gz")}
        for split, name in (("train", "train"), ("valid", "val"))
    }
    data = DataConfig.model_validate({"src_lang": "en", "tgt_lang": "de"} | splits)
    prepared = prepare(data, TokenizerConfig(), tmp_path / "out")
    assert prepared.manifest.dropped() == {"duplicate": 3}
    plan = BatchPlan(prepared.store("train"), special=OWN, batch_tokens=4_000, seed=1)
    updates = []
    for update in plan:
        updates += update
        if plan.epoch == 1:
            break
    assert padding_share(updates) < 0.05


def test_unicode_line_separators_do_not_split_lines(tmp_path: Path, corpora: Path, toy_data: ToyData) -> None:
    folder = corpora / "newstest-en-de"
    test = {"src": str(folder / "newstest2009.en.gz"), "tgt": str(folder / "newstest2009.de.gz")}
    prepared = prepare(toy_data(test=test), WORDS, tmp_path / "out")
    assert prepared.manifest.n_test == {"newstest2009": 2_525}
    tgt_text = prepared.store("test/newstest2009").tgt_text()
    assert len("\n".join(tgt_text).splitlines()) > len(tgt_text)


@pytest.mark.parametrize("place", ["valid", "test"])
def test_a_fault_at_the_end_of_a_held_out_set_is_told_before_the_work(
    place: str, tmp_path: Path, toy_data: ToyData, write_lines: WriteLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "CHUNK_PAIRS", 2)
    files = {"src": write_lines("held.en", ["a"] * 6), "tgt": write_lines("held.de", ["b"] * 5)}
    impossible = TokenizerConfig(vocab_size=100_000)  # which is known when the training text has been read
    with pytest.raises(DataError, match=r"held\.en has 6 lines but .*held\.de has 5"):
        prepare(toy_data(**{place: files}), impossible, tmp_path / "out")
