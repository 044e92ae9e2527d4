import pytest
import torch

from mtkit.data.batches.batch import collate
from mtkit.data.tokens.special import OWN
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.objective import objective_of


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_a_run_minimises_the_cross_entropy_smoothed_as_its_settings_say(smoothing: float) -> None:
    torch.manual_seed(0)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1, dropout=0.0)
    model = EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)
    batch = collate([[5, 6, 7], [8]], [[9, 10], [11, 12, 13]], OWN)
    loss = objective_of(TrainingConfig(label_smoothing=smoothing), pad_id=0)(model, batch)
    logits = model(batch.src, batch.tgt_in, batch.src.eq(0)) @ model.output_weight.t()
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.tgt_out.flatten(), ignore_index=0, label_smoothing=smoothing, reduction="sum"
    )
    torch.testing.assert_close(loss.total, expected)
    assert loss.parts == {}
