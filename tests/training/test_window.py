import math

import pytest
import torch

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.training.objectives.loss import Loss
from mtkit.training.team import SOLO, Solo, Summed
from mtkit.training.window import Outcome, Window
from tests.training.teams import Twins

NAN = torch.tensor(math.nan)


def batch() -> Batch:
    return collate([[5, 6, 7], [8]], [[9, 10], [11]], OWN)


def loss(total: float, nll: float, n_tokens: int, **parts: float) -> Loss:
    tensors = {name: torch.tensor(part) for name, part in parts.items()}
    return Loss(torch.tensor(total, requires_grad=True), torch.tensor(nll), n_tokens, tensors)


def window() -> Window:
    """Two updates, the second of two micro-batches, in 2 seconds."""
    window = Window(torch.device("cpu"))
    window.add(loss(6.0, 3.0, 3, agreement=1.0), batch(), flop=10.0)
    window.close_update(torch.tensor(1.0))
    window.add(loss(4.0, 2.0, 2, agreement=3.0), batch(), flop=20.0)
    window.add(loss(10.0, 5.0, 5, agreement=1.0), batch(), flop=30.0)
    window.close_update(torch.tensor(2.0))
    window.seconds = 2.0
    return window


def test_sums_are_given_per_token_and_per_second_with_each_part_of_the_loss() -> None:
    summary = window().summary(10.0, SOLO)
    assert summary == {
        "loss_per_token": 2.0,
        "agreement_per_token": 0.5,
        "perplexity": pytest.approx(math.e),
        "grad_norm": 1.5,
        "src_tokens_per_second": 9.0,  # 6 with the ends of sentences, three times
        "tgt_tokens_per_second": 7.5,
        "mfu": 3.0,
        "data_wait_share": 0.0,
        "padding_share": pytest.approx(1 - 33 / 42),  # (2, 4) and (2, 3), three times
    }


def test_an_update_that_is_not_finite_is_noted_and_counts_for_no_mean() -> None:
    mixed = window()
    mixed.add(loss(math.nan, math.nan, 7, agreement=math.nan), batch(), flop=0.0)
    mixed.close_update(NAN)
    first, second, bad = mixed.take_outcomes(SOLO)
    assert (first, second) == (Outcome(True, 1.0), Outcome(True, 1.0))
    assert not bad.finite
    assert mixed.take_outcomes(SOLO) == []
    summary = mixed.summary(10.0, SOLO)
    assert (summary["loss_per_token"], summary["agreement_per_token"], summary["grad_norm"]) == (2.0, 0.5, 1.5)


def test_sums_keep_their_last_digits() -> None:
    long = Window(torch.device("cpu"))
    for total in (float(1 << 24), 1.0, 1.0):
        long.add(loss(total, 0.0, 1), batch(), flop=0.0)
        long.close_update(torch.tensor(1.0))
    long.seconds = 1.0
    assert 3 * long.summary(1.0, SOLO)["loss_per_token"] == (1 << 24) + 2


class Beside(Solo):
    """Beside a process with a loss of 40 and a likelihood of 5 nats on 5 tokens."""

    def sum(self, value: Summed) -> Summed:
        """The tensors of both."""
        if isinstance(value, list):
            value[0] += torch.tensor([40.0, 5.0, 5.0, 25.0])
        return value


def test_the_loss_is_the_mean_over_the_tokens_of_all_processes() -> None:
    summary = window().summary(10.0, Beside())
    assert summary["loss_per_token"] == 4.0
    assert summary["agreement_per_token"] == 2.0
    assert summary["perplexity"] == pytest.approx(math.e)
    assert summary["grad_norm"] == 1.5  # of the sum of all gradients


def test_two_processes_see_twice_the_tokens_at_the_same_loss() -> None:
    one, two = window().summary(10.0, SOLO), window().summary(10.0, Twins())
    doubled = {"src_tokens_per_second", "tgt_tokens_per_second"}
    assert two == {name: 2 * value if name in doubled else value for name, value in one.items()}
