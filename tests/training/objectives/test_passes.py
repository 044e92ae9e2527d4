"""The arithmetic of objectives, against what torch counts."""

from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mtkit.data.batches.batch import collate
from mtkit.data.tokens.special import OWN
from mtkit.settings.training import TrainingConfig
from mtkit.training.arithmetic import batch_flop, batch_flop_by_part
from mtkit.training.objectives.objective import objective_of
from mtkit.training.objectives.passes import Passes, passes_of
from tests.training.objectives.models import new_model

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "r_drop": {"consistency": {"method": "r_drop"}},
    "simcut": {"consistency": {"method": "simcut"}},
    **{
        f"{method}-{side}": {"adversarial": {"method": method, "side": side}}
        for method in ("fgm", "vat")
        for side in ("src", "tgt", "both")
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_passes_of_an_objective_are_what_torch_counts(kind: str) -> None:
    """Attention is spelt out in matrix products, which the counter sees; the batch has no padding."""
    training = TrainingConfig.model_validate(KINDS[kind])
    model = new_model(n_encoder_layers=6, n_decoder_layers=6, dropout=0.1)
    pairs = collate([[5, 6, 7, 8]] * 4, [[9, 10, 11]] * 4, OWN)
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        loss = objective_of(training, pad_id=0)(model, pairs)
        torch.autograd.grad(loss.total, list(model.parameters()), allow_unused=True)
    told = batch_flop(model, pairs, passes_of(training))
    # On the way to a move there are no weights, but the products of attention have two factors that take a gradient,
    # and the first layers of a side that is not moved none: both a small share of one pass in about eight.
    bound = 0.03 if kind.startswith(("fgm", "vat")) else 0.0
    assert abs(counter.get_total_flops() - told) <= bound * told


def test_the_parts_of_a_model_have_their_own_numbers() -> None:
    passes = Passes(encoder=1, decoder=10, projection=100, held=1)
    assert passes.flop({"encoder feed-forward": 1.0, "decoder layers": 2.0, "embedding": 3.0, "projection": 4.0}) == 451
    model, pairs = new_model(), collate([[5]], [[6]], OWN)
    assert batch_flop(model, pairs, Passes(3, 3, 3)) == 3 * sum(batch_flop_by_part(model, pairs).values())
