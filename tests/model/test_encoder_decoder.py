import math

import pytest
import torch
from torch import Tensor

from mtkit.model.encoder_decoder import EncoderDecoder, sinusoidal_positions
from tests.model.conftest import BuildModel

SRC = torch.tensor([[4, 5, 6, 7, 3], [8, 9, 3, 0, 0], [4, 3, 0, 0, 0]])
SRC_PADDING = SRC == 0
TGT_IN = torch.tensor([[2, 4, 5, 6], [2, 7, 8, 9], [2, 4, 4, 10]])


def hidden(model: EncoderDecoder, src: Tensor, tgt_in: Tensor) -> Tensor:
    mask = src == 0
    return model(src, tgt_in, mask if mask.any() else None)


def test_sinusoidal_positions_are_those_worked_out_by_hand() -> None:
    # D = 4: frequencies 1 and 10000^(-2/4) = 0.01; sine and cosine in turn.
    expected = [
        [0.0, 1.0, 0.0, 1.0],
        [0.841471, 0.540302, 0.0099998, 0.99995],
        [0.909297, -0.416147, 0.0199987, 0.9998],
    ]
    torch.testing.assert_close(sinusoidal_positions(3, 4), torch.tensor(expected), rtol=0, atol=1e-6)


def test_embeddings_are_scaled_by_the_root_of_their_width(build_model: BuildModel) -> None:
    model = build_model()
    embedded = model.src_embedding(torch.tensor([[5, 6]]), start=1)
    rows = model.src_embedding.tokens.weight[[5, 6]] * math.sqrt(8) + sinusoidal_positions(3, 8)[1:]
    torch.testing.assert_close(embedded[0], rows)


@pytest.mark.parametrize("norm", ["pre", "post"])
class TestInvariants:
    def test_padding_is_invisible(self, build_model: BuildModel, norm: str) -> None:
        model = build_model(norm=norm)
        wider = torch.cat([SRC, torch.zeros(3, 2, dtype=torch.long)], dim=1)
        torch.testing.assert_close(hidden(model, wider, TGT_IN), hidden(model, SRC, TGT_IN))

    def test_other_sentences_of_the_batch_are_invisible(self, build_model: BuildModel, norm: str) -> None:
        model = build_model(norm=norm)
        together = hidden(model, SRC, TGT_IN)
        for row, length in enumerate([5, 3, 2]):
            alone = hidden(model, SRC[row : row + 1, :length], TGT_IN[row : row + 1])
            torch.testing.assert_close(together[row : row + 1], alone)

    def test_the_future_is_invisible(self, build_model: BuildModel, norm: str) -> None:
        model = build_model(norm=norm)
        changed = TGT_IN.clone()
        changed[:, 2] = 10
        before, after = hidden(model, SRC, TGT_IN), hidden(model, SRC, changed)
        torch.testing.assert_close(before[:, :2], after[:, :2])
        assert not torch.allclose(before[:, 2:], after[:, 2:])

    def test_decoding_step_by_step_is_decoding_at_once(self, build_model: BuildModel, norm: str) -> None:
        model = build_model(norm=norm)
        tgt_in = torch.randint(4, 11, (3, 70))  # longer than the cache is at first
        memory = model.encode(SRC, SRC_PADDING)
        state = model.start(memory)
        steps = torch.stack([model.step(tokens, state) for tokens in tgt_in.unbind(1)], dim=1)
        torch.testing.assert_close(steps, model.decode(tgt_in, memory), rtol=0, atol=1e-5)

    def test_rows_of_one_sentence_decode_as_sentences_of_their_own(self, build_model: BuildModel, norm: str) -> None:
        model = build_model(norm=norm)
        state = model.start(model.encode(SRC, SRC_PADDING), beam_size=2)
        tgt_in = torch.randint(4, 11, (6, 3))
        for tokens in tgt_in.unbind(1):
            last = model.step(tokens, state)
        repeated = SRC.repeat_interleave(2, dim=0)
        torch.testing.assert_close(last, hidden(model, repeated, tgt_in)[:, -1])


class TestSelect:
    """What remains after rows are kept, dropped and reordered is what would have been decoded from the start."""

    def decoded(self, model: EncoderDecoder, parents: list[list[int]], *, beam_size: int) -> tuple[Tensor, Tensor]:
        """Two tokens, a selection, two tokens more, another selection that turns the beams round, one token more."""
        sentences = [line[0] // beam_size for line in parents]
        state = model.start(model.encode(SRC, SRC_PADDING), beam_size)
        prefix = torch.randint(4, 11, (3 * beam_size, 2))
        for tokens in prefix.unbind(1):
            model.step(tokens, state)
        selected = torch.tensor(parents)
        state.select(selected)
        prefix = torch.cat([prefix[selected.flatten()], torch.randint(4, 11, (selected.numel(), 2))], dim=1)
        for tokens in prefix[:, 2:].unbind(1):
            model.step(tokens, state)
        turned = torch.arange(selected.numel()).view(selected.shape).flip(1)
        state.select(turned)
        prefix = torch.cat([prefix[turned.flatten()], torch.randint(4, 11, (selected.numel(), 1))], dim=1)
        last = model.step(prefix[:, -1], state)
        src = SRC[sentences].repeat_interleave(len(parents[0]), dim=0)
        return last, hidden(model, src, prefix)[:, -1]

    @pytest.mark.parametrize(
        ("parents", "beam_size"),
        [
            ([[1, 0], [3, 3], [4, 5]], 2),  # turned round, doubled, as they were
            ([[1, 1], [4, 5]], 2),  # the second sentence leaves
            ([[5, 4]], 2),  # only the last stays
            ([[0, 0, 0], [1, 1, 1], [2, 2, 2]], 1),  # one row becomes three
            ([[2, 2]], 1),  # both at once
            ([[0], [3], [5]], 2),  # the beam narrows
        ],
    )
    def test_selected_rows_go_on_from_their_parents(
        self, build_model: BuildModel, parents: list[list[int]], beam_size: int
    ) -> None:
        torch.manual_seed(1)
        with torch.inference_mode():
            cached, at_once = self.decoded(build_model(), parents, beam_size=beam_size)
        torch.testing.assert_close(cached, at_once, rtol=0, atol=1e-5)

    def test_a_full_cache_survives_a_selection(self, build_model: BuildModel) -> None:
        model = build_model()
        tgt_in = torch.randint(4, 11, (3, 40))
        with torch.inference_mode():
            state = model.start(model.encode(SRC, SRC_PADDING))
            for tokens in tgt_in.unbind(1):
                last = model.step(tokens, state)
                state.select(torch.tensor([[0], [1], [2]]))
        torch.testing.assert_close(last, hidden(model, SRC, tgt_in)[:, -1], rtol=0, atol=1e-5)


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
