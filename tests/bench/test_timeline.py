import pytest
import torch

from mtkit.bench.timeline import DATA, LOSS, OPTIMISER, REST, Timeline, part_of
from mtkit.data.batches.batch import Batch, collate
from mtkit.data.tokens.special import OWN
from mtkit.model.dropout import seed_dropout
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_rules import without_idle
from mtkit.settings.training import TrainingConfig
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.optimizer import build_optimizer

PARTS = {
    "embedding",
    "dropout",
    *(f"encoder {sublayer}" for sublayer in ("self-attention", "feed-forward", "norms, sums")),
    *(f"decoder {sublayer}" for sublayer in ("self-attention", "cross-attention", "feed-forward", "norms, sums")),
    LOSS,
}


def build(dropout: float = 0.1, **overrides: object) -> EncoderDecoder:
    torch.manual_seed(0)
    sizes: dict[str, object] = {"d_model": 16, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 2, "n_decoder_layers": 2}
    sizes |= {"dropout": dropout, "max_length": 20}
    config = ModelConfig.model_validate(without_idle(sizes, overrides) | overrides)
    return EncoderDecoder(config, src_vocab_size=30, tgt_vocab_size=30, pad_id=0).train()


def batch() -> Batch:
    return collate([[5, 6, 7], [8]], [[9, 10], [11, 12]], OWN)


def watch(model: EncoderDecoder) -> tuple[Timeline, list[tuple[str, str]]]:
    """One update under a timeline that also notes what was marked, in order."""
    timeline, seen = Timeline(torch.device("cpu")), []
    mark = timeline.mark

    def noting(part: str, phase: str = "forward") -> None:
        seen.append((part, phase))
        mark(part, phase)

    timeline.mark = noting  # type: ignore[method-assign]
    optimizer = build_optimizer(model, TrainingConfig())
    seed_dropout(1, 1)
    with timeline.watching(model, CrossEntropy(pad_id=0, smoothing=0.1), optimizer) as objective:
        for micro_batches in timeline.reading(iter([[batch()]])):
            objective(model, micro_batches[0]).total.backward()
            optimizer.step()
            break
    return timeline, seen


def test_every_part_has_its_time_forward_and_backward() -> None:
    timeline, _ = watch(build())
    spent = timeline.spent()
    assert set(spent) == PARTS | {OPTIMISER, DATA, REST}
    for part in PARTS:
        assert spent[part]["forward"] > 0, part
        assert spent[part]["backward"] > 0, part
    assert all(spent[part]["backward"] == 0 for part in (OPTIMISER, DATA, REST))


def test_the_backward_pass_goes_from_the_loss_to_the_embedding_and_on_to_the_optimiser() -> None:
    _, seen = watch(build(dropout=0.0))
    backward = [part for part, phase in seen if phase == "backward"]
    order = list(dict.fromkeys(backward))
    assert order == [
        LOSS,
        "decoder norms, sums",
        "decoder feed-forward",
        "decoder cross-attention",
        "decoder self-attention",
        "embedding",  # of the target
        "encoder norms, sums",
        "encoder feed-forward",
        "encoder self-attention",
    ]
    assert backward[-1] == "embedding"  # of the source
    last = max(index for index, (_, phase) in enumerate(seen) if phase == "backward")
    assert [part for part, _ in seen[last + 1 :]] == [OPTIMISER, OPTIMISER, REST]


def test_without_dropout_no_time_is_its_own() -> None:
    timeline, _ = watch(build(dropout=0.0))
    assert "dropout" not in timeline.spent()


def test_a_watched_update_is_the_same_update() -> None:
    watched, plain = build(), build()
    watch(watched)
    optimizer = build_optimizer(plain, TrainingConfig())
    seed_dropout(1, 1)
    CrossEntropy(pad_id=0, smoothing=0.1)(plain, batch()).total.backward()
    optimizer.step()
    for mine, theirs in zip(watched.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_nothing_is_watched_afterwards() -> None:
    model = build()
    _, seen = watch(model)
    n = len(seen)
    optimizer = build_optimizer(model, TrainingConfig())
    CrossEntropy(pad_id=0, smoothing=0.1)(model, batch()).total.backward()
    optimizer.step()
    assert len(seen) == n


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("encoder.layers.1.self_attention.q_proj", "encoder self-attention"),
        ("decoder.layers.0.cross_attention", "decoder cross-attention"),
        ("decoder.layers.0.feed_forward.inner", "decoder feed-forward"),
        ("decoder.layers.0.residuals.2.norm", "decoder norms, sums"),
        ("decoder.layers.0.residuals.2.dropout", "dropout"),
        ("dropout", "dropout"),
        ("tgt_embedding.tokens", "embedding"),
        ("", None),
    ],
)
def test_modules_are_named_after_what_they_do(name: str, part: str | None) -> None:
    model = build()
    assert part_of(name, dict(model.named_modules())[name], model.config) == part


@pytest.mark.parametrize("architecture", ["rnn", "conv"])
def test_layers_without_sublayers_have_their_time_forward_and_backward(architecture: str) -> None:
    timeline, seen = watch(build(architecture=architecture))
    spent = timeline.spent()
    assert seen.count(("encoder layers", "backward")) >= 3  # two layers, and their stack
    for part in ("encoder layers", "decoder layers", "decoder cross-attention"):
        assert spent[part]["forward"] > 0, part
        assert spent[part]["backward"] > 0, part


def test_layers_without_sublayers_are_parts_themselves() -> None:
    config = ModelConfig(architecture="rnn", d_model=8, n_heads=1, n_encoder_layers=1, n_decoder_layers=1)
    model = EncoderDecoder(config, src_vocab_size=9, tgt_vocab_size=9, pad_id=0)
    parts = {name: part_of(name, module, config) for name, module in model.named_modules()}
    assert parts["encoder.layers.0"] == "encoder layers"
    assert parts["decoder.readout"] == "decoder layers"
    assert parts["decoder.cross_attention.score"] == "decoder cross-attention"
