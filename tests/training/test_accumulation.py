from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.machine.compute import Compute
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.training.accumulation import GradientAccumulator, count_workers
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.objectives.loss import Loss
from mtkit.training.objectives.objective import Objective
from mtkit.training.working_copy import WorkingCopy

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


def working(model: EncoderDecoder) -> WorkingCopy:
    return WorkingCopy(model, compute=Compute(torch.device("cpu"), "fp32", 3))


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def ignore(part: int) -> None:
    """Seed nothing."""


class OutOfMemoryInBackward(torch.autograd.Function):
    """Fails half-way through the backward pass, once the decoder has its gradients."""

    @staticmethod
    def forward(ctx: object, hidden: Tensor) -> Tensor:  # noqa: ARG004
        return hidden.clone()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        raise torch.OutOfMemoryError("CUDA out of memory")


def failing_forward(model: EncoderDecoder, largest: int, where: str, sizes: list[int]) -> Objective:
    """The loss of a batch; one of more than ``largest`` pairs exhausts the memory."""

    def fail(_: object, inputs: object, output: Tensor) -> Tensor | None:  # noqa: ARG001
        if len(output) <= largest:
            return None
        if where == "forward":
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory")
        return OutOfMemoryInBackward.apply(output)  # type: ignore[no-untyped-call]

    model.encoder.layers[-1].register_forward_hook(fail)

    def forward(model: EncoderDecoder, batch: Batch) -> Loss:
        sizes.append(len(batch.src))
        return OBJECTIVE(model, batch)

    return forward


def gradients(model: EncoderDecoder) -> dict[str, Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_a_batch_that_does_not_fit_is_split_and_has_the_same_gradient(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole, split, sizes = new_model(), new_model(), []  # type: ignore[var-annotated]
    expected = GradientAccumulator(working(whole), OBJECTIVE)(BATCHES[::-1], ignore)
    accumulate = GradientAccumulator(working(split), failing_forward(split, 2, where, sizes))
    with caplog.at_level("WARNING", logger="mtkit"):
        done = accumulate(BATCHES[::-1], ignore)
    assert sizes == [2, 5, 2, 2, 3, 2, 2, 1, 2]
    assert [len(batch.src) for batch, _ in done] == [2, 2, 1, 2]
    assert gradients(split).keys() == gradients(whole).keys()
    for name, gradient in gradients(whole).items():
        torch.testing.assert_close(gradients(split)[name], gradient)
    for part in ("total", "nll", "n_tokens"):
        sums = [sum(getattr(loss, part) for _, loss in each) for each in (done, expected)]
        torch.testing.assert_close(torch.as_tensor(sums[0]), torch.as_tensor(sums[1]))
    assert len([r for r in caplog.records if "does not fit the memory" in r.message]) == 1


def test_an_update_that_begins_anew_is_prepared_anew() -> None:
    model, n_prepared = new_model(), 0

    def prepare(part: int) -> None:
        nonlocal n_prepared
        n_prepared += part == 0

    GradientAccumulator(working(model), failing_forward(model, 3, "backward", []))(BATCHES, prepare)
    assert n_prepared == 2


def test_a_single_pair_that_does_not_fit_is_an_error() -> None:
    model, sizes = new_model(), []  # type: ignore[var-annotated]
    with pytest.raises(torch.OutOfMemoryError):
        GradientAccumulator(working(model), failing_forward(model, 0, "backward", sizes))(BATCHES, ignore)
    assert sizes == [5, 2, 1]


def test_other_errors_pass() -> None:
    def broken(_: EncoderDecoder, batch: Batch) -> Loss:
        raise RuntimeError(f"{len(batch.src)} shapes do not match")

    with pytest.raises(RuntimeError, match="5 shapes do not match"):
        GradientAccumulator(working(new_model()), broken)(BATCHES, ignore)


def test_losses_hold_no_graph() -> None:
    model = new_model()
    for _, loss in GradientAccumulator(working(model), OBJECTIVE)(BATCHES, ignore):
        assert not loss.total.requires_grad


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("largest", [9, 2])
def test_workers_compute_the_gradient_and_the_loss_of_one(largest: int) -> None:
    one, several = new_model(), new_model()
    expected = GradientAccumulator(working(one), OBJECTIVE)(BATCHES, ignore)
    fails = failing_forward(several, largest, "backward", [])
    done = GradientAccumulator(working(several), fails, n_workers=2)(BATCHES, ignore)
    assert [len(batch.src) for batch, _ in done] == ([2, 3, 1, 1] if largest == 9 else [1, 1, 1, 2, 1, 1])
    assert gradients(several).keys() == gradients(one).keys()
    for name, gradient in gradients(one).items():
        torch.testing.assert_close(gradients(several)[name], gradient)
    for part in ("total", "nll", "n_tokens"):
        sums = [sum(getattr(loss, part) for _, loss in each) for each in (done, expected)]
        torch.testing.assert_close(torch.as_tensor(sums[0]), torch.as_tensor(sums[1]))


@pytest.mark.usefixtures("three_threads")
def test_workers_repeat_an_update_to_the_last_bit() -> None:
    def gradients_of(seed: int) -> dict[str, Tensor]:
        model = new_model(dropout=0.5)
        forward = GradientAccumulator(working(model), OBJECTIVE, n_workers=3)
        forward(BATCHES, lambda part: seed_dropout(seed, 4, part))
        return gradients(model)

    first = gradients_of(1)
    for _ in range(5):
        again = gradients_of(1)
        assert all(torch.equal(again[name], first[name]) for name in first)
    assert not torch.equal(gradients_of(2)["decoder.norm.weight"], first["decoder.norm.weight"])


@pytest.mark.usefixtures("three_threads")
def test_each_part_of_an_update_has_a_number() -> None:
    model, numbers = new_model(), []  # type: ignore[var-annotated]
    GradientAccumulator(working(model), OBJECTIVE, n_workers=3)(BATCHES, numbers.append)
    assert numbers[0] == 0
    assert sorted(numbers) == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(
    ("tokens", "device", "attention_dropout", "n_workers"),
    [(750, "cpu", 0.0, 3), (749, "cpu", 0.0, 1), (750, "cuda", 0.0, 1), (750, "cpu", 0.1, 1)],
)
def test_workers_share_what_is_worth_sharing(
    tokens: int, device: str, attention_dropout: float, n_workers: int
) -> None:
    config = ModelConfig(d_model=16, n_heads=2, d_ff=32, attention_dropout=attention_dropout)
    model = EncoderDecoder(config, src_vocab_size=24, tgt_vocab_size=24, pad_id=0)
    assert count_workers(model, tokens, Compute(torch.device(device), "fp32", 3)) == n_workers


@pytest.mark.usefixtures("three_threads")
def test_a_large_model_has_its_gradients_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = new_model()
    gradients_of_three = 3 * 4 * sum(parameter.numel() for parameter in model.parameters())
    monkeypatch.setattr("mtkit.training.accumulation._MAX_WORKER_GRADIENTS", gradients_of_three)
    assert count_workers(model, 10_000, Compute(torch.device("cpu"), "fp32", 3)) == 3
    monkeypatch.setattr("mtkit.training.accumulation._MAX_WORKER_GRADIENTS", gradients_of_three - 1)
    assert count_workers(model, 10_000, Compute(torch.device("cpu"), "fp32", 3)) == 1
