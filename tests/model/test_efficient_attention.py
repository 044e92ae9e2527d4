"""Attention of linear cost against the quadratic formula that it stands for."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtkit.model.attention import CrossAttention, SelfAttention
from mtkit.model.efficient_attention import (
    LinearAttention,
    LinearCrossAttention,
    LinearSelfAttention,
    LocalAttention,
    LowRankCrossAttention,
    LowRankSelfAttention,
)
from mtkit.model.search_state import RowCache, SearchState
from mtkit.settings.model import ModelConfig

SIZES = {"d_model": 8, "n_heads": 2, "d_ff": 16, "max_length": 200, "window": 3, "low_rank_size": 5}
LENGTHS = torch.tensor([23, 11, 1])
PADDING = torch.arange(23) >= LENGTHS[:, None]


def config(**attention: object) -> ModelConfig:
    owner = {"encoder_attention": "local", "cross_attention": "low_rank"}
    return ModelConfig.model_validate(SIZES | owner | attention)


@pytest.mark.parametrize("positions", ["none", "rotary", "alibi", "t5"])
@pytest.mark.parametrize("causal", [True, False])
def test_local_attention_is_full_attention_with_what_is_far_hidden(causal: bool, positions: str) -> None:
    torch.manual_seed(0)
    local = LocalAttention(config(), causal=causal, positions=positions).eval()
    if positions == "t5":
        torch.nn.init.normal_(local.relative.weight)  # type: ignore[arg-type]
    x, at = torch.randn(3, 23, 8), torch.arange(23)
    found = local(x, PADDING)

    full = SelfAttention(config(), "scaled_dot", causal=causal, positions=positions).eval()
    full.load_state_dict(local.state_dict())
    distance = at[:, None] - at
    near = (distance <= 3) & (distance >= (0 if causal else -3))
    queries, (keys, values) = full.split(full.q_proj(x)), map(full.split, full.kv_proj(x).chunk(2, -1))
    queries, keys = full.relative.rotate(queries, at), full.relative.rotate(keys, at)
    mask = near & ~PADDING[:, None, None, :] | torch.eye(23, dtype=torch.bool)
    expected = full.attend(queries, keys, values, mask)
    torch.testing.assert_close(found[~PADDING], expected[~PADDING])
    assert found.isfinite().all()


def test_weights_of_local_attention_are_zero_beyond_the_window() -> None:
    local = LocalAttention(config(), causal=False, positions="none").eval()
    plain = local(x := torch.randn(3, 23, 8), PADDING)
    local.recorded = []
    torch.testing.assert_close(local(x, PADDING)[~PADDING], plain[~PADDING])
    (weights,) = local.recorded
    assert weights[0, 0, 10].nonzero().flatten().tolist() == [7, 8, 9, 10, 11, 12, 13]


def test_low_rank_attention_reads_mixtures_of_keys_and_values() -> None:
    torch.manual_seed(0)
    attention = LowRankSelfAttention(config()).eval()
    x = torch.randn(3, 23, 8)
    found = attention(x, PADDING)
    for row, length in enumerate(LENGTHS.tolist()):
        own = x[row, :length]
        q = attention.q_proj(own).view(length, 2, 4)
        k, v = attention.kv_proj(own).view(length, 2, 2, 4).unbind(1)
        heads = []
        for head in range(2):
            keys = attention.low_rank.keys.weight[:, :length] @ k[:, head]
            values = attention.low_rank.values.weight[:, :length] @ v[:, head]
            heads.append((q[:, head] @ keys.T / 2).softmax(-1) @ values)
        torch.testing.assert_close(found[row, :length], attention.out_proj(torch.cat(heads, dim=-1)))


def test_low_rank_attention_to_the_source_is_full_attention_where_nothing_is_mixed() -> None:
    torch.manual_seed(0)
    low = LowRankCrossAttention(config(low_rank_size=200)).eval()
    full = CrossAttention(config(), "scaled_dot").eval()
    full.load_state_dict({name: weight for name, weight in low.state_dict().items() if "low_rank" not in name})
    for mixing in (low.low_rank.keys, low.low_rank.values):
        torch.nn.init.eye_(mixing.weight)
    x, memory = torch.randn(1, 4, 8), torch.randn(1, 200, 8)
    torch.testing.assert_close(low(x, memory), full(x, memory))


def test_a_sequence_longer_than_the_projection_is_refused() -> None:
    with pytest.raises(ValueError, match="201 tokens are too many for attention low_rank, whose projection has 200"):
        LowRankSelfAttention(config())(torch.randn(1, 201, 8))


def by_formula(attention: LinearAttention, x: Tensor, memory: Tensor, hidden: Tensor) -> Tensor:
    """Weights phi(q) phi(k) over their sum, one row at a time; ``hidden`` (Q, L) is True where a key is not seen."""
    q = (F.elu(attention.q_proj(x)) + 1).view(-1, 2, 4)
    k, v = attention.kv_proj(memory).view(-1, 2, 2, 4).unbind(1)
    k = F.elu(k) + 1
    weights = torch.einsum("qhe,lhe->hql", q, k).masked_fill(hidden, 0)
    weights = weights / weights.sum(-1, keepdim=True)
    return attention.out_proj(torch.einsum("hql,lhe->qhe", weights, v).flatten(1))


@pytest.mark.parametrize("length", [23, 64, 150])
@pytest.mark.parametrize("causal", [True, False])
def test_linear_attention_is_the_quadratic_formula(causal: bool, length: int) -> None:
    torch.manual_seed(0)
    attention = LinearSelfAttention(config(), causal=causal).eval()
    x = torch.randn(2, length, 8)
    future = torch.ones(length, length, dtype=torch.bool).triu(1) if causal else torch.zeros(length, length).bool()
    expected = torch.stack([by_formula(attention, row, row, future) for row in x])
    torch.testing.assert_close(attention(x), expected, rtol=1e-4, atol=1e-5)


def test_linear_attention_keeps_small_features_apart() -> None:
    """Far below zero elu(x) + 1 rounds to zero, and a query would be answered with nothing."""
    torch.manual_seed(0)
    attention = LinearSelfAttention(config(), causal=False).eval()
    torch.nn.init.constant_(attention.q_proj.bias, -20.0)
    x = torch.randn(1, 9, 8)
    attention.recorded = []
    found = attention(x)[0]
    queries = attention.q_proj(x[0]).double().view(9, 2, 4).exp()  # all are far below zero
    keys, values = attention.kv_proj(x[0]).double().view(9, 2, 2, 4).unbind(1)
    keys = F.elu(keys) + 1
    weights = torch.einsum("qhe,lhe->hql", queries, keys)
    expected = weights / weights.sum(-1, keepdim=True)
    torch.testing.assert_close(attention.recorded[0][0].double(), expected, rtol=1e-4, atol=1e-6)
    mixed = torch.einsum("hql,lhe->qhe", expected, values).flatten(1).float()
    torch.testing.assert_close(found, attention.out_proj(mixed), rtol=1e-4, atol=1e-5)


def test_the_sums_of_a_long_search_do_not_stall_in_half_precision() -> None:
    torch.manual_seed(0)
    attention = LinearSelfAttention(config(), causal=True).eval()
    x = torch.randn(2, 600, 8)
    cache, state = RowCache(), SearchState([], 2, 1, x.device, torch.bfloat16)
    with torch.inference_mode():
        expected = attention(x)[:, -1]
        with torch.autocast("cpu", torch.bfloat16):
            for token in x.unbind(1):
                found = attention.step(token, cache, state)
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.01)


def test_linear_attention_to_the_source_is_the_quadratic_formula() -> None:
    torch.manual_seed(0)
    attention = LinearCrossAttention(config()).eval()
    x, memory = torch.randn(3, 4, 8), torch.randn(3, 23, 8)
    attention.recorded = []
    found = attention(x, memory, PADDING)
    for row in range(3):
        hidden = PADDING[row].expand(4, 23)
        torch.testing.assert_close(found[row], by_formula(attention, x[row], memory[row], hidden))
    (weights,) = attention.recorded
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 4))
    assert not weights[1, :, :, 11:].any()
