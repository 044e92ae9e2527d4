import pytest
import torch

from mtkit.data.tokens.special import OWN
from mtkit.inspection.history import History, path
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions
from tests.search.stub import EOS, TableModel

K, VOCAB, LENGTH = 3, 7, 6


def searched(seed: int, *, n_best: int = K) -> tuple[TableModel, History, list[tuple[int, ...]], list[float]]:
    """A model, the history of a search with it, and what the search found, best first, with the end of sentence."""
    model, history = TableModel(seed, vocab_size=VOCAB), History(beam_size=K, eos_id=EOS)
    options = SearchOptions(K, n_best, length_penalty=1.0, max_length_ratio=1.0, max_length_offset=0)
    src = torch.tensor([[10, *[5] * (LENGTH - 2), EOS]])
    found = beam_search(model, src, options, special=OWN, max_length=100, observer=history)[0]
    return model, history, [(*h.ids, EOS) if h.finished else tuple(h.ids) for h in found], [h.log_prob for h in found]


def spelt(history: History, number: int | None) -> tuple[int, ...]:
    if number is None:
        return ()
    node = history.nodes[number]
    return (*spelt(history, node.parent), node.token_id)


@pytest.mark.parametrize("seed", range(6))
def test_every_hypothesis_is_a_path(seed: int) -> None:
    _, history, found, log_probs = searched(seed)
    for tokens, log_prob in zip(found, log_probs, strict=True):
        numbers = path(history.nodes, tokens)
        assert len(numbers) == len(tokens)
        assert spelt(history, numbers[-1]) == tokens
        last = history.nodes[numbers[-1]]
        assert last.log_prob == pytest.approx(log_prob, abs=1e-5)
        assert last.fate == ("finished" if tokens[-1] == EOS else "live")
        assert all(history.nodes[number].fate == "live" for number in numbers[:-1])


@pytest.mark.parametrize("seed", range(6))
def test_each_step_weighs_the_best_continuations_of_all_that_live(seed: int) -> None:
    """Oracle: every continuation of the live hypotheses, from the model's table."""
    model, history, _, _ = searched(seed)
    live: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for step in range(1, max(node.step for node in history.nodes) + 1):
        grown = [
            ((*prefix, token), total + log_prob)
            for prefix, total in live
            for token, log_prob in enumerate(model.log_probs(10, prefix))
            if log_prob > float("-inf")
        ]
        grown.sort(key=lambda pair: pair[1], reverse=True)
        numbers = [number for number, node in enumerate(history.nodes) if node.step == step]
        assert [spelt(history, number) for number in numbers] == [tokens for tokens, _ in grown[: len(numbers)]]
        assert len(numbers) == min(2 * K, len(live) * (K + 1))
        assert [history.nodes[n].log_prob for n in numbers] == pytest.approx(
            [t for _, t in grown[: len(numbers)]], abs=1e-4
        )
        assert [history.nodes[n].place for n in numbers] == list(range(1, len(numbers) + 1))
        fates = {spelt(history, number): history.nodes[number].fate for number in numbers}
        expected = {tokens for tokens, _ in grown[:K] if tokens[-1] == EOS}
        assert {tokens for tokens, fate in fates.items() if fate == "finished"} == expected
        going = [(tokens, total) for tokens, total in grown if tokens[-1] != EOS][:K]
        assert [tokens for tokens, fate in fates.items() if fate == "live"] == [tokens for tokens, _ in going]
        assert list(fates.values()).count("pruned") == len(numbers) - len(expected) - len(going)
        live = going


def test_a_path_ends_where_the_search_did_not_follow() -> None:
    _, history, found, _ = searched(0)
    unknown = next(token for token in range(50, 60))
    numbers = path(history.nodes, (*found[0][:2], unknown, *found[0][2:]))
    assert [history.nodes[number].token_id for number in numbers] == list(found[0][:2])
    assert path(history.nodes, (unknown,)) == []
    assert path(history.nodes, ()) == []


@pytest.mark.parametrize("seed", range(6))
def test_asking_for_more_hypotheses_does_not_change_the_best(seed: int) -> None:
    assert searched(seed, n_best=1)[2] == searched(seed)[2][:1]
