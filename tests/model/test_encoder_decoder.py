import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.positions import sinusoidal_positions
from mtkit.settings.model import ModelConfig
from tests.model.conftest import BuildModel

SRC = torch.tensor([[4, 5, 6, 7, 3], [8, 9, 3, 0, 0], [4, 3, 0, 0, 0]])
SRC_PADDING = SRC == 0
TGT_IN = torch.tensor([[2, 4, 5, 6], [2, 7, 8, 9], [2, 4, 4, 10]])


def hidden(model: EncoderDecoder, src: Tensor, tgt_in: Tensor) -> Tensor:
    mask = src == 0
    return model(src, tgt_in, mask if mask.any() else None)


def test_embeddings_are_scaled_by_the_root_of_their_width(build_model: BuildModel) -> None:
    model = build_model()
    embedded = model.src_embedding(torch.tensor([[5, 6]]), start=1)
    rows = model.src_embedding.tokens.weight[[5, 6]] * math.sqrt(8) + sinusoidal_positions(3, 8)[1:]
    torch.testing.assert_close(embedded[0], rows)


class TestTies:
    def test_all_shares_one_matrix_between_both_embeddings_and_the_output(self, build_model: BuildModel) -> None:
        model = build_model(tie_embeddings="all")
        assert model.src_embedding.tokens.weight is model.tgt_embedding.tokens.weight
        assert model.output_weight is model.tgt_embedding.tokens.weight

    def test_decoder_shares_the_target_embedding_and_the_output(self, build_model: BuildModel) -> None:
        model = build_model(tie_embeddings="decoder", src_vocab_size=7)
        assert model.src_embedding.tokens.weight.shape == (7, 8)
        assert model.output_weight is model.tgt_embedding.tokens.weight

    def test_none_shares_nothing(self, build_model: BuildModel) -> None:
        model = build_model(tie_embeddings="none")
        weights = [model.src_embedding.tokens.weight, model.tgt_embedding.tokens.weight, model.output_weight]
        assert len({weight.data_ptr() for weight in weights}) == 3

    def test_inputs_shares_the_embeddings_alone(self, build_model: BuildModel) -> None:
        model = build_model(tie_embeddings="inputs")
        assert model.src_embedding.tokens.weight is model.tgt_embedding.tokens.weight
        assert model.output_weight is not model.tgt_embedding.tokens.weight

    def test_tied_matrices_are_counted_and_named_once(self, build_model: BuildModel) -> None:
        counts = {ties: build_model(tie_embeddings=ties).n_parameters() for ties in ("all", "decoder", "none")}
        assert counts["decoder"] - counts["all"] == counts["none"] - counts["decoder"] == 11 * 8
        assert len(dict(build_model(tie_embeddings="all").named_parameters())) + 2 == len(
            dict(build_model(tie_embeddings="none").named_parameters())
        )

    def test_a_shared_matrix_learns_from_both_ends(self, build_model: BuildModel) -> None:
        model = build_model(tie_embeddings="decoder")
        model.project(model(SRC, TGT_IN, SRC_PADDING)).sum().backward()
        gradient = model.tgt_embedding.tokens.weight.grad
        assert gradient is not None
        assert gradient[1].abs().sum() > 0  # token 1 is in no input: only the output projection reaches it


def test_the_output_bias_is_added_to_the_logits(build_model: BuildModel) -> None:
    model = build_model(output_bias=True)
    assert model.output_bias is not None
    assert model.output_bias.std() > 0
    states = torch.randn(3, 8)
    expected = states @ model.output_weight.t() + model.output_bias
    torch.testing.assert_close(model.project(states), expected)
    model.fix()
    torch.testing.assert_close(model.project(states), expected)


def test_a_scaled_output_is_divided_by_the_root_of_d_model(build_model: BuildModel) -> None:
    scaled, plain = build_model(scale_output=True), build_model()
    torch.testing.assert_close(hidden(scaled, SRC, TGT_IN), hidden(plain, SRC, TGT_IN) / math.sqrt(8))


def test_embeddings_are_normalised_with_their_positions(build_model: BuildModel) -> None:
    model = build_model(embedding_norm=True)
    norm = model.src_embedding.norm
    assert isinstance(norm, torch.nn.LayerNorm)
    assert norm is not model.tgt_embedding.norm
    rows = model.src_embedding.tokens.weight[[5, 6]] * math.sqrt(8) + sinusoidal_positions(3, 8)[1:]
    torch.testing.assert_close(model.src_embedding(torch.tensor([[5, 6]]), start=1)[0], norm(rows))


def test_a_side_shares_one_table_of_relative_positions(build_model: BuildModel) -> None:
    apart, shared = (build_model(positions="t5", shared_positions=shared) for shared in (False, True))
    tables = [name for name, _ in shared.named_parameters() if "positions" in name or "relative" in name]
    assert tables == ["encoder.positions.weight", "decoder.positions.weight"]
    assert apart.n_parameters() - shared.n_parameters() == 2 * 32 * 2
    encoder: Any = shared.encoder
    assert encoder.layers[1].self_attention.relative is encoder.positions
    shared.project(hidden(shared, SRC, TGT_IN)).sum().backward()
    gradients = [shared.get_parameter(name).grad for name in tables]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


def test_without_biases_normalisation_alone_has_them(build_model: BuildModel) -> None:
    names = [name for name, _ in build_model(bias=False).named_parameters() if name.endswith("bias")]
    assert names
    assert all("norm" in name for name in names)


class TestStart:
    """What the decoder reads first."""

    def gradient(self, start_id: int | None) -> Tensor:
        model = EncoderDecoder(
            ModelConfig(d_model=8, n_heads=2, d_ff=8, n_encoder_layers=1, n_decoder_layers=1, tie_embeddings="none"),
            src_vocab_size=11,
            tgt_vocab_size=11,
            pad_id=0,
            start_id=start_id,
        )
        with torch.no_grad():
            model.tgt_embedding.tokens.weight[0] = 1
        model(torch.tensor([[4, 3]]), torch.tensor([[0, 4, 5]])).square().sum().backward()
        gradient = model.tgt_embedding.tokens.weight.grad
        assert gradient is not None
        return gradient[0]

    def test_a_start_that_is_the_padding_learns(self) -> None:
        assert self.gradient(0).abs().sum() > 0

    def test_a_start_of_zeros_stays_zero(self) -> None:
        config = ModelConfig(d_model=8, n_heads=2, d_ff=8, n_encoder_layers=1, n_decoder_layers=1)  # tied to the output
        for zero in (True, False):
            model = EncoderDecoder(config, src_vocab_size=11, tgt_vocab_size=11, pad_id=0, start_id=0)
            weight = model.tgt_embedding.tokens.weight
            if zero:
                with torch.no_grad():
                    weight[0] = 0
            loss = model.project(model(torch.tensor([[4, 3]]), torch.tensor([[0, 4, 5]]))).logsumexp(-1).sum()
            (gradient,) = torch.autograd.grad(loss, [weight])
            assert bool(gradient[0].any()) != zero
            assert bool(gradient[1].any())

    def test_padding_that_is_read_nowhere_does_not(self) -> None:
        assert self.gradient(2).abs().sum() == 0
        assert self.gradient(None).abs().sum() == 0


def test_projection_is_the_product_with_the_output_matrix(build_model: BuildModel) -> None:
    model = build_model(tie_embeddings="none")
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(model.project(x), x @ model.output_weight.T)


def test_padding_has_a_zero_embedding(build_model: BuildModel) -> None:
    for ties in ("all", "decoder", "none"):
        model = build_model(tie_embeddings=ties)
        assert not model.src_embedding.tokens.weight[0].any()
        assert not model.tgt_embedding.tokens.weight[0].any()


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("fixed", [False, True])
def test_a_wide_model_computes_without_gradients_what_it_does_with_them(
    build_model: BuildModel, fixed: bool, activation: str
) -> None:
    """Wide enough for products that another library computes."""
    model = build_model(tgt_vocab_size=300, d_model=64, d_ff=512, activation=activation)
    src, tgt_in = torch.randint(4, 11, (128, 5)), torch.randint(4, 300, (128, 3))
    expected = model.project(hidden(model, src, tgt_in)).detach()
    if fixed:
        model.fix()
    with torch.inference_mode():
        torch.testing.assert_close(model.project(hidden(model, src, tgt_in)), expected, rtol=1e-4, atol=1e-4)
        state = model.start(model.encode(src), beam_size=1)
        steps = [model.project(model.step(tokens, state)) for tokens in tgt_in.unbind(1)]
        torch.testing.assert_close(torch.stack(steps, dim=1), expected, rtol=1e-4, atol=1e-4)
