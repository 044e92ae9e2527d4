"""A model in numbers, without training it: layers, parameters, memory, arithmetic."""

import itertools
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mtkit.bench.sizes import sizes_of
from mtkit.bench.sublayers import sublayer_of
from mtkit.bundle.bundle import EMA, KIND_OF_WEIGHTS, load_bundle
from mtkit.evaluation.certainty.before_after import BeforeAfter, comparison_in
from mtkit.exchange.told import origin_rows
from mtkit.model.cost import decoding_flop, forward_flop
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import Side
from mtkit.settings.resolve import Settings
from mtkit.settings.training import TrainingConfig
from mtkit.training.freezing import n_trained_parameters
from mtkit.training.objectives.passes import passes_of
from mtkit.training.planning.needs import activation_bytes, memory_needed, trained_skeleton
from mtkit.wording import bytes_shown

_TYPICAL_LENGTH = 25.0  # tokens, where no corpus says
_LABEL = 34  # columns of the first column


@dataclass(frozen=True)
class Description:
    """A model, and what it costs."""

    model: ModelConfig

    layers: dict[str, list[str]]
    """Layers of encoder and decoder, bottom to top."""

    parameters: dict[str, int]
    """Parameters by part; shared ones are counted once, where they occur first."""

    src_vocab_size: int
    tgt_vocab_size: int
    src_length: float
    """Mean tokens of a source sentence that the arithmetic is counted for, end of sentence included."""

    tgt_length: float
    flop_forward: dict[str, float]
    """FLOPs per target token, by part, its source included."""

    flop_training: float
    """FLOPs per target token, forward and backward."""

    flop_decoding: float
    """FLOPs per target token of a search with the recipe's beam."""

    beam_size: int

    memory_bytes: dict[str, int]
    """Bytes of the weights, and in training of the gradients, the optimiser's state and, where a recipe says how many
    tokens an update has, the activations of a micro-batch; all in float32."""

    n_trained: int
    """Numbers that training changes: all, unless the recipe freezes some or trains adapters."""

    origin: dict[str, str] = field(default_factory=dict)
    """Of a model that was imported: from where, its family, languages and licence. Of one that has the moving average
    of its run's weights: that it has. Else empty."""

    comparison: BeforeAfter | None = None
    """With the model that its training started from, of a trained model that has one."""

    @property
    def n_parameters(self) -> int:
        """Numbers of the model."""
        return sum(self.parameters.values())

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        known = {**asdict(self), "model": self.model.in_use()}
        return {**known, "n_parameters": self.n_parameters}


def describe_recipe(settings: Settings) -> Description:
    """Describe what a recipe makes, of its corpus where that has been prepared.

    Raises:
        MtkitError: For everything that a user can fix.
    """
    sizes = sizes_of(settings)
    lengths = None if sizes.prepared is None else sizes.prepared.manifest.mean_train_lengths()
    beam_size = sizes.config.decoding.beam_size
    return _described(
        sizes.config.model, sizes.src_vocab_size, sizes.tgt_vocab_size, beam_size, lengths, sizes.config.training
    )


def describe_model(path: Path) -> Description:
    """Describe a trained model: a run directory, a checkpoint or a bundle.

    Raises:
        MtkitError: For everything that a user can fix.
    """
    bundle = load_bundle(path)
    tokenizer = bundle.tokenizer
    described = _described(
        bundle.model, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size, bundle.decoding.beam_size, lengths=None
    )
    origin = dict(origin_rows(bundle))
    if bundle.metadata.get(KIND_OF_WEIGHTS) == EMA:
        origin["weights"] = "moving average (training.ema)"
    return replace(described, origin=origin, comparison=comparison_in(bundle.metadata))


def _described(
    config: ModelConfig,
    src_vocab_size: int,
    tgt_vocab_size: int,
    beam_size: int,
    lengths: tuple[float, float] | None,
    training: TrainingConfig | None = None,
) -> Description:
    """All of it, for sentences of so many source and target tokens."""
    src_length, tgt_length = lengths or (_TYPICAL_LENGTH, _TYPICAL_LENGTH)
    sizes = {"src_vocab_size": src_vocab_size, "tgt_vocab_size": tgt_vocab_size}
    model = trained_skeleton(config, training or TrainingConfig(), **sizes)
    parameters: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        parameters["adapters" if ".adapters." in name else _part_of(name, config)] += parameter.numel()
    memory = memory_needed(model, training or TrainingConfig())
    if training is not None:
        n = 1 if training.accumulate == "auto" else training.accumulate
        activations = activation_bytes(model, training, (src_length, tgt_length), accumulate=n)
        memory |= {} if activations is None else {"activations": activations}
    work = {"n_sentences": 1 / tgt_length, "n_src_tokens": src_length / tgt_length, "n_tgt_tokens": 1.0}
    forward = forward_flop(config, **work, vocab_size=tgt_vocab_size)
    decoding = decoding_flop(config, **work, vocab_size=tgt_vocab_size, beam_size=beam_size)
    return Description(
        config,
        {"encoder": _layers(config, "encoder"), "decoder": _layers(config, "decoder")},
        dict(parameters),
        src_vocab_size,
        tgt_vocab_size,
        src_length,
        tgt_length,
        forward,
        passes_of(training or TrainingConfig()).flop(forward),
        sum(decoding.values()),
        beam_size,
        memory,
        n_trained_parameters(model),
    )


def table(name: str, description: Description) -> list[str]:
    """Lines of plain text."""
    lines = [name, *(_row(label, text) for label, text in description.origin.items())]
    lines.append(_row("model", description.model.summary()))
    for side, layers in description.layers.items():
        grouped = [(layer, len(list(same))) for layer, same in itertools.groupby(layers)]
        lines += [_row(side * (not index), f"{n} x {layer}") for index, (layer, n) in enumerate(grouped)]
    src, tgt = description.src_vocab_size, description.tgt_vocab_size
    lines.append(_row("vocabulary", f"{tgt:,}" if src == tgt else f"{src:,} source, {tgt:,} target"))
    lines += ["", "Parameters"]
    lines += [_row(part, f"{n:>12,}") for part, n in description.parameters.items()]
    lines.append(_row("all", f"{description.n_parameters:>12,}"))
    if description.n_trained < description.n_parameters:
        lines.append(_row("trained", f"{description.n_trained:>12,}"))
    memory = description.memory_bytes
    lines += ["", "Memory, in float32" + ", without what a batch needs" * ("activations" not in memory)]
    lines += [_row(part, f"{bytes_shown(n):>12}") for part, n in memory.items()]
    lines.append(_row("all, in training", f"{bytes_shown(sum(memory.values())):>12}"))
    lines += ["", "Matrix products per target token, MFLOP"]
    lines += [_row(f"{part}, forward", _mega(flop)) for part, flop in description.flop_forward.items()]
    lines.append(_row("training", _mega(description.flop_training)))
    lines.append(_row(f"translation, beam {description.beam_size}", _mega(description.flop_decoding)))
    lengths = f"{description.src_length:.1f} source and {description.tgt_length:.1f} target tokens"
    lines.append(f"(for sentences of {lengths}; a multiply-add is 2 FLOP)")
    return [*lines, "", *description.comparison.lines()] if description.comparison is not None else lines


def _layers(config: ModelConfig, side: Side) -> list[str]:
    """What each layer of a side is made of."""
    n_layers = config.n_encoder_layers if side == "encoder" else config.n_decoder_layers
    crossing = config.attention_of("cross") if side == "decoder" else []
    match config.side(side):
        case "rnn":
            ways = ", both ways" if side == "encoder" and config.bidirectional else ""
            attention = [f"attention {crossing[0]} after {config.rnn_attention.title()}"] if crossing else []
            return [f"{config.rnn_cell}{ways}"] * n_layers + attention
        case "conv":
            crossed = [f", attention {name}" for name in crossing] or [""] * n_layers
            return [f"convolution over {config.kernel_size}{attention}" for attention in crossed]
    crossed = [f", attention {name}" for name in crossing] or [""] * n_layers
    own = zip(config.attention_of(side), crossed, strict=True)
    return [f"self-attention {name}{cross}, feed-forward {config.d_ff} {config.activation}" for name, cross in own]


def _part_of(name: str, config: ModelConfig) -> str:
    """The part of the model that a parameter belongs to."""
    if (sublayer := sublayer_of(name)) is not None:
        return sublayer
    side, *inner = name.split(".")
    if side in ("encoder", "decoder"):
        return f"{side} norms" if any("norm" in word for word in inner) else f"{side} layers"
    if side == "tgt_embedding" and config.tie_embeddings in ("all", "inputs"):
        return "embedding of both sides"
    if inner[-1:] == ["bias"] and config.tie_embeddings in ("all", "decoder"):
        return "output bias"  # its matrix is the embedding
    return {"tgt_embedding": "target embedding", "src_embedding": "source embedding"}.get(side, "output projection")


def _mega(flop: float) -> str:
    return f"{flop / 1e6:>12.2f}"


def _row(label: str, value: str) -> str:
    return f"  {label:<{_LABEL}} {value}"
