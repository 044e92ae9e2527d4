import pytest
import torch
from torch import Tensor

from mtkit.model.attention import MultiHeadAttention


@pytest.fixture
def attention() -> MultiHeadAttention:
    torch.manual_seed(0)
    attention = MultiHeadAttention(d_model=8, n_heads=2)
    for projection in (attention.q_proj, attention.kv_proj, attention.out_proj):
        torch.nn.init.normal_(projection.bias)
    return attention.eval()


@pytest.fixture
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


PADDING = torch.tensor([[False] * 4, [False, False, True, True]])


@pytest.mark.parametrize("mask", [None, PADDING])
def test_attention_to_a_memory_is_that_of_torch(
    attention: MultiHeadAttention, oracle: torch.nn.MultiheadAttention, mask: Tensor | None
) -> None:
    query, memory = torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    expected, _ = oracle(query, memory, memory, key_padding_mask=mask)
    torch.testing.assert_close(attention(query, memory, key_padding_mask=mask), expected)


def test_causal_self_attention_is_that_of_torch(
    attention: MultiHeadAttention, oracle: torch.nn.MultiheadAttention
) -> None:
    x = torch.randn(2, 4, 8)
    future = torch.ones(4, 4, dtype=torch.bool).triu(1)
    expected, _ = oracle(x, x, x, attn_mask=future)
    torch.testing.assert_close(attention(x, x, causal=True), expected)


def test_padded_keys_are_invisible(attention: MultiHeadAttention) -> None:
    query, memory = torch.randn(1, 3, 8), torch.randn(1, 4, 8)
    padded = torch.cat([memory, torch.full((1, 2, 8), 1e4)], dim=1)
    mask = torch.tensor([[False] * 4 + [True] * 2])
    torch.testing.assert_close(attention(query, padded, key_padding_mask=mask), attention(query, memory))


def test_future_keys_are_invisible(attention: MultiHeadAttention) -> None:
    x = torch.randn(1, 5, 8)
    changed = x.clone()
    changed[:, 3:] += 1.0
    before, after = attention(x, x, causal=True), attention(changed, changed, causal=True)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_two_masks_at_once_are_refused(attention: MultiHeadAttention) -> None:
    x = torch.randn(2, 4, 8)
    with pytest.raises(ValueError, match="causal or key_padding_mask, not both"):
        attention(x, x, causal=True, key_padding_mask=PADDING)


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    attention = MultiHeadAttention(8, 2, dropout=0.5)
    x = torch.randn(1, 4, 8)
    assert not torch.equal(attention(x, x), attention(x, x))
    attention.eval()
    assert torch.equal(attention(x, x), attention(x, x))
