"""Models whose ids, start token and languages are their own: all that translates, scores and looks must agree."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.bundle.languages import prefixes_for
from mtkit.data.tokens.special import SpecialIds
from mtkit.errors import ConfigError
from mtkit.evaluation.sets import EvaluationSet, LanguagePair
from mtkit.forced.aligner import Aligner, Choice
from mtkit.forced.scorer import Scorer
from mtkit.inspection.inspector import Inspector
from mtkit.inspection.look import Look
from mtkit.model.attention_weights import attention_weights
from mtkit.translation.test_sets import with_languages
from mtkit.translation.translator import Translator
from tests.data.tokens.foreign import LINES, START_IS_EOS, START_IS_PAD
from tests.tiny_foreign import MARIAN_LIKE, save_foreign_bundle

pytestmark = pytest.mark.processor


@pytest.fixture(scope="module", params=[START_IS_EOS, START_IS_PAD], ids=["start is eos", "start is pad"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    special: SpecialIds = request.param
    return save_foreign_bundle(tmp_path_factory.mktemp("foreign") / "model", special=special)


def translator_of(bundle: Path, engine: str = "torch", **languages: str) -> Translator:
    return Translator.load(bundle, engine=engine, device="cpu", precision="fp32", threads=1, **languages)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["German", "fr"])  # with a prefix of one token, and of two
@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_a_translation_has_the_score_of_its_search(bundle: Path, engine: str, language: str) -> None:
    translator = translator_of(bundle, engine, tgt_lang=language)
    prefix = translator._prefix
    assert len(prefix.src) == 1
    assert len(prefix.tgt) == (1 if language == "German" else 2)
    options = translator.search_options(beam_size=3, n_best=2)
    sources = [[*prefix.src, *ids] for ids in translator.tokenizer.encode_src(LINES)]
    hypotheses = translator.engine.begin(
        sources, options, batch_size=4, batch_type="sentences", tgt_prefix=prefix.tgt
    )()
    for line, found in zip(LINES, hypotheses, strict=True):
        [translation] = translator.decoding_by(translator.decoding.model_copy(update={"split": "never"})).translate(
            [line], beam_size=3, n_best=2
        )
        assert [c.score for c in translation.n_best] == pytest.approx([h.score for h in found], abs=1e-4)
        assert [c.log_prob for c in translation.n_best] == pytest.approx([h.log_prob for h in found], abs=1e-4)
        assert "__" not in translation.text


@pytest.mark.parametrize("special", [START_IS_EOS, START_IS_PAD], ids=["start is eos", "start is pad"])
@pytest.mark.parametrize("language", ["deu_Latn", ">>fra<<"])
def test_both_engines_translate_alike(tmp_path: Path, special: SpecialIds, language: str) -> None:
    # A sentence hardly ever ends before its first word: CTranslate2 would drop such a translation.
    bundle = save_foreign_bundle(tmp_path / "model", special=special, eos_bias=-4.0)
    for beam_size in (1, 4):
        ours, theirs = (
            translator_of(bundle, engine, src_lang="en", tgt_lang=language).translate(
                [*LINES, " ".join(LINES)], beam_size=beam_size
            )
            for engine in ("torch", "ctranslate2")
        )
        assert [found.text for found in ours] == [found.text for found in theirs]
        assert [found.score for found in ours] == pytest.approx([found.score for found in theirs], abs=1e-3)
    assert len({found.text for found in ours}) > 2


def test_the_languages_change_the_translation(bundle: Path) -> None:
    found = {
        (src, tgt): tuple(t.text for t in translator_of(bundle, src_lang=src, tgt_lang=tgt).translate(LINES))
        for src in ("en", "fr")
        for tgt in ("de", "fr")
    }
    assert len(set(found.values())) == 4
    assert found["en", "de"] == tuple(t.text for t in translator_of(bundle).translate(LINES))


@pytest.mark.parametrize("language", ["de", "fr"])
def test_forced_scores_are_those_of_the_search(bundle: Path, language: str) -> None:
    translator = translator_of(bundle, tgt_lang=language)
    scorer = Scorer.load(bundle, device="cpu", threads=1, tgt_lang=language)
    prefix = translator._prefix
    sources = [[*prefix.src, *ids] for ids in translator.tokenizer.encode_src(LINES)]
    options = replace(translator.search_options(beam_size=4, n_best=4), max_length_ratio=3.0)
    hypotheses = translator.engine.begin(
        sources, options, batch_size=2, batch_type="sentences", tgt_prefix=prefix.tgt
    )()
    n_compared = 0
    for source, found in zip(sources, hypotheses, strict=True):
        scored = scorer.score_ids([source] * len(found), [h.ids for h in found])
        for hypothesis, score in zip(found, scored, strict=True):
            if hypothesis.finished and score is not None:
                assert score.log_prob == pytest.approx(hypothesis.log_prob, abs=1e-4)
                assert score.score == pytest.approx(hypothesis.score, abs=1e-4)
                assert len(score.tokens) == len(hypothesis.ids) + 1
                n_compared += 1
    assert n_compared > 2


def test_each_pair_is_scored_by_itself_after_the_prefix(bundle: Path) -> None:
    scorer = Scorer.load(bundle, device="cpu", threads=1, tgt_lang="fr")
    together = scorer.score(LINES, LINES[::-1])
    for found, src, tgt in zip(together, LINES, LINES[::-1], strict=True):
        (alone,) = scorer.score([src], [tgt])
        assert found is not None
        assert alone is not None
        assert found.token_log_probs == pytest.approx(alone.token_log_probs, abs=1e-4)
        assert found.tokens[-1] == "</s>"
        assert found.n_forced == 2


def test_the_inspector_sees_the_same_search(bundle: Path) -> None:
    inspector = Inspector.load(bundle, device="cpu", threads=1, tgt_lang="fr")
    plain = translator_of(bundle, tgt_lang="fr")
    translator = plain.decoding_by(plain.decoding.model_copy(update={"split": "never"}))
    start = inspector.tokenizer.tokens([inspector.tokenizer.start_id])[0]
    for line in LINES:
        look = inspector.look(1, line, inspector.options())
        assert isinstance(look, Look)
        (expected,) = translator.translate([line], n_best=look.beam_size)
        assert [c.score for c in look.n_best] == pytest.approx([c.score for c in expected.n_best], abs=1e-4)
        assert [c.text for c in look.n_best] == [c.text for c in expected.n_best]
        assert look.history[look.shown.path[-1]].log_prob == pytest.approx(look.shown.log_prob, abs=1e-4)
        assert look.tgt_read == [f"{start} __fr__ __de__", *(p.token for p in look.shown.positions[:-1])]
        for one in look.attention:
            keys = look.tgt_read if one.part == "decoder" else look.src_tokens
            queries = look.src_tokens if one.part == "encoder" else look.shown.positions
            assert all(len(head) == len(queries) for head in one.weights)
            assert all(len(row) == len(keys) for head in one.weights for row in head)
            assert all(sum(row) == pytest.approx(1, abs=1e-2) for head in one.weights for row in head)


@pytest.mark.parametrize("reading", [False, True])
def test_alignments_do_not_count_the_prefix(bundle: Path, reading: bool) -> None:
    choice = Choice(2, reading=reading)
    opened = Inspector.load(bundle, device="cpu", threads=1, tgt_lang="fr")
    inspector = Inspector(
        opened.model,
        opened.tokenizer,
        opened._decoding,
        choice,
        device=torch.device("cpu"),
        prefix=opened._prefix,
        tgt_prefix=opened._tgt_prefix,
    )
    aligner = Aligner.load(bundle, layer=2, reading=reading, device="cpu", threads=1, tgt_lang="fr")
    tokenizer = opened.tokenizer
    for src, tgt in zip(LINES, LINES[::-1], strict=True):
        look = inspector.look(1, src, inspector.options(), forced=tgt)
        assert isinstance(look, Look)
        assert aligner.align([src], [tgt])[0] == set(look.alignment)
        # By hand: what the decoder looked at where it predicted, or read, the first piece.
        src_ids = torch.tensor([[*opened._prefix, *tokenizer.encode_src([src])[0], tokenizer.eos_id]])
        tgt_ids = [tokenizer.start_id, *opened._tgt_prefix, *tokenizer.encode_tgt([tgt])[0]]
        cross = [
            one for one in attention_weights(opened.model, src_ids, torch.tensor([tgt_ids])) if one.part == "cross"
        ]
        expected = cross[1].weights[0].mean(0)[2 + reading]
        n_words = len(look.tgt_words)
        shown = [one for one in look.attention if one.part == "cross"][1]
        row = torch.tensor(shown.weights).mean(0)[int(reading)]
        torch.testing.assert_close(row, expected.double().float(), atol=1e-3, rtol=0)
        assert n_words == len(tgt.split())


def test_a_test_set_is_translated_in_its_own_languages(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    sets = [
        EvaluationSet("one", [], None, language_pair=("en", "fr")),
        EvaluationSet("other", [], None, language_pair=None),
    ]
    pair: LanguagePair = ("eng_Latn", "deu_Latn")
    tagged = with_languages(loaded, sets, pair)
    assert [len(prefix.tgt) for _, prefix in tagged] == [2, 1]


def test_a_tag_before_the_source_alone(tmp_path: Path) -> None:
    bundle = save_foreign_bundle(
        tmp_path / "m", special=START_IS_PAD, languages=MARIAN_LIKE, direction=("en", "deu"), needed=True
    )
    with pytest.raises(ConfigError, match=r"a model of 2 languages: add --tgt-lang CODE \(mtkit languages"):
        translator_of(bundle)
    languages = ({"src_lang": "en", "tgt_lang": name} for name in ("__de__", "French"))
    one, other = (translator_of(bundle, **named).translate(LINES) for named in languages)
    assert [t.text for t in one] != [t.text for t in other]


def test_a_model_that_reads_too_little_for_its_tags_is_refused(tmp_path: Path) -> None:
    bundle = load_bundle(save_foreign_bundle(tmp_path / "m"))
    small = replace(bundle, model=bundle.model.model_copy(update={"max_length": 3}))
    with pytest.raises(ConfigError, match="reads 3 tokens, too few"):
        prefixes_for(small, tgt_lang="fr")
    with pytest.raises(ConfigError, match="reads 60 tokens, too few"):
        translator_of(tmp_path / "m").prefixed([5] * 59)


def test_a_text_is_split_into_sentences_in_every_script(tmp_path: Path) -> None:
    translator = translator_of(save_foreign_bundle(tmp_path / "m"), tgt_lang="de")
    by_sentence = translator.decoding_by(translator.decoding.model_copy(update={"split": "sentences"}))
    texts = ["The cat sat. A dog sings! Do birds?", "ខ្ញុំទៅ។អ្នកនៅ។", "The cat sat"]
    assert [found.n_segments for found in by_sentence.translate(texts)] == [3, 2, 1]
    found = by_sentence.translate(["The cat sat. A dog sings!"])[0]
    alone = by_sentence.translate(["The cat sat.", "A dog sings!"])
    log_prob = sum(each.log_prob for each in alone)
    assert found.log_prob == pytest.approx(log_prob, abs=1e-4)
    # Of each part the prefix counts in the length.
    lengths = [each.log_prob / each.score for each in alone]
    assert found.score == pytest.approx(log_prob / sum(lengths), abs=1e-4)
