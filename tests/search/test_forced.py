import math

import pytest
import torch

from mtkit.data.batches.batch import collate
from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search import forced
from mtkit.search.beam import beam_search
from mtkit.search.forced import predictions, token_log_probs
from mtkit.search.hypothesis import SearchOptions
from tests.model.combinations import COMBINATIONS
from tests.model.conftest import BuildModel, build_model

__all__ = ["build_model"]

SOURCES = [[4, 5, 6, 7, 8], [9, 4], [5, 5, 10]]
BOS, EOS = 2, 3


def forced_rows(model: EncoderDecoder, sources: list[list[int]], targets: list[list[int]]) -> torch.Tensor:
    pairs = collate(sources, targets, OWN)
    return token_log_probs(model, pairs.src, pairs.tgt_in, pairs.tgt_out)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_what_a_search_found_has_the_same_log_prob_when_it_is_forced(name: str, build_model: BuildModel) -> None:
    model = build_model(**COMBINATIONS[name])
    src = collate(SOURCES, SOURCES, OWN).src
    options = SearchOptions(beam_size=4, n_best=3, length_penalty=1.0, max_length_ratio=1.0, max_length_offset=2)
    found = beam_search(model, src, options, special=OWN, max_length=20)
    sources = [source for source, n_best in zip(SOURCES, found, strict=True) for _ in n_best]
    hypotheses = [hypothesis for n_best in found for hypothesis in n_best]
    assert len(hypotheses) == 3 * len(SOURCES)
    rows = forced_rows(model, sources, [hypothesis.ids for hypothesis in hypotheses])
    for row, hypothesis in zip(rows, hypotheses, strict=True):
        n_tokens = len(hypothesis.ids) + hypothesis.finished
        assert float(row[:n_tokens].sum()) == pytest.approx(hypothesis.log_prob, abs=1e-4)


def test_a_token_has_the_share_that_a_softmax_gives_it(
    build_model: BuildModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forced, "_ROWS", 2)  # several pieces of work even here
    model = build_model()
    targets = [[4, 5], [6, 7, 8, 9], []]
    rows = forced_rows(model, SOURCES, targets)
    assert rows.shape == (3, 5)
    for row, source, target in zip(rows, SOURCES, targets, strict=True):
        logits = model.project(model(torch.tensor([[*source, EOS]]), torch.tensor([[BOS, *target]])))[0].detach()
        expected = [float(logits[i].log_softmax(-1)[token]) for i, token in enumerate([*target, EOS])]
        assert row.tolist()[: len(expected)] == pytest.approx(expected, abs=1e-4)
        assert row.tolist()[len(expected) :] == [0.0] * (5 - len(expected))


def test_predictions_name_the_most_probable_tokens_beside_the_one_that_stands_there(
    build_model: BuildModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forced, "_ROWS", 2)  # several pieces of work even here
    model = build_model()
    pair = collate(SOURCES[:1], [[6, 7, 8, 9]], OWN)
    found = predictions(model, pair.src, pair.tgt_in, pair.tgt_out, 3)
    torch.testing.assert_close(found.log_probs, token_log_probs(model, pair.src, pair.tgt_in, pair.tgt_out)[0])
    rows = model.project(model(pair.src, pair.tgt_in))[0].detach().double().log_softmax(-1).tolist()
    for i, (row, token) in enumerate(zip(rows, [6, 7, 8, 9, EOS], strict=True)):
        order = sorted(range(len(row)), key=row.__getitem__, reverse=True)
        assert found.top_ids[i].tolist() == order[:3]
        assert found.top_log_probs[i].tolist() == pytest.approx([row[other] for other in order[:3]], abs=1e-4)
        assert int(found.ranks[i]) == order.index(token) + 1
        assert float(found.entropies[i]) == pytest.approx(-sum(math.exp(v) * v for v in row), abs=1e-4)
    assert predictions(model, pair.src, pair.tgt_in, pair.tgt_out, 99).top_ids.shape == (5, 11)
