import math
from pathlib import Path

import pytest
import torch

from mtkit.errors import DataError
from mtkit.forced.contrast import Tally, contrast
from mtkit.forced.scorer import Scorer
from mtkit.translation.translator import Translator
from tests.tiny import LINES, save_tiny_bundle

pytestmark = pytest.mark.processor


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture(scope="module")
def scorer(bundle: Path) -> Scorer:
    return Scorer.load(bundle, device="cpu", threads=1)


def test_the_best_translations_score_as_the_search_scored_them(bundle: Path, scorer: Scorer) -> None:
    translator = Translator.load(bundle, engine="torch", device="cpu", threads=1)
    translations = translator.translate(LINES, n_best=3)
    pieces = scorer.tokenizer.tgt_pieces
    n_compared = 0
    for line, translation in zip(LINES, translations, strict=True):
        src_ids = scorer.tokenizer.encode_src([line])
        for candidate in translation.n_best:
            if translation.n_segments == 1 and candidate.finished:
                (found,) = scorer.score_ids(src_ids, [[pieces.index(token) for token in candidate.tokens]])
                assert found is not None
                assert found.log_prob == pytest.approx(candidate.log_prob, abs=1e-4)
                assert found.score == pytest.approx(candidate.score, abs=1e-4)
                n_compared += 1
    assert n_compared > 2


def test_scores_are_those_of_float32_on_every_processor(bundle: Path, scorer: Scorer) -> None:
    assert scorer.description == "cpu, 1 thread, fp32"
    assert Scorer.load(bundle, device="cpu", precision="auto", threads=1).description == scorer.description
    assert Scorer.load(bundle, device="cpu", precision="bf16", threads=1).description == "cpu, 1 thread, bf16"


def test_each_pair_is_scored_by_itself_whatever_stands_beside_it(scorer: Scorer) -> None:
    together = scorer.score(LINES, LINES[::-1])
    for found, src, tgt in zip(together, LINES, LINES[::-1], strict=True):
        (alone,) = scorer.score([f"  {src} "], [f"{tgt}  "])
        assert found is not None
        assert alone is not None
        assert found.tokens == alone.tokens
        assert found.tokens[-1] == "</s>"
        assert found.token_log_probs == pytest.approx(alone.token_log_probs, abs=1e-4)
        assert len(found.tokens) == len(found.token_log_probs)


def test_several_threads_score_as_one_does(bundle: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = LINES * 8
    alone = scorer.score(lines, lines)
    monkeypatch.setattr("mtkit.forced.scorer._BATCH_TOKENS", 60)
    try:
        together = Scorer.load(bundle, device="cpu", threads=2).score(lines, lines)
    finally:
        torch.set_num_threads(1)
    for one, two in zip(alone, together, strict=True):
        assert one is not None
        assert two is not None
        assert two.log_prob == pytest.approx(one.log_prob, abs=1e-3)


def test_a_blank_side_is_a_sentence_of_no_tokens(scorer: Scorer) -> None:
    (found,) = scorer.score([""], [" "])
    assert found is not None
    assert found.tokens == ["</s>"]
    assert found.log_prob < 0


def test_a_pair_longer_than_the_model_reads_has_no_score(scorer: Scorer) -> None:
    longest = scorer.model.config.max_length
    found = scorer.score_ids([[5] * (longest - 1), [5] * longest, [5]], [[5], [5], [5] * longest])
    assert [one is None for one in found] == [False, True, True]


def test_sides_must_be_as_long(scorer: Scorer) -> None:
    with pytest.raises(DataError, match="2 source segments but 1 translations"):
        scorer.score(["a", "b"], ["a"])


@pytest.mark.parametrize("normalize", [False, True])
def test_the_likelier_translation_wins(scorer: Scorer, tmp_path: Path, normalize: bool) -> None:
    src, one, other = LINES[:3]
    first, second = scorer.score([src, src], [one, other])
    assert first is not None
    assert second is not None
    one_wins = first.score > second.score if normalize else first.log_prob > second.log_prob
    rows = [f"{src}\t{one}\t{other}\tgender", f"{src}\t{other}\t{one}\tnumber", f"{src}\t{one}\t{one}\tnumber"]
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{row}\n" for row in rows))
    tally = Tally()
    for row in contrast(scorer, path, normalize=normalize):
        tally.add(row)
    found = tally.totals()
    assert [(c.kind, c.n, c.n_right, c.n_tied) for c in found] == [
        ("all", 3, 1, 1),
        ("gender", 1, int(one_wins), 0),
        ("number", 2, int(not one_wins), 1),
    ]
    assert math.isclose(found[0].accuracy, 1 / 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), ("a\tb\tc\na\tb\n", ":2: 2 columns; expected"), ("a\tb\tc\td\te\n", ":1: 5 columns")],
)
def test_a_contrastive_file_that_is_none_is_one_line(scorer: Scorer, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        list(contrast(scorer, path, normalize=False))
