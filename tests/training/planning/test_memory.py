import pytest
import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.errors import DeviceError
from mtkit.machine.compute import Compute
from mtkit.machine.device import Precision
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.planning import memory
from mtkit.training.planning.memory import MemoryProbe, check_room, fewest_micro_batches

pytestmark = pytest.mark.processor

OBJECTIVE = CrossEntropy(pad_id=0, smoothing=0.1)
BATCHES = [
    collate([[5, 6, 7], [8], [9, 10], [11], [12, 13]], [[14], [15, 16, 17], [18], [19, 20], [21]], OWN),
    collate([[5, 9], [6]], [[7, 8], [9, 10, 11]], OWN),
]


def new_model(dropout: float = 0.0) -> EncoderDecoder:
    torch.manual_seed(0)
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, n_encoder_layers=1, n_decoder_layers=1, dropout=dropout)
    return EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)


@pytest.mark.parametrize(
    ("limit", "n", "asked"),
    [
        (10**9, 1, [1000]),
        (1000, 1, [1000]),
        (999, 2, [1000, 500]),
        (130, 8, [1000, 500, 250, 125]),
        (0, 1000, [1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]),
    ],
)
def test_an_update_is_cut_into_the_fewest_micro_batches_that_fit(limit: int, n: int, asked: list[int]) -> None:
    sizes = []

    def try_size(size: int) -> bool:
        sizes.append(size)
        return size <= limit

    assert fewest_micro_batches(try_size, 1000) == n
    assert sizes == asked


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_memory_needed_on_a_cpu_grows_with_the_batch(precision: Precision, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: what the forward pass of the whole batch keeps, counted."""
    model = new_model(dropout=0.1)

    def widest(n_tokens: int) -> list[Batch]:
        return [collate([[5] * 7] * (n_tokens // 10), [[6] * 9] * (n_tokens // 10), OWN)]

    probe = MemoryProbe(
        model, OBJECTIVE, widest, compute=Compute(torch.device("cpu"), precision, 1), training=TrainingConfig()
    )
    kept = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with (
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"),
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
    ):
        loss = OBJECTIVE(model, widest(4_000)[0])
    needed = sum(kept.values()) + 3 * 4 * model.n_parameters()
    assert loss.n_tokens == 4_000
    for free, fits in ((0.95, False), (1.1, True)):
        monkeypatch.setattr(memory, "free_memory", lambda free=free: int(free * needed / 0.5))
        assert probe(4_000) is fits
        assert probe(100)
    monkeypatch.setattr(memory, "free_memory", lambda: int(0.9 * 3 * 4 * model.n_parameters() / 0.5))
    assert not probe(10)
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    assert probe(4_000)
    assert all(p.grad is None for p in model.parameters())


def test_a_model_that_no_machine_holds_is_refused_before_it_is_built() -> None:
    huge = ModelConfig(d_model=65_536, n_heads=8, d_ff=1 << 20, n_encoder_layers=9, n_decoder_layers=9)
    with pytest.raises(DeviceError, match=r"the model has [0-9,]+ parameters: training it takes .* choose a smaller"):
        check_room(huge, TrainingConfig(), torch.device("cpu"), src_vocab_size=8_000, tgt_vocab_size=8_000)
    check_room(ModelConfig(), TrainingConfig(), torch.device("cpu"), src_vocab_size=80, tgt_vocab_size=80)
