"""What every architecture must be able to do, whatever is inside: padding, the future, caches, gradients, saving."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import load_tensors, model_tensors, restore_model
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions
from tests.model.combinations import COMBINATIONS
from tests.model.conftest import BuildModel
from tests.search import reference

SRC = torch.tensor([[4, 5, 6, 7, 3], [8, 9, 3, 0, 0], [4, 3, 0, 0, 0]])
SRC_PADDING = SRC == 0
TGT_IN = torch.tensor([[2, 4, 5, 6], [2, 7, 8, 9], [2, 4, 4, 10]])
BOS, EOS = 2, 3


def hidden(model: EncoderDecoder, src: Tensor, tgt_in: Tensor) -> Tensor:
    mask = src == 0
    return model(src, tgt_in, mask if mask.any() else None)


@pytest.fixture(params=COMBINATIONS)
def model(request: pytest.FixtureRequest, build_model: BuildModel) -> EncoderDecoder:
    return build_model(**COMBINATIONS[request.param])


class TestInvariants:
    def test_padding_is_invisible(self, model: EncoderDecoder) -> None:
        wider = torch.cat([SRC, torch.zeros(3, 7, dtype=torch.long)], dim=1)
        torch.testing.assert_close(hidden(model, wider, TGT_IN), hidden(model, SRC, TGT_IN))

    def test_other_sentences_of_the_batch_are_invisible(self, model: EncoderDecoder) -> None:
        together = hidden(model, SRC, TGT_IN)
        for row, length in enumerate([5, 3, 2]):
            alone = hidden(model, SRC[row : row + 1, :length], TGT_IN[row : row + 1])
            torch.testing.assert_close(together[row : row + 1], alone)

    def test_the_future_is_invisible(self, model: EncoderDecoder) -> None:
        changed = TGT_IN.clone()
        changed[:, 2] = 10
        before, after = hidden(model, SRC, TGT_IN), hidden(model, SRC, changed)
        torch.testing.assert_close(before[:, :2], after[:, :2])
        assert not torch.allclose(before[:, 2:], after[:, 2:])

    def test_the_source_is_visible(self, model: EncoderDecoder) -> None:
        changed = SRC.clone()
        changed[:, 0] = 10
        assert not torch.allclose(hidden(model, SRC, TGT_IN), hidden(model, changed, TGT_IN))

    def test_decoding_step_by_step_is_decoding_at_once(self, model: EncoderDecoder) -> None:
        tgt_in = torch.randint(4, 11, (3, 70))  # longer than the caches are at first
        memory = model.encode(SRC, SRC_PADDING)
        state = model.start(memory)
        steps = torch.stack([model.step(tokens, state) for tokens in tgt_in.unbind(1)], dim=1)
        torch.testing.assert_close(steps, model.decode(tgt_in, memory), rtol=2e-5, atol=1e-5)

    def test_rows_of_one_sentence_decode_as_sentences_of_their_own(self, model: EncoderDecoder) -> None:
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
            ([[2, 3], [4, 5]], 2),  # the first leaves, the others move up
            ([[5, 4]], 2),  # only the last stays
            ([[0, 0, 0], [1, 1, 1], [2, 2, 2]], 1),  # one row becomes three
            ([[2, 2]], 1),  # both at once
            ([[0], [3], [5]], 2),  # the beam narrows
        ],
    )
    def test_selected_rows_go_on_from_their_parents(
        self, model: EncoderDecoder, parents: list[list[int]], beam_size: int
    ) -> None:
        torch.manual_seed(1)
        with torch.inference_mode():
            cached, at_once = self.decoded(model, parents, beam_size=beam_size)
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


class TestSearch:
    def test_beam_search_is_that_of_the_slow_list_version(self, model: EncoderDecoder) -> None:
        options = SearchOptions(beam_size=3, n_best=3, length_penalty=1.0, max_length_ratio=1.0, max_length_offset=4)
        found = beam_search(model, SRC, options, special=OWN, max_length=20)
        for row, length in enumerate([5, 3, 2]):
            src = SRC[row : row + 1, :length]

            @torch.inference_mode()
            def log_probs(prefix: tuple[int, ...], src: Tensor = src) -> list[float]:
                values = model.project(model(src, torch.tensor([[BOS, *prefix]]))[0, -1]).log_softmax(-1)
                values[[model.pad_id, BOS]] = -torch.inf
                return values.tolist()

            expected = reference.beam_search(
                log_probs, eos_id=EOS, beam_size=3, n_best=3, length_penalty=1.0, max_length=length + 4
            )
            assert [h.ids for h in found[row]] == [h.ids for h in expected]
            assert [h.log_prob for h in found[row]] == pytest.approx([h.log_prob for h in expected], abs=1e-4)


class TestTraining:
    def test_gradients_reach_every_parameter(self, model: EncoderDecoder) -> None:
        longer = torch.randint(4, 11, (3, 20))  # every distance, every kernel position, every fold of low rank
        for _ in range(20 if model.config.layer_drop else 1):
            model.train()
            model.project(model(longer, longer)).log_softmax(-1)[..., 5].sum().backward()
        silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert silent == []

    def test_weights_survive_a_round_trip(self, model: EncoderDecoder, tmp_path: Path) -> None:
        expected = hidden(model, SRC, TGT_IN)
        save_file(model_tensors(model), tmp_path / "model.safetensors")
        other = EncoderDecoder(model.config, src_vocab_size=11, tgt_vocab_size=11, pad_id=0).eval()
        assert not torch.equal(hidden(other, SRC, TGT_IN), expected)
        restore_model(other, load_tensors(tmp_path / "model.safetensors"), source=tmp_path)
        assert torch.equal(hidden(other, SRC, TGT_IN), expected)
