"""Positions against direct, slow versions of their definitions."""

import cmath
import math

import pytest
import torch

from mtkit.model.positions import Alibi, Bucketed, Rotary, Shaw, alibi_slopes, sinusoidal_positions, t5_buckets

AT, OF = torch.tensor([3, 27]), torch.tensor([0, 3, 4, 30])


def test_sinusoidal_positions_are_those_worked_out_by_hand() -> None:
    # D = 4: frequencies 1 and 10000^(-2/4) = 0.01; sine and cosine in turn.
    expected = [
        [0.0, 1.0, 0.0, 1.0],
        [0.841471, 0.540302, 0.0099998, 0.99995],
        [0.909297, -0.416147, 0.0199987, 0.9998],
    ]
    torch.testing.assert_close(sinusoidal_positions(3, 4), torch.tensor(expected), rtol=0, atol=1e-6)


def test_halves_are_the_same_numbers_with_all_sines_first() -> None:
    found = sinusoidal_positions(7, 6, "halves")
    interleaved = sinusoidal_positions(7, 6)
    assert torch.equal(found, torch.cat([interleaved[:, 0::2], interleaved[:, 1::2]], dim=1))


def test_fairseq_counts_from_2_and_has_wavelengths_up_to_the_largest() -> None:
    # D = 6: exponents 0, 1/2 and 1 of 1/10000, where the other layouts have 0, 1/3 and 2/3.
    found = sinusoidal_positions(3, 6, "fairseq")
    for row, position in enumerate([2, 3, 4]):
        angles = [position * frequency for frequency in (1, 0.01, 0.0001)]
        expected = [*map(math.sin, angles), *map(math.cos, angles)]
        torch.testing.assert_close(found[row], torch.tensor(expected), rtol=0, atol=1e-6)


def test_rotary_multiplies_complex_numbers_by_a_unit_of_the_position() -> None:
    torch.manual_seed(0)
    x, positions = torch.randn(1, 2, 3, 6, dtype=torch.float64), [0, 2, 11]
    found = Rotary(6).double().rotate(x, torch.tensor(positions))
    for head in range(2):
        for row, position in enumerate(positions):
            for pair in range(3):
                number = complex(x[0, head, row, 2 * pair], x[0, head, row, 2 * pair + 1])
                turned = number * cmath.exp(1j * position * 10_000 ** (-2 * pair / 6))
                assert complex(*found[0, head, row, 2 * pair : 2 * pair + 2]) == pytest.approx(turned, abs=1e-6)


def test_rotary_products_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    rotary, (q, k) = Rotary(8), torch.randn(2, 1, 1, 1, 8)
    near = rotary.rotate(q, torch.tensor([7])) @ rotary.rotate(k, torch.tensor([4])).mT
    far = rotary.rotate(q, torch.tensor([103])) @ rotary.rotate(k, torch.tensor([100])).mT
    other = rotary.rotate(q, torch.tensor([104])) @ rotary.rotate(k, torch.tensor([100])).mT
    torch.testing.assert_close(near, far, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(near, other, rtol=1e-3, atol=1e-4)


def test_alibi_slopes_are_those_of_the_paper() -> None:
    assert alibi_slopes(8) == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]
    assert alibi_slopes(1) == [1 / 256]
    # No power of two: those of 4 heads, then the first, third, ... of 8.
    assert alibi_slopes(6) == [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]


def test_alibi_lowers_scores_by_the_distance() -> None:
    bias = Alibi(2).bias(torch.zeros(1, 2, 2, 4), AT, OF)
    expected = [[[-slope * abs(i - j) for j in OF.tolist()] for i in AT.tolist()] for slope in (1 / 16, 1 / 256)]
    torch.testing.assert_close(bias, torch.tensor(expected))


def bucket(distance: int, *, causal: bool) -> int:
    """The definition, one distance (key minus query) at a time: 32 buckets, logarithmic up to 128."""
    n, offset = 32, 0
    if causal:
        distance = max(-distance, 0)
    else:
        n, offset, distance = 16, 16 if distance > 0 else 0, abs(distance)
    if distance < n // 2:
        return offset + distance
    step = math.floor(math.log(distance / (n // 2)) / math.log(128 / (n // 2)) * (n - n // 2) + 1e-9)
    return offset + min(n // 2 + step, n - 1)


@pytest.mark.parametrize("causal", [True, False])
def test_buckets_are_those_of_the_definition(causal: bool) -> None:
    distances = torch.arange(-200, 201)
    expected = [bucket(distance, causal=causal) for distance in distances.tolist()]
    assert t5_buckets(distances, causal=causal).tolist() == expected


def test_bucketed_bias_is_looked_up_by_head_and_distance() -> None:
    positions = Bucketed(3, causal=False)
    torch.nn.init.normal_(positions.weight)
    bias = positions.bias(torch.zeros(1, 3, 2, 4), AT, OF)
    for head in range(3):
        for row, i in enumerate(AT.tolist()):
            for column, j in enumerate(OF.tolist()):
                assert bias[head, row, column] == positions.weight[bucket(j - i, causal=False), head]


def test_shaw_adds_vectors_of_clipped_distances_to_keys_and_values() -> None:
    torch.manual_seed(0)
    shaw = Shaw(5)
    queries, weights = torch.randn(2, 3, 2, 5), torch.rand(2, 3, 2, 4)
    bias, values = shaw.bias(queries, AT, OF), shaw.values(weights, AT, OF)
    for b in range(2):
        for h in range(3):
            for row, i in enumerate(AT.tolist()):
                index = [min(max(j - i, -16), 16) + 16 for j in OF.tolist()]
                scores = torch.stack([queries[b, h, row] @ shaw.key_vectors[n] for n in index]) / math.sqrt(5)
                torch.testing.assert_close(bias[b, h, row], scores)
                mixed = sum(w * shaw.value_vectors[n] for w, n in zip(weights[b, h, row], index, strict=True))
                torch.testing.assert_close(values[b, h, row], mixed)
