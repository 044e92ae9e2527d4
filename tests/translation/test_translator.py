import random
from collections.abc import Iterator

import pytest

from mtkit.engines.batching import BatchType
from mtkit.errors import ConfigError, DataError, DeviceError
from mtkit.translation.translator import Translator
from tests.tiny import LINES

pytestmark = pytest.mark.processor

LONG = " ".join(LINES)


def test_a_blank_text_stays_as_it_is(translator: Translator) -> None:
    blanks = ["", " ", "\t \u3000", "\r", "\u2028"]
    translations = translator.translate([*blanks, LINES[0]])
    assert [t.text for t in translations[:-1]] == blanks
    assert all((t.tokens, t.score, t.n_best, t.n_segments) == ([], 0.0, [], 0) for t in translations[:-1])
    assert translations[-1].tokens


def test_a_text_that_the_tokenizer_drops_stays_as_it_is(translator: Translator) -> None:
    assert translator.tokenizer.encode_src(["\u200b"]) == [[]]
    assert translator.translate(["\u200b"])[0].text == "\u200b"


def test_white_space_around_a_text_stays_around_its_translation(translator: Translator) -> None:
    core = translator.translate([LINES[0]])[0].text
    assert core == core.strip() != ""
    assert translator.translate([f"\t{LINES[0]} \r"])[0].text == f"\t{core} \r"


def test_no_translation_holds_a_line_feed(translator: Translator) -> None:
    assert "\n" not in translator.translate([f"\n{LINES[0]}\n{LINES[1]}\n"])[0].text
    assert translator.translate(["\n"])[0].text == " "


@pytest.mark.parametrize(
    ("batch_type", "batch_size"), [("sentences", 1), ("sentences", 3), ("tokens", 1), ("tokens", 25)]
)
def test_batches_change_neither_order_nor_translations(
    translator: Translator, batch_type: BatchType, batch_size: int
) -> None:
    words = LONG.split()
    draw = random.Random(1)
    texts = [" ".join(draw.choices(words, k=draw.randint(0, 5))) for _ in range(20)]
    alone = [translator.translate([text])[0] for text in texts]
    together = translator.translate(texts, batch_type=batch_type, batch_size=batch_size)
    assert [t.text for t in together] == [t.text for t in alone]
    assert [t.score for t in together] == pytest.approx([t.score for t in alone], abs=1e-5)
    assert len({t.text for t in together}) > 10


def test_a_text_over_the_limit_is_translated_sentence_by_sentence(translator: Translator) -> None:
    parts = [LINES[0], LINES[3]]
    whole = translator.translate([" ".join(parts)])[0]
    separate = translator.translate(parts)
    assert [t.n_segments for t in separate] == [1, 1]
    assert whole.n_segments == 2
    assert whole.text == " ".join(t.text for t in separate)
    assert whole.tokens == [token for t in separate for token in t.tokens]
    assert whole.log_prob == pytest.approx(sum(t.log_prob for t in separate), abs=1e-4)


def test_score_is_log_prob_over_a_power_of_the_length(translator: Translator) -> None:
    for penalty in (0.0, 0.5, 1.0):
        best = translator.translate([LINES[0]], length_penalty=penalty)[0]
        length = len(best.tokens) + best.finished
        assert best.score == pytest.approx(best.log_prob / length**penalty, abs=1e-5)


def test_n_best_begins_with_the_translation(translator: Translator) -> None:
    best = translator.translate([LINES[0]], beam_size=4, n_best=3)[0]
    assert len(best.n_best) == 3
    assert (best.n_best[0].text, best.n_best[0].score) == (best.text, best.score)
    assert len({candidate.text for candidate in best.n_best}) > 1


def test_more_translations_than_beams_are_refused(translator: Translator) -> None:
    with pytest.raises(ConfigError, match="n-best 5 exceeds the beam size 3; add --beam-size 5"):
        translator.translate([LINES[0]], n_best=5)


def test_no_texts_make_no_translations(translator: Translator) -> None:
    assert translator.translate([]) == []


def test_an_absent_gpu_and_an_unknown_precision_are_refused(
    bundle_directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"device cuda: .*; use --device cpu or auto"):
        Translator.load(bundle_directory, device="cuda", threads=1)
    with pytest.raises(DeviceError, match="precision fp8: unknown; use auto, fp32, bf16 or int8"):
        Translator.load(bundle_directory, precision="fp8", threads=1)


def test_bf16_translates_too(bundle_directory: str) -> None:
    translator = Translator.load(bundle_directory, device="cpu", precision="bf16", threads=1)
    assert len(translator.translate(LINES)) == len(LINES)


def test_an_empty_list_asks_for_what_was_begun(translator: Translator) -> None:
    n_found, n_found_before = 0, []

    def buffers() -> Iterator[list[str]]:
        for texts in (LINES[:1], LINES[1:2], [], LINES[2:]):
            n_found_before.append(n_found)
            yield texts
        n_found_before.append(n_found)

    for translations in translator.translate_ahead(buffers(), translator.search_options(), n_ahead=2):
        n_found += len(translations)
    assert (n_found, n_found_before) == (4, [0, 0, 0, 2, 2])


@pytest.mark.parametrize("n_ahead", [0, 1, 5])
def test_reading_ahead_changes_neither_order_nor_translations(translator: Translator, n_ahead: int) -> None:
    buffers = [LINES[:1], [], LINES[1:3], LINES[3:]]
    found = list(translator.translate_ahead(buffers, translator.search_options(), n_ahead=n_ahead))
    assert [len(translations) for translations in found] == [1, 2, 1]
    assert [t.text for each in found for t in each] == [t.text for t in translator.translate(LINES)]


@pytest.mark.parametrize("n_ahead", [0, 1])
def test_reading_ahead_asks_for_no_more_than_that(translator: Translator, n_ahead: int) -> None:
    n_asked = 0

    def buffers() -> Iterator[list[str]]:
        nonlocal n_asked
        for line in LINES:
            n_asked += 1
            yield [line]

    next(translator.translate_ahead(buffers(), translator.search_options(), n_ahead=n_ahead))
    assert n_asked == 1 + n_ahead


def test_what_was_read_before_an_error_is_translated(translator: Translator) -> None:
    def buffers() -> Iterator[list[str]]:
        yield LINES[:1]
        yield LINES[1:2]
        raise DataError("damaged here")

    found = translator.translate_ahead(buffers(), translator.search_options(), n_ahead=2)
    assert [t.text for each in (next(found), next(found)) for t in each] == [
        t.text for t in translator.translate(LINES[:2])
    ]
    with pytest.raises(DataError, match="damaged here"):
        next(found)


def test_a_search_that_was_given_up_does_not_hinder_the_next(translator: Translator) -> None:
    next(translator.translate_ahead([LINES] * 20, translator.search_options(), n_ahead=15, batch_size=1))
    assert len(translator.translate(LINES, batch_size=1)) == len(LINES)
