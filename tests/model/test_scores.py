"""Score functions against their formulas, written out in NumPy one number at a time."""

import numpy as np
import pytest
import torch

from mtkit.model.scores import build_score

B, H, Q, L, E = 2, 3, 4, 5, 6
RNG = np.random.default_rng(0)
QUERIES, KEYS = RNG.normal(size=(B, H, Q, E)), RNG.normal(size=(B, H, L, E))


def scored(name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The scores that the module gives, and its weight."""
    torch.manual_seed(1)
    score = build_score(name, n_heads=H, per_head=E, max_length=9).double()
    weight = next(score.parameters(), None)
    with torch.no_grad():
        values = score(torch.from_numpy(QUERIES), torch.from_numpy(KEYS)).numpy()
    return values, None if weight is None else weight.detach().numpy()


def by_hand(name: str, weight: np.ndarray | None, b: int, h: int, i: int, j: int) -> float:
    q, k = QUERIES[b, h, i], KEYS[b, h, j]
    if weight is None:
        return sum(q * k) / (np.sqrt(E) if name == "scaled_dot" else 1)
    if name == "general":
        return sum(q[m] * weight[h, m, n] * k[n] for m in range(E) for n in range(E))
    if name == "additive":
        return sum(weight[h, m, 0] * np.tanh(q[m] + k[m]) for m in range(E))
    assert name == "location"
    return sum(q[m] * weight[h, m, j] for m in range(E))


@pytest.mark.parametrize("name", ["scaled_dot", "dot", "general", "additive", "location"])
def test_scores_are_those_of_the_formula(name: str) -> None:
    found, weight = scored(name)
    expected = [
        [[[by_hand(name, weight, b, h, i, j) for j in range(L)] for i in range(Q)] for h in range(H)] for b in range(B)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_location_scores_the_positions_that_it_is_told() -> None:
    torch.manual_seed(0)
    score = build_score("location", n_heads=1, per_head=E, max_length=9)
    queries, keys = torch.randn(1, 1, 2, E), torch.randn(1, 1, 3, E)
    at_once = score(queries, torch.randn(1, 1, 9, E))
    torch.testing.assert_close(score(queries, keys, torch.tensor([7, 0, 7])), at_once[..., [7, 0, 7]])
