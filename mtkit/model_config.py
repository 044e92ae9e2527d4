"""The shape of a model: every architecture, its options, and which option belongs to which."""

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, Self

from pydantic import PositiveInt, field_validator, model_validator

from mtkit.section import Probability, Section

Architecture = Literal["transformer", "rnn", "conv"]
Side = Literal["encoder", "decoder"]

Preset = Literal[
    "auto", "tiny", "small", "base", "big", "rnn-bahdanau", "rnn-luong", "conv", "deep-shallow", "student-tiny"
]

SCORES = ("scaled_dot", "dot", "general", "additive", "location")
ENCODER_ATTENTION = (*SCORES, "local", "low_rank", "linear", "lightweight", "dynamic")
DECODER_ATTENTION = (*SCORES, "local", "linear", "average", "ssru", "lightweight", "dynamic")
CROSS_ATTENTION = (*SCORES, "low_rank", "linear")
_CONVOLUTIONS = ("lightweight", "dynamic")
_IN_ORDER = (*_CONVOLUTIONS, "ssru")
"""What sees the order of tokens by itself."""

_SCORED = (*SCORES, "local")
"""What scores pairs of tokens."""

_TAKES: dict[str, tuple[str, ...]] = {"shaw": ("scaled_dot",), "rotary": ("scaled_dot", "dot", "general", "local")}
"""The attention that goes with relative positions, where not all that has scores does."""

_ELSEWHERE = {
    "encoder": "it reads the past alone, and stands in a decoder",
    "decoder": "it stands in an encoder",
    "cross": "it looks at one sequence, and stands in an encoder or a decoder",
}
_RELATIVE = ("rotary", "alibi", "shaw", "t5")
_DEEP = 8  # layers of a side, from where the depth asks for care


class ModelConfig(Section):
    """Shape of the model. Defaults: the base Transformer of Vaswani et al. (2017), table 3."""

    preset: Preset = "auto"
    """A named set of sizes under the values given here; auto chooses by the number of training pairs."""

    architecture: Architecture = "transformer"
    """Of the encoder, and of the decoder where ``decoder_architecture`` does not say otherwise."""

    decoder_architecture: Architecture | None = None

    d_model: PositiveInt = 512
    """Width of the residual stream."""

    n_heads: PositiveInt = 8
    """Attention heads per layer; must divide ``d_model``."""

    d_ff: PositiveInt = 2048
    """Inner width of the feed-forward blocks."""

    n_encoder_layers: PositiveInt = 6
    n_decoder_layers: PositiveInt = 6

    encoder_attention: str | list[str] = "scaled_dot"
    """Self-attention of the encoder's layers, or what stands in its place; one name, or one for each layer."""

    decoder_attention: str | list[str] = "scaled_dot"
    """Likewise of the decoder's."""

    cross_attention: str | list[str] = "scaled_dot"
    """How the decoder's layers look at the source."""

    positions: Literal["auto", "none", "sinusoidal", "learned", "rotary", "alibi", "shaw", "t5"] = "auto"
    """How the model knows where a token stands. auto: sinusoidal for a Transformer, learned for convolutions. The last
    four are relative: they change the scores of attention, and belong to Transformers; convolutions have learned ones
    then."""

    n_kv_heads: PositiveInt | None = None
    """Heads of keys and values, each shared by several heads of queries; by default as many as ``n_heads``."""

    window: PositiveInt = 32
    """For attention local: tokens that are seen on each side."""

    low_rank_size: PositiveInt = 64
    """For attention low_rank: to how many keys and values a sequence is reduced."""

    kernel_size: PositiveInt = 3
    """Width of convolutions, in tokens."""

    norm: Literal["pre", "post", "sandwich"] = "pre"
    """Normalisation before each sublayer (with one more at the end), after each residual sum, or before and after each
    sublayer."""

    norm_type: Literal["layer", "rms"] = "layer"

    activation: Literal["relu", "gelu", "swiglu"] = "relu"

    n_unique_layers: PositiveInt | None = None
    """Layers of each side with weights of their own; those above use them again in turn. By default all."""

    layer_drop: Probability = 0.0
    """Probability that a layer is left out of an update."""

    rnn_cell: Literal["lstm", "gru"] = "lstm"

    bidirectional: bool = True
    """Read the source in both directions."""

    rnn_residual: bool = False
    """Add to the output of each recurrent layer but the first what it read."""

    rnn_attention: Literal["bahdanau", "luong"] = "luong"
    """Whether attention is asked before the decoder reads a token (bahdanau) or after (luong)."""

    input_feeding: bool = False
    """With ``rnn_attention: luong``: the decoder reads what attention gave together with the next token."""

    bridge: Literal["none", "copy", "dense"] = "dense"
    """The decoder's first states: zero, those where the encoder ended, or a linear map of the encoder's mean."""

    coverage: bool = False
    """Attention sees how much each source token has been attended to."""

    dropout: Probability = 0.1
    """Dropout on embeddings and on the output of each sublayer."""

    attention_dropout: Probability = 0.0
    """Dropout on attention weights."""

    activation_dropout: Probability = 0.0
    """Dropout on the inner activations of the feed-forward blocks."""

    tie_embeddings: Literal["none", "decoder", "all"] = "all"
    """Share the output projection with the target embedding (decoder), and with the source embedding too (all)."""

    d_embedding: PositiveInt | None = None
    """Width of the embeddings, with a linear map to ``d_model``; by default ``d_model``, without."""

    scale_embeddings: bool | None = None
    """Multiply embeddings by the root of their width; by default everywhere but before convolutions."""

    initialisation: Literal["auto", "xavier", "depth_scaled"] = "auto"
    """depth_scaled: smaller weights in deeper layers. auto: that for eight or more post-norm layers, else xavier."""

    max_length: PositiveInt = 512
    """Longest sequence in tokens, on either side, end of sentence included."""

    def side(self, side: Side) -> Architecture:
        """The architecture of a side."""
        return self.architecture if side == "encoder" else self.decoder_architecture or self.architecture

    def positions_of(self, side: Side) -> str:
        """How a side knows where a token stands: one of ``positions``, but never auto."""
        architecture = self.side(side)
        if architecture == "rnn":
            return "none"
        if self.positions == "auto" or (architecture == "conv" and self.positions in _RELATIVE):
            return "sinusoidal" if architecture == "transformer" else "learned"
        return self.positions

    def scales_embeddings(self, side: Side) -> bool:
        """Whether a side multiplies its embeddings by the root of their width."""
        return self.side(side) != "conv" if self.scale_embeddings is None else self.scale_embeddings

    def attention_of(self, part: Literal["encoder", "decoder", "cross"]) -> list[str]:
        """The names of attention in the layers of a part, bottom to top; none where it has no attention to choose.

        A recurrent decoder looks at the source once, whatever the number of its layers.
        """
        if part != "cross" and self.side(part) != "transformer":
            return []
        side: Side = "encoder" if part == "encoder" else "decoder"
        n_layers = self.n_encoder_layers if side == "encoder" else self.n_decoder_layers
        n_layers = 1 if part == "cross" and self.side("decoder") == "rnn" else n_layers
        names: str | list[str] = getattr(self, f"{part}_attention")
        return [names] * n_layers if isinstance(names, str) else names

    def scales_by_depth(self) -> bool:
        """Whether weights are smaller in deeper layers before the first update."""
        deep = max(self.n_encoder_layers, self.n_decoder_layers) >= _DEEP
        return self.initialisation == "depth_scaled" or (self.initialisation == "auto" and deep and self.norm == "post")

    @model_validator(mode="after")
    def _check(self) -> Self:
        for part, known in (
            ("encoder", ENCODER_ATTENTION),
            ("decoder", DECODER_ATTENTION),
            ("cross", CROSS_ATTENTION),
        ):
            self._check_attention(part, known)
        self._check_sizes()
        self._check_positions()
        self._check_recurrent()
        for name, (owner, owned) in OPTIONS.items():
            if getattr(self, name) != ModelConfig.model_fields[name].default and not owned(self):
                raise ValueError(f"{name} does nothing here: it belongs to {owner}")
        return self

    @field_validator("encoder_attention", "decoder_attention", "cross_attention", mode="before")
    @classmethod
    def _check_names(cls, names: Any) -> Any:
        listed = names if isinstance(names, list | tuple) else [names]
        if not listed or not all(isinstance(name, str) for name in listed):
            raise ValueError("give a name, or a list with one name for each layer")
        return names

    def _check_attention(self, part: str, known: Collection[str]) -> None:
        names: str | list[str] = getattr(self, f"{part}_attention")
        for name in [names] if isinstance(names, str) else names:
            if name in known:
                continue
            listed = f"known here are {', '.join(known)}"
            if name in (*ENCODER_ATTENTION, *DECODER_ATTENTION):
                reason = "it sees the future" if name == "low_rank" else _ELSEWHERE[part]
                raise ValueError(f"{part}_attention {name}: {reason}; {listed}")
            close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]}? " if close else ""
            raise ValueError(f"{part}_attention {name}: unknown; {hint}{listed}")
        n_layers = self.n_encoder_layers if part == "encoder" else self.n_decoder_layers
        if not isinstance(names, str) and len(names) != n_layers:
            n_names = f"{len(names)} layer{'s' * (len(names) != 1)}"
            raise ValueError(f"{part}_attention names {n_names}, the model has {n_layers}")
        if not isinstance(names, str) and self.n_unique_layers is not None:
            raise ValueError(f"{part}_attention names each layer, but n_unique_layers shares them: give one name")

    def _check_sizes(self) -> None:
        d, heads = self.d_model, self.n_heads
        if d % heads:
            raise ValueError(f"n_heads ({heads}) must divide d_model ({d})")
        if d % 2:
            raise ValueError(
                f"d_model ({d}) must be even: sines and cosines, or the two directions of an RNN, take half each"
            )
        if self.n_kv_heads is not None and heads % self.n_kv_heads:
            raise ValueError(f"n_kv_heads ({self.n_kv_heads}) must divide n_heads ({heads})")
        if self.positions == "rotary" and d // heads % 2:
            raise ValueError(f"positions rotary needs an even number per head, not {d // heads} (d_model / n_heads)")
        if self.n_unique_layers is not None and self.n_unique_layers > max(
            self.n_encoder_layers, self.n_decoder_layers
        ):
            raise ValueError(f"n_unique_layers ({self.n_unique_layers}) exceeds the layers of both sides")

    def _check_positions(self) -> None:
        if self.positions not in _RELATIVE:
            return
        takes = _TAKES.get(self.positions, _SCORED)
        sides: tuple[Side, Side] = ("encoder", "decoder")
        for side in sides:
            names = self.attention_of(side)
            if self.side(side) == "transformer" and not set(names) & {*_SCORED, *_IN_ORDER}:
                raise ValueError(
                    f"positions {self.positions} change the scores of pairs of tokens, which {side}_attention "
                    f"{names[0]} does not compute: use sinusoidal or learned"
                )
            for name in names:
                if name in _SCORED and name not in takes:
                    raise ValueError(f"positions {self.positions} do not go with {side}_attention {name}")
        if not {*self.attention_of("encoder"), *self.attention_of("decoder")} & {*takes}:
            raise ValueError(f"positions {self.positions} do nothing here: no layer compares pairs of tokens")

    def _check_recurrent(self) -> None:
        if self.side("decoder") == "rnn":
            if not isinstance(self.cross_attention, str):
                raise ValueError("cross_attention: a recurrent decoder has one attention; give one name")
            if self.bridge == "copy" and (self.architecture != "rnn" or self.n_encoder_layers != self.n_decoder_layers):
                raise ValueError(
                    "bridge copy needs a recurrent encoder with as many layers as the decoder: "
                    f"here {self.n_encoder_layers} {self.architecture} and {self.n_decoder_layers} rnn; "
                    "use bridge: dense"
                )
            if self.coverage and self.cross_attention == "location":
                raise ValueError("coverage does nothing with cross_attention location, which looks at no key")
        if self.side("decoder") != "transformer":
            for name in self.attention_of("cross"):
                if name not in SCORES:
                    raise ValueError(f"cross_attention {name} needs a Transformer decoder")


def doubts(config: ModelConfig, *, warmup_updates: int, learning_rate: float) -> list[str]:
    """What is known not to train, or to train badly: one line each, with what to do instead."""
    found = []
    deep = max(config.n_encoder_layers, config.n_decoder_layers) >= _DEEP
    if config.norm == "post" and _has("transformer")(config):
        if warmup_updates < 1_000 and learning_rate > 1e-4:
            found.append(
                f"post-norm diverges without a long warm-up: training.warmup_updates is {warmup_updates:,}; "
                "raise it to 4,000 or so, or use model.norm: pre"
            )
        if deep and config.initialisation == "xavier":
            found.append(
                f"{_DEEP} or more post-norm layers often do not train from xavier weights: use "
                "model.initialisation: auto, or model.norm: pre"
            )
    in_order = set(config.attention_of("encoder")) & {*_IN_ORDER}
    if config.positions == "none" and config.side("encoder") == "transformer" and not in_order:
        found.append("positions none: the encoder cannot tell the order of words; use any other model.positions")
    return found


def _names(config: ModelConfig) -> set[str]:
    """All attention that the model has."""
    return {name for part in ("encoder", "decoder", "cross") for name in config.attention_of(part)}


def _of_transformers(config: ModelConfig) -> set[str]:
    """The attention that Transformer layers have: that of other decoders has neither projections nor dropout."""
    crossing = config.attention_of("cross") if config.side("decoder") == "transformer" else []
    return {*config.attention_of("encoder"), *config.attention_of("decoder"), *crossing}


def _has(architecture: Architecture) -> Callable[[ModelConfig], bool]:
    return lambda config: architecture in (config.side("encoder"), config.side("decoder"))


def _side_is(side: Side, architecture: Architecture) -> Callable[[ModelConfig], bool]:
    return lambda config: config.side(side) == architecture


def _attends(*names: str) -> Callable[[ModelConfig], bool]:
    return lambda config: bool(_names(config) & set(names))


_TRANSFORMER = "a Transformer encoder or decoder", _has("transformer")
_PROJECTED = (
    f"attention of a Transformer that has scores ({', '.join((*_SCORED, 'low_rank'))})",
    lambda config: bool(_of_transformers(config) & {*_SCORED, "low_rank"}),
)
_RNN_DECODER = "a recurrent decoder (architecture or decoder_architecture rnn)", _side_is("decoder", "rnn")

OPTIONS: dict[str, tuple[str, Callable[[ModelConfig], bool]]] = {
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
    "n_kv_heads": _PROJECTED,
    "attention_dropout": _PROJECTED,
    "window": ("attention local", _attends("local")),
    "low_rank_size": ("attention low_rank", _attends("low_rank")),
    "kernel_size": (
        "convolutions (architecture conv, attention lightweight or dynamic)",
        lambda config: _has("conv")(config) or _attends(*_CONVOLUTIONS)(config),
    ),
    "norm": _TRANSFORMER,
    "norm_type": _TRANSFORMER,
    "activation": _TRANSFORMER,
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
    config = ModelConfig.model_construct(**{**values, **model})
    return {name: value for name, value in values.items() if name not in OPTIONS or OPTIONS[name][1](config)}
