import pytest
import torch

from mtkit.search.candidates import NOTHING, top_log_probs, top_tokens


@pytest.mark.parametrize("vocab_size", [5, 100, 4096, 5003, 8001])
@pytest.mark.parametrize("n", [1, 2, 6, 13])
def test_they_are_the_best_of_a_log_softmax(vocab_size: int, n: int) -> None:
    torch.manual_seed(n)
    logits = torch.randn(4, vocab_size) * 3
    logits[0, -1] = 40.0  # the very last column
    logits[1, ::7] += 5.0
    never = torch.tensor([0, 2])
    allowed = logits.log_softmax(-1).index_fill(1, never, -torch.inf)
    expected = allowed.topk(min(n, vocab_size))
    log_probs, ids = top_log_probs(logits, n, never=never)
    torch.testing.assert_close(log_probs, expected.values, rtol=1e-5, atol=1e-5)
    real = expected.values.isfinite()
    assert torch.equal(ids[real], expected.indices[real])


def test_large_logits_do_not_overflow() -> None:
    log_probs, ids = top_log_probs(torch.tensor([[900.0, 0.0, 800.0, 800.0]]), 2, never=torch.tensor([0]))
    torch.testing.assert_close(log_probs, torch.tensor([[-100.0, -100.0]]))
    assert set(ids[0].tolist()) == {2, 3}


def test_nan_has_no_probability() -> None:
    log_probs, _ = top_log_probs(torch.tensor([[1.0, float("nan"), 2.0], [1.0, 1.0, 1.0]]), 2, never=torch.tensor([0]))
    assert log_probs[0].tolist() == [-torch.inf, -torch.inf]
    torch.testing.assert_close(log_probs[1], torch.full((2,), -1.0986123))


@pytest.mark.parametrize("vocab_size", [5, 5003, 8001])
@pytest.mark.parametrize("n_rows", [1, 40])
def test_the_best_token_needs_no_probabilities(vocab_size: int, n_rows: int) -> None:
    torch.manual_seed(0)
    logits = torch.randn(n_rows, vocab_size)
    never = torch.tensor([0, 2])
    expected = top_log_probs(logits.clone(), 1, never=never)[1][:, 0]
    assert torch.equal(top_tokens(logits, never=never), expected)


def test_where_nothing_can_be_chosen_nothing_is() -> None:
    logits = torch.tensor([[1.0, float("nan"), 2.0], [5.0, -torch.inf, -torch.inf], [1.0, 2.0, 1.0]])
    assert top_tokens(logits, never=torch.tensor([0])).tolist() == [NOTHING, NOTHING, 1]
