import pytest
import torch

from mtkit.data.batches.batch import collate
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_rules import without_idle
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.working_copy import WorkingCopy
from tests.model.combinations import COMBINATIONS

pytestmark = pytest.mark.processor

FP32 = Compute(torch.device("cpu"), "fp32", 1)
BF16 = FP32.with_precision("bf16")
OBJECTIVE = CrossEntropy(pad_id=0, smoothing=0.1)
BATCH = collate([[5, 6, 7], [8], [9, 10]], [[14], [15, 16, 17], [18, 19]], OWN)


def new_model(**overrides: object) -> EncoderDecoder:
    torch.manual_seed(0)
    sizes = {"d_model": 16, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 2, "n_decoder_layers": 2, "max_length": 40}
    config = ModelConfig.model_validate(without_idle(sizes, overrides) | {"dropout": 0.0} | overrides)
    return EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)


def bf16_gradients_of(working: WorkingCopy) -> None:
    with BF16.autocast():
        total = OBJECTIVE(working.model, BATCH).total
    computing = [twin for _, twin in working.parameters]
    working.add_gradients(torch.autograd.grad(total, computing, allow_unused=True))


@pytest.mark.parametrize("compute", [FP32, Compute(torch.device("cuda"), "bf16", 1)])
def test_elsewhere_the_model_computes_itself(compute: Compute) -> None:
    model = new_model()
    working = WorkingCopy(model, compute=compute)
    assert working.model is model
    assert all(master is computing for master, computing in working.parameters)


def test_on_a_cpu_linear_maps_are_cast_and_the_rest_is_shared() -> None:
    model = new_model()
    working = WorkingCopy(model, compute=BF16)
    twins = {name: twin for (name, _), (_, twin) in zip(model.named_parameters(), working.parameters, strict=True)}
    for name, parameter in model.named_parameters():
        linear = "proj" in name or "feed_forward" in name
        assert twins[name].dtype == (torch.bfloat16 if linear else torch.float32), name
        assert (twins[name] is parameter) is not linear, name
        assert parameter.dtype == torch.float32


def test_it_follows_the_trained_weights() -> None:
    model = new_model()
    working = WorkingCopy(model, compute=BF16)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5)
    working.refresh()
    assert all(torch.equal(master.to(twin.dtype), twin) for master, twin in working.parameters)


def test_gradients_of_several_passes_add_up_in_float32() -> None:
    model = new_model()
    working = WorkingCopy(model, compute=BF16)
    bf16_gradients_of(working)
    once = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    bf16_gradients_of(working)
    assert len(once) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32
        assert torch.equal(parameter.grad, 2 * once[name])


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_architecture_has_the_gradients_of_autocast(name: str) -> None:
    """Which casts each weight in every pass."""
    if COMBINATIONS[name].get("layer_drop"):
        pytest.skip("drops layers at random")
    cast_by_pass, cast_once = (new_model(**COMBINATIONS[name]) for _ in range(2))
    bf16_gradients_of(WorkingCopy(cast_by_pass, compute=FP32))
    bf16_gradients_of(WorkingCopy(cast_once, compute=BF16))
    for (part, mine), theirs in zip(cast_once.named_parameters(), cast_by_pass.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None), part
        if mine.grad is not None and theirs.grad is not None:
            # Layers that are used twice may add up their two gradients, in bf16, in another order.
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=2**-7, atol=1e-3)
