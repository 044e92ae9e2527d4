"""What goes with what in a model: to which architecture each option belongs, what cannot be, and what trains badly."""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, get_args

from mtkit.settings.attention import ATTENTION, Part, attention_for, attention_with
from mtkit.settings.model_shape import DEEP, RELATIVE, Architecture, ModelShape, Side
from mtkit.settings.section import Mistake
from mtkit.wording import counted

_SCORED = [name for name, each in ATTENTION.items() if each.scores_pairs]
_IN_ORDER = {name for name, each in ATTENTION.items() if each.sees_order}
_OF_STATES = {"linear", "lightweight", "dynamic"}
_WITH_KEYS = [name for name, each in ATTENTION.items() if each.projects]

_ELSEWHERE: dict[Part, str] = {
    "encoder": "reads the past alone, and stands in a decoder",
    "decoder": "sees the future",
    "cross": "looks at one sequence, and stands in an encoder or a decoder",
}


def mistakes(config: ModelShape) -> list[Mistake]:
    """The settings that cannot be, or do nothing here, each with the reason: one for a setting."""
    found: dict[str, str] = {}
    for part in get_args(Part):
        found |= _attention(config, part)
    checks = [_sizes] if found else [_idle, _sizes, _positions, _recurrent]
    for check in checks:
        for setting, reason in check(config):
            found.setdefault(setting, reason)
    return list(found.items())


def _attention(config: ModelShape, part: Part) -> dict[str, str]:
    """The first mistake in the names of a part."""
    setting, known = f"{part}_attention", attention_for(part)
    names: str | list[str] = getattr(config, setting)
    for name in [names] if isinstance(names, str) else names:
        if name not in known:
            return {setting: f"{_unknown(name, part, known)}; known here are {', '.join(known)}"}
    if isinstance(names, str):
        return {}
    n_layers = config.n_encoder_layers if part == "encoder" else config.n_decoder_layers
    if len(names) != n_layers:
        return {setting: f"names {counted(len(names), 'layer')}, the model has {n_layers}"}
    if config.n_unique_layers is not None:
        return {setting: "names each layer, but n_unique_layers shares them: give one name"}
    return {}


def _unknown(name: str, part: Part, known: Collection[str]) -> str:
    """Why a name cannot stand in a part."""
    if name in ATTENTION:
        return f"{name} {_ELSEWHERE[part]}"
    if "," in name:
        return f"{name} is not a name; a list is written [{', '.join(name.strip('[]').replace(',', ' ').split())}]"
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"{name} is unknown" + (f"; did you mean {close[0]}?" if close else "")


def _idle(config: ModelShape) -> Iterator[Mistake]:
    """What was changed and has nothing to do."""
    for setting, (owner, owned) in OPTIONS.items():
        if getattr(config, setting) != type(config).model_fields[setting].default and not owned(config):
            yield setting, f"does nothing here: it belongs to {owner}"


def _sizes(config: ModelShape) -> Iterator[Mistake]:
    d, heads = config.d_model, config.n_heads
    if d % heads and (config.d_head is None or _splits_states(config)):
        reason = "" if config.d_head is None else f": {_splits_states(config)} takes d_model / n_heads, and not d_head"
        yield "n_heads", f"must divide d_model ({d}){reason}"
    if d % 2:
        yield "d_model", "must be even: sines and cosines, or the two directions of an RNN, take half each"
    if config.n_kv_heads is not None and heads % config.n_kv_heads:
        yield "n_kv_heads", f"must divide n_heads ({heads})"
    if config.positions == "rotary" and config.per_head % 2:
        size = "d_model / n_heads" if config.d_head is None else "d_head"
        yield "positions", f"rotary needs an even number per head, not {config.per_head} ({size})"
    if config.sinusoids == "fairseq" and d < 4:
        yield "sinusoids", f"fairseq needs a d_model of 4 or more, not {d}: its wavelengths divide by d_model / 2 - 1"
    if (config.n_unique_layers or 0) > max(config.n_encoder_layers, config.n_decoder_layers):
        yield "n_unique_layers", "exceeds the layers of both sides"


def _positions(config: ModelShape) -> Iterator[Mistake]:
    positions = config.positions
    if positions not in RELATIVE:
        return
    takes = {name for name, each in ATTENTION.items() if positions in each.relative}
    sides: tuple[Side, Side] = ("encoder", "decoder")
    for side in sides:
        names = config.attention_of(side)
        if config.side(side) == "transformer" and not set(names) & {*_SCORED, *_IN_ORDER}:
            yield (
                "positions",
                f"{positions} changes the scores of pairs of tokens, which {side}_attention {names[0]} does not "
                "compute: use sinusoidal or learned",
            )
        for name in names:
            if name in _SCORED and name not in takes:
                yield "positions", f"{positions} does not go with {side}_attention {name}"
    if not {*config.attention_of("encoder"), *config.attention_of("decoder")} & takes:
        yield "positions", f"{positions} does nothing here: no layer compares pairs of tokens"


def _recurrent(config: ModelShape) -> Iterator[Mistake]:
    n_encoder, n_decoder = config.n_encoder_layers, config.n_decoder_layers
    if config.side("decoder") == "rnn":
        if not isinstance(config.cross_attention, str):
            yield "cross_attention", "a recurrent decoder has one attention; give one name"
        if config.bridge == "copy" and (config.architecture != "rnn" or n_encoder != n_decoder):
            yield (
                "bridge",
                "copy needs a recurrent encoder with as many layers as the decoder: here "
                f"{n_encoder} {config.architecture} and {n_decoder} rnn; use bridge: dense",
            )
        if config.coverage and config.cross_attention == "location":
            yield "coverage", "does nothing with cross_attention location, which looks at no key"
    if config.side("decoder") != "transformer":
        for name in config.attention_of("cross"):
            if not ATTENTION[name].is_score:
                yield "cross_attention", f"{name} needs a Transformer decoder"


def doubts(config: ModelShape, *, warmup_updates: int, learning_rate: float) -> list[str]:
    """What is known not to train, or to train badly: one line each, with what to do instead."""
    found = []
    deep = max(config.n_encoder_layers, config.n_decoder_layers) >= DEEP
    if config.norm == "post" and _has("transformer")(config):
        if warmup_updates < 1_000 and learning_rate > 1e-4:
            found.append(
                f"post-norm diverges without a long warm-up: training.warmup_updates is {warmup_updates:,}; "
                "raise it to 4,000 or so, or use model.norm: pre"
            )
        if deep and config.initialisation == "xavier":
            found.append(
                f"{DEEP} or more post-norm layers often do not train from xavier weights: use "
                "model.initialisation: auto, or model.norm: pre"
            )
    in_order = set(config.attention_of("encoder")) & _IN_ORDER
    if config.positions == "none" and config.side("encoder") == "transformer" and not in_order:
        found.append("positions none: the encoder cannot tell the order of words; use any other model.positions")
    return found


def _names(config: ModelShape) -> set[str]:
    """All attention that the model has."""
    return {name for part in ("encoder", "decoder", "cross") for name in config.attention_of(part)}


def _of_transformers(config: ModelShape) -> set[str]:
    """The attention that Transformer layers have: that of other decoders has neither projections nor dropout."""
    crossing = config.attention_of("cross") if config.side("decoder") == "transformer" else []
    return {*config.attention_of("encoder"), *config.attention_of("decoder"), *crossing}


def _splits_states(config: ModelShape) -> str | None:
    """What gives each head its share of the states themselves, so that ``n_heads`` must divide ``d_model``."""
    if config.side("decoder") != "transformer":
        return "the attention of a recurrent or convolutional decoder"
    shared = sorted(_names(config) & _OF_STATES)
    return f"attention {shared[0]}" if shared else None


def _has_positions(kind: str) -> Callable[[ModelShape], bool]:
    return lambda config: kind in (config.positions_of("encoder"), config.positions_of("decoder"))


def _has(architecture: Architecture) -> Callable[[ModelShape], bool]:
    return lambda config: architecture in (config.side("encoder"), config.side("decoder"))


def _side_is(side: Side, architecture: Architecture) -> Callable[[ModelShape], bool]:
    return lambda config: config.side(side) == architecture


def _attends(size: str) -> Callable[[ModelShape], bool]:
    """Whether a model has attention that a setting belongs to."""
    return lambda config: bool(_names(config) & {*attention_with(size)})


_TRANSFORMER = "a Transformer encoder or decoder", _has("transformer")
_PROJECTED = (
    f"attention of a Transformer that has scores ({', '.join(_WITH_KEYS)})",
    lambda config: bool(_of_transformers(config) & {*_WITH_KEYS}),
)
_RNN_DECODER = "a recurrent decoder (architecture or decoder_architecture rnn)", _side_is("decoder", "rnn")

OPTIONS: dict[str, tuple[str, Callable[[ModelShape], bool]]] = {
    "d_ff": _TRANSFORMER,
    "encoder_attention": ("a Transformer encoder", _side_is("encoder", "transformer")),
    "decoder_attention": ("a Transformer decoder", _side_is("decoder", "transformer")),
    "positions": (
        "Transformers and convolutions",
        lambda config: (
            config.positions_of("encoder") != "none"
            or config.positions_of("decoder") != "none"
            or config.positions == "none"
        ),
    ),
    "sinusoids": ("sinusoidal positions", _has_positions("sinusoidal")),
    "shared_positions": ("positions t5", _has_positions("t5")),
    "d_head": _PROJECTED,
    "n_kv_heads": _PROJECTED,
    "attention_dropout": _PROJECTED,
    "window": ("attention local", _attends("window")),
    "low_rank_size": ("attention low_rank", _attends("low_rank_size")),
    "kernel_size": (
        "convolutions (architecture conv, attention lightweight or dynamic)",
        lambda config: _has("conv")(config) or _attends("kernel_size")(config),
    ),
    "norm": _TRANSFORMER,
    "norm_type": _TRANSFORMER,
    "activation": _TRANSFORMER,
    "bias": _TRANSFORMER,
    "activation_dropout": _TRANSFORMER,
    "n_unique_layers": _TRANSFORMER,
    "layer_drop": _TRANSFORMER,
    "rnn_cell": ("a recurrent encoder or decoder", _has("rnn")),
    "rnn_residual": (
        "a recurrent encoder or decoder of several layers",
        lambda config: (
            (config.side("encoder") == "rnn" and config.n_encoder_layers > 1)
            or (config.side("decoder") == "rnn" and config.n_decoder_layers > 1)
        ),
    ),
    "initialisation": _TRANSFORMER,
    "bidirectional": ("a recurrent encoder", _side_is("encoder", "rnn")),
    "rnn_attention": _RNN_DECODER,
    "bridge": _RNN_DECODER,
    "coverage": _RNN_DECODER,
    "input_feeding": (
        "a recurrent decoder with rnn_attention luong",
        lambda config: _side_is("decoder", "rnn")(config) and config.rnn_attention == "luong",
    ),
}
"""The options that some models have no use for: to which they belong, in words and as a test."""


def without_idle(values: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """The ``values`` of a preset without those that a recipe's ``model`` leaves nothing to do."""
    config = ModelShape.model_construct(**{**values, **model})
    return {name: value for name, value in values.items() if name not in OPTIONS or OPTIONS[name][1](config)}
