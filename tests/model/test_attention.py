from typing import TypeVar

import pytest
import torch
from torch import Tensor

from mtkit.model.attention import CrossAttention, MultiHeadAttention, SelfAttention
from mtkit.settings.model import ModelConfig

A = TypeVar("A", bound=MultiHeadAttention)
SIZES = {"d_model": 8, "n_heads": 2, "d_ff": 16, "max_length": 20}
CONFIG = ModelConfig.model_validate(SIZES)
PADDING = torch.tensor([[False] * 4, [False, False, True, True]])


def built(attention: A) -> A:
    torch.manual_seed(0)
    for projection in (attention.q_proj, attention.kv_proj, attention.out_proj):
        torch.nn.init.normal_(projection.weight, std=0.5)
        torch.nn.init.normal_(projection.bias)
    return attention.eval()


def oracle(attention: MultiHeadAttention) -> torch.nn.MultiheadAttention:
    """nn.MultiheadAttention with the same weights."""
    oracle = torch.nn.MultiheadAttention(8, 2, batch_first=True).eval()
    state = {
        "in_proj_weight": torch.cat([attention.q_proj.weight, attention.kv_proj.weight]),
        "in_proj_bias": torch.cat([attention.q_proj.bias, attention.kv_proj.bias]),
        "out_proj.weight": attention.out_proj.weight,
        "out_proj.bias": attention.out_proj.bias,
    }
    oracle.load_state_dict(state)
    return oracle


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("mask", [None, PADDING])
def test_attention_to_a_memory_is_that_of_torch(mask: Tensor | None, recorded: bool) -> None:
    attention = built(CrossAttention(CONFIG, "scaled_dot"))
    attention.recorded = [] if recorded else None
    query, memory = torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    expected, weights = oracle(attention)(query, memory, memory, key_padding_mask=mask, average_attn_weights=False)
    torch.testing.assert_close(attention(query, memory, mask), expected)
    if recorded:
        torch.testing.assert_close(attention.recorded, [weights])


@pytest.mark.parametrize("recorded", [False, True])
def test_causal_self_attention_is_that_of_torch(recorded: bool) -> None:
    attention = built(SelfAttention(CONFIG, "scaled_dot", causal=True))
    attention.recorded = [] if recorded else None
    x = torch.randn(2, 4, 8)
    future = torch.ones(4, 4, dtype=torch.bool).triu(1)
    expected, _ = oracle(attention)(x, x, x, attn_mask=future)
    torch.testing.assert_close(attention(x), expected)


@pytest.mark.parametrize("recorded", [False, True])
def test_self_attention_with_padding_is_that_of_torch(recorded: bool) -> None:
    attention = built(SelfAttention(CONFIG, "scaled_dot"))
    attention.recorded = [] if recorded else None
    x = torch.randn(2, 4, 8)
    expected, _ = oracle(attention)(x, x, x, key_padding_mask=PADDING)
    torch.testing.assert_close(attention(x, PADDING), expected)


@pytest.mark.parametrize("n_kv_heads", [1, 2])
def test_grouped_heads_are_full_heads_with_equal_keys_and_values(n_kv_heads: int) -> None:
    config = ModelConfig.model_validate(SIZES | {"n_heads": 4, "n_kv_heads": n_kv_heads})
    grouped = built(SelfAttention(config, "scaled_dot"))
    full = built(SelfAttention(ModelConfig.model_validate(SIZES | {"n_heads": 4}), "scaled_dot"))
    full.q_proj, full.out_proj = grouped.q_proj, grouped.out_proj
    rows = grouped.kv_proj.weight.unflatten(0, (2, n_kv_heads, 2)).repeat_interleave(4 // n_kv_heads, dim=1)
    bias = grouped.kv_proj.bias.unflatten(0, (2, n_kv_heads, 2)).repeat_interleave(4 // n_kv_heads, dim=1)
    full.kv_proj.weight.data, full.kv_proj.bias.data = rows.flatten(0, 2), bias.flatten()
    x = torch.randn(2, 4, 8)
    torch.testing.assert_close(grouped(x, PADDING), full(x, PADDING))


@pytest.mark.parametrize("positions", ["alibi", "t5"])
def test_a_bias_of_positions_is_added_to_the_scores(positions: str) -> None:
    attention = built(SelfAttention(CONFIG, "scaled_dot", positions=positions))
    if positions == "t5":
        torch.nn.init.normal_(attention.relative.weight)  # type: ignore[arg-type]
    x, at = torch.randn(2, 4, 8), torch.arange(4)
    bias = attention.relative.bias(x[:, None], at, at)  # (H, Q, L)
    assert bias is not None
    blocked = PADDING[:, None, None, :].float() * -1e9
    mask = (bias + blocked).flatten(0, 1)  # (B * H, Q, L)
    expected, _ = oracle(attention)(x, x, x, attn_mask=mask)
    torch.testing.assert_close(attention(x, PADDING), expected)


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    for score in ("scaled_dot", "additive"):
        attention = SelfAttention(ModelConfig.model_validate(SIZES | {"attention_dropout": 0.5}), score)
        x = torch.randn(1, 4, 8)
        assert not torch.equal(attention(x), attention(x))
        attention.eval()
        assert torch.equal(attention(x), attention(x))
