"""Memory that is told before a run, against what is taken."""

import pytest
import torch
from torch import Tensor

from mtkit.model.adapters import adapt
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.lora import shape_of
from mtkit.training.optimizer import build_optimizer, step
from mtkit.training.planning.needs import activation_bytes, memory_needed, trained_skeleton

SHAPE = ModelConfig(d_model=64, n_heads=4, d_ff=128, n_encoder_layers=2, n_decoder_layers=2, dropout=0.1)
VOCAB = 100

WAYS: dict[str, dict[str, object]] = {
    "all": {},
    "adafactor": {"optimizer": "adafactor"},
    "muon": {"optimizer": "muon"},
    "schedule_free": {"optimizer": "schedule_free"},
    "frozen": {"from": "somewhere", "freeze": ["embeddings", "encoder"]},
    "lora": {"from": "somewhere", "lora": {"rank": 2}},
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_told_is_what_a_run_takes(way: str) -> None:
    training = TrainingConfig.model_validate({"batch_tokens": 400, **WAYS[way]})
    told = memory_needed(trained_skeleton(SHAPE, training, src_vocab_size=VOCAB, tgt_vocab_size=VOCAB), training)
    model = EncoderDecoder(SHAPE, src_vocab_size=VOCAB, tgt_vocab_size=VOCAB, pad_id=0)
    if (shape := shape_of(training.lora)) is not None:
        adapt(model, shape, training.lora.modules)
    if training.freeze:
        for module in (model.src_embedding, model.tgt_embedding, model.encoder):
            module.requires_grad_(False)
    optimizer = build_optimizer(model, training)
    ids = torch.randint(4, VOCAB, (3, 7))
    model.project(model(ids, ids)).square().mean().backward()
    gradients = sum(4 * p.numel() for p in model.parameters() if p.grad is not None)
    step(optimizer, 1.0)
    state = sum(4 * t.numel() for each in optimizer.state.values() for t in each.values() if t.dim())
    if way == "schedule_free":
        state += gradients  # the average, which a checkpoint has as its model
    assert told == {"weights": 4 * model.n_parameters(), "gradients": gradients, "optimiser": state}


@pytest.mark.parametrize("way", ["all", "frozen", "lora"])
def test_activations_are_about_those_that_the_forward_pass_keeps(way: str) -> None:
    training = TrainingConfig.model_validate({"batch_tokens": 800, **WAYS[way]})
    skeleton = trained_skeleton(SHAPE, training, src_vocab_size=VOCAB, tgt_vocab_size=VOCAB)
    told = activation_bytes(skeleton, training, (30.0, 20.0), accumulate=2)  # 20 sentences
    model = EncoderDecoder(SHAPE, src_vocab_size=VOCAB, tgt_vocab_size=VOCAB, pad_id=0)
    for (_, mine), (_, theirs) in zip(model.named_parameters(), skeleton.named_parameters(), strict=False):
        mine.requires_grad_(theirs.requires_grad or way == "lora")
    if way == "lora":
        adapt(model, shape_of(training.lora), training.lora.modules)  # type: ignore[arg-type]
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    src, tgt = torch.randint(4, VOCAB, (20, 30)), torch.randint(4, VOCAB, (20, 20))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hidden = model.train()(src, tgt, torch.zeros(src.shape, dtype=torch.bool))
    assert told is not None
    taken = sum(kept.values()) + 2 * hidden.nbytes
    assert taken / 1.3 < told < taken * 1.3
