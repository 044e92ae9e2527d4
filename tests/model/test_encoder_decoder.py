import math

import pytest
import torch
from torch import Tensor

from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.positions import sinusoidal_positions
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
