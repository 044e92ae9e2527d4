import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.forced.aligner import Aligner, Choice, remember
from mtkit.forced.scorer import Scorer
from mtkit.inspection.findings import findings, left_beam
from mtkit.inspection.inspector import Inspector
from mtkit.inspection.look import Look
from mtkit.inspection.words import Word
from mtkit.machine.compute import Compute
from mtkit.model.attention_weights import attention_weights
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.decoding import DecodingConfig
from mtkit.translation.translator import Translator
from tests.model.combinations import COMBINATIONS
from tests.tiny import LINES, save_tiny_bundle, tiny_config

pytestmark = pytest.mark.processor

BEAM = 3
CPU = Compute(torch.device("cpu"), "fp32", 1)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model", n_decoder_layers=3)


@pytest.fixture(scope="module")
def inspector(bundle: Path) -> Inspector:
    return Inspector.load(bundle, device="cpu", threads=1)


def looked(inspector: Inspector, source: str, forced: str | None = None, *, n_alternatives: int = 5) -> Look:
    found = inspector.look(1, source, inspector.options(), forced=forced, n_alternatives=n_alternatives)
    assert isinstance(found, Look)
    return found


@pytest.mark.parametrize("name", COMBINATIONS)
def test_numbers_are_those_of_the_search(name: str, inspector: Inspector) -> None:
    tokenizer = inspector.tokenizer
    shape: dict[str, Any] = {"n_encoder_layers": 2, "n_decoder_layers": 2} | COMBINATIONS[name]
    config = tiny_config(**shape)
    torch.manual_seed(1)
    size = tokenizer.src_vocab_size
    model = EncoderDecoder(config.model, src_vocab_size=size, tgt_vocab_size=size, pad_id=tokenizer.pad_id).eval()
    with torch.no_grad():  # very probable at some places, very improbable at others: some hypotheses end
        model.output_weight[tokenizer.eos_id] *= 12
    translator = Translator.from_model(model, tokenizer, config.decoding, compute=CPU)
    inspector = Inspector(model, tokenizer, config.decoding, Choice(1, reading=False), device=CPU.device)
    translations = translator.translate(LINES[:2], n_best=BEAM)
    assert any(candidate.finished for translation in translations for candidate in translation.n_best)
    for line, translation in zip(LINES, translations, strict=False):
        look = looked(inspector, line)
        assert [candidate.text for candidate in look.n_best] == [c.text for c in translation.n_best]
        for candidate, found in zip(look.n_best, translation.n_best, strict=True):
            assert sum(p.log_prob for p in candidate.positions) == pytest.approx(found.log_prob, abs=1e-4)
            assert candidate.score == pytest.approx(found.score, abs=1e-4)
            assert look.history[candidate.path[-1]].log_prob == pytest.approx(found.log_prob, abs=1e-4)
            assert [look.history_tokens[n] for n in candidate.path] == [p.token for p in candidate.positions]
            assert [c.finished for c in look.n_best] == [c.finished for c in translation.n_best]
        assert look.shown == look.n_best[0]
        assert look.tgt_read == ["<s>", *(position.token for position in look.shown.positions[:-1])]
        sides: dict[str, Sequence[object]]
        sides = {"encoder": look.src_tokens, "decoder": look.tgt_read, "cross": look.shown.positions}
        for one in look.attention:
            keys = look.tgt_read if one.part == "decoder" else look.src_tokens
            assert all(len(head) == len(sides[one.part]) for head in one.weights)
            assert all(len(row) == len(keys) for head in one.weights for row in head)
        assert any(one.part == "cross" for one in look.attention)


@pytest.mark.parametrize("reading", [False, True])
def test_a_hypothesis_that_is_cut_off_at_the_longest_length_is_looked_at(bundle: Path, reading: bool) -> None:
    inspector = Inspector.load(bundle, device="cpu", threads=1)
    longest = inspector.model.config.max_length
    inspector = Inspector(
        inspector.model,
        inspector.tokenizer,
        DecodingConfig(beam_size=2, max_length_ratio=10.0, max_length_offset=1_000),
        Choice(1, reading=reading),
        device=CPU.device,
    )
    with torch.no_grad():
        inspector.model.output_weight[inspector.tokenizer.eos_id] *= 0  # it never ends
    shown = looked(inspector, LINES[0]).shown
    assert not shown.finished
    assert len(shown.positions) == longest


def test_weights_are_those_of_forced_decoding(inspector: Inspector) -> None:
    look = looked(inspector, LINES[1])
    model, tokenizer = inspector.model, inspector.tokenizer
    src = torch.tensor([[*tokenizer.encode_src([LINES[1]])[0], tokenizer.eos_id]])
    ids = [look.history[number].token_id for number in look.shown.path]
    tgt_in = torch.tensor([[tokenizer.special.bos, *ids][: len(ids)]])
    for one, expected in zip(look.attention, attention_weights(model, src, tgt_in), strict=True):
        assert (one.part, one.layer) == (expected.part, expected.layer + 1)
        torch.testing.assert_close(torch.tensor(one.weights), expected.weights[0], atol=6e-5, rtol=0)


def test_alternatives_are_the_most_probable_tokens(inspector: Inspector) -> None:
    vocab_size = inspector.tokenizer.tgt_vocab_size
    look = looked(inspector, LINES[0], n_alternatives=vocab_size + 3)
    for position in look.shown.positions:
        values = [guess.log_prob for guess in position.alternatives]
        assert len(values) == vocab_size
        assert values == sorted(values, reverse=True)
        assert sum(map(math.exp, values)) == pytest.approx(1, abs=1e-5)
        assert position.entropy == pytest.approx(-sum(math.exp(v) * v for v in values), abs=1e-4)
        assert position.alternatives[position.rank - 1].log_prob == position.log_prob
    short = looked(inspector, LINES[0], n_alternatives=2)
    for position, whole in zip(short.shown.positions, look.shown.positions, strict=True):
        assert [a.token for a in position.alternatives] == [a.token for a in whole.alternatives[:2]]


def test_a_given_translation_is_looked_at_as_it_is_scored(bundle: Path, inspector: Inspector) -> None:
    scored = Scorer.load(bundle, device="cpu", threads=1).score(LINES[:1], LINES[3:])[0]
    assert scored is not None
    look = looked(inspector, LINES[0], LINES[3])
    assert look.forced
    assert [p.token for p in look.shown.positions] == scored.tokens
    assert [p.log_prob for p in look.shown.positions] == pytest.approx(scored.token_log_probs, abs=1e-4)
    assert look.shown.score == pytest.approx(scored.score, abs=1e-4)
    position = left_beam(look, look.shown)
    assert position is not None
    told = " ".join(findings(look))
    assert f"It left the beam at piece {position + 1}, \u2068{look.shown.positions[position].token}\u2069:" in told
    own = looked(inspector, LINES[0])
    assert all(left_beam(own, candidate) is None for candidate in own.n_best)
    better = look.shown.score > look.n_best[0].score
    assert ("Search error" in told) == better
    assert ("The model's choice" in told) == (not better)


@pytest.mark.parametrize("choice", [Choice(1, reading=False), Choice(3, reading=True)])
def test_words_are_aligned_as_the_aligner_does(choice: Choice, tmp_path: Path) -> None:
    bundle = save_tiny_bundle(tmp_path / "model", n_decoder_layers=3)
    remember(bundle, choice)
    inspector = Inspector.load(bundle, device="cpu", threads=1)
    expected = Aligner.load(bundle, device="cpu", threads=1).align(LINES, LINES[::-1])
    for src, tgt, links in zip(LINES, LINES[::-1], expected, strict=True):
        look = looked(inspector, src, tgt)
        assert [word.text for word in look.src_words] == src.split()
        assert [word.text for word in look.tgt_words] == tgt.split()
        assert set(look.alignment) == links
        assert look.alignment_by == str(choice)


def test_what_cannot_be_looked_at_says_why(inspector: Inspector) -> None:
    options = inspector.options()
    assert inspector.look(1, "  ", options) == "blank"
    assert "more than the 28 that are translated at once" in str(inspector.look(1, " ".join(LINES), options))
    assert "more than the model can write" in str(inspector.look(1, "The", options, forced=" ".join(LINES * 2)))
    empty = looked(inspector, LINES[0], "")
    assert [p.token for p in empty.shown.positions] == ["</s>"]
    assert empty.alignment == []


def test_characters_without_a_piece_are_named(inspector: Inspector) -> None:
    told = " ".join(findings(looked(inspector, "The ☃猫 sat")))
    assert "The tokenizer has no pieces for \u2068☃猫\u2069: " in told
    assert "one unknown token for each" in told
    assert not any("no pieces" in finding for finding in findings(looked(inspector, LINES[0])))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a er er er er er er er er b", "Said 8 times in a row: \u2068er\u2069."),
        ("a a b c b c b c", "Said 3 times in a row: \u2068b c\u2069."),  # the most often
        ("a b a b", "Said twice in a row: \u2068a b\u2069."),
        ("a b a c", ""),
        ("", ""),
    ],
)
def test_what_is_said_again_is_counted(words: str, expected: str, inspector: Inspector) -> None:
    said = [Word(word, i, 1) for i, word in enumerate(words.split())]
    told = findings(replace(looked(inspector, LINES[0]), tgt_words=said))
    assert [finding for finding in told if "Said" in finding] == [expected] * bool(expected)


def test_what_is_no_number_is_null(bundle: Path) -> None:
    broken = Inspector.load(bundle, device="cpu", threads=1)
    with torch.no_grad():
        next(broken.model.parameters()).fill_(math.nan)
    look = looked(broken, LINES[0], LINES[1])
    assert look.as_json()["shown"]["positions"][0]["log_prob"] is None
    assert any("not numbers" in finding for finding in findings(look))
    assert looked(broken, LINES[0]).history == []


def test_tags_of_languages_are_read_but_are_no_words(bundle: Path) -> None:
    """The same search and the same links as a translator's and an aligner's that put the tags before every text."""
    plain = Inspector.load(bundle, device="cpu", threads=1)
    tags = plain.tokenizer.encode_src(["a dog", "two"])[0][:2]
    choice = Choice(2, reading=False)
    tagged = Inspector(plain.model, plain.tokenizer, DecodingConfig(), choice, device=CPU.device, prefix=tags)
    decoding = DecodingConfig(split="never")
    translator = Translator.from_model(plain.model, plain.tokenizer, decoding, compute=CPU)
    aligner = Aligner(plain.model, plain.tokenizer, choice, device=CPU.device, prefix=tags)
    for line in LINES:
        look = looked(tagged, line)
        (expected,) = translator.prefixed(tags).translate([line], n_best=look.beam_size)
        assert [found.score for found in look.n_best] == pytest.approx([c.score for c in expected.n_best], abs=1e-4)
        assert look.src_tokens[:2] == plain.tokenizer.src_tokens(tags)
        assert look.src_words == [replace(word, first=word.first + 2) for word in looked(plain, line).src_words]
        given = looked(tagged, line, forced=LINES[0])
        assert set(given.alignment) == (aligner.align([line], LINES[:1])[0] or set())
        assert not any(f"\u2068{tag}\u2069" in finding for finding in findings(look) for tag in look.src_tokens[:2])
