"""The shape of a model: every architecture, its options, and what follows from them."""

from typing import Annotated, Any, Literal, assert_never

from pydantic import Field, WithJsonSchema, field_validator

from mtkit.settings.attention import Part, attention_for
from mtkit.settings.section import CONVERTIBLE, TRAINING_ONLY, Probability, Section

Architecture = Literal["transformer", "rnn", "conv"]
Side = Literal["encoder", "decoder"]

# Far above any model: what is larger would take all memory before it is found to be a slip.
Width = Annotated[int, Field(gt=0, le=1 << 16)]
Layers = Annotated[int, Field(gt=0, le=1_000)]

Preset = Literal[
    "auto",
    "micro",
    "mini",
    "tiny",
    "small",
    "base",
    "big",
    "rnn-bahdanau",
    "rnn-luong",
    "conv",
    "deep-shallow",
    "student-tiny",
]

RELATIVE = ("rotary", "alibi", "shaw", "t5")

GATED = ("swiglu", "geglu")
"""Activations that are multiplied by a second inner map."""


def _any_for(part: Part) -> WithJsonSchema:
    """What the attention of a part may be: a name, or a list of them."""
    names: dict[str, Any] = {"enum": attention_for(part)}
    return WithJsonSchema({"anyOf": [names, {"type": "array", "items": names}]})


DEEP = 8  # layers of a side, from where the depth asks for care


class ModelShape(Section):
    """Shape of a model, setting by setting. Defaults: the base Transformer of Vaswani et al. (2017), table 3."""

    preset: Annotated[Preset, TRAINING_ONLY] = "auto"
    """Named set of sizes, overridden by the settings given here. auto chooses by the number of training pairs, and with
    ``training.max_minutes`` by what the machine can do in that time."""

    architecture: Annotated[Architecture, CONVERTIBLE] = "transformer"
    """Architecture of the encoder, and of the decoder unless ``decoder_architecture`` is given."""

    decoder_architecture: Architecture | None = None
    """Architecture of the decoder; by default that of the encoder."""

    d_model: Annotated[Width, CONVERTIBLE] = 512
    """Width of the residual stream."""

    n_heads: Annotated[Width, CONVERTIBLE] = 8
    """Attention heads per layer; must divide ``d_model``, unless ``d_head`` is given."""

    d_head: Annotated[Width | None, CONVERTIBLE] = None
    """Width of a head; by default ``d_model`` divided by ``n_heads``."""

    d_ff: Annotated[Annotated[int, Field(gt=0, le=1 << 20)], CONVERTIBLE] = 2048
    """Inner width of the feed-forward blocks."""

    n_encoder_layers: Annotated[Layers, CONVERTIBLE] = 6
    """Number of layers of the encoder."""

    n_decoder_layers: Annotated[Layers, CONVERTIBLE] = 6
    """Number of layers of the decoder."""

    encoder_attention: Annotated[str | list[str], _any_for("encoder"), CONVERTIBLE] = "scaled_dot"
    """Self-attention of the encoder's layers, or what takes its place: one name for all layers, or a list with one name
    per layer."""

    decoder_attention: Annotated[str | list[str], _any_for("decoder"), CONVERTIBLE] = "scaled_dot"
    """Self-attention of the decoder's layers, or what takes its place: one name for all layers, or a list with one name
    per layer."""

    cross_attention: Annotated[str | list[str], _any_for("cross"), CONVERTIBLE] = "scaled_dot"
    """Attention of the decoder's layers to the source: one name for all layers, or a list with one name per layer."""

    positions: Annotated[
        Literal["auto", "none", "sinusoidal", "learned", "rotary", "alibi", "shaw", "t5"], CONVERTIBLE
    ] = "auto"
    """How the model knows the position of a token. auto is sinusoidal for a Transformer and learned for convolutions.
    The last four are relative: they change the attention scores of a Transformer, and convolutions use learned
    positions instead."""

    sinusoids: Annotated[Literal["interleaved", "halves", "fairseq"], CONVERTIBLE] = "interleaved"
    """Layout of sinusoidal positions: sine and cosine in turn (interleaved), all sines before all cosines (halves, as
    in Marian), or halves with the wavelengths and the first position of fairseq (fairseq, as in M2M-100 and NLLB)."""

    shared_positions: Annotated[bool, CONVERTIBLE] = False
    """For positions t5: whether the layers of a side share one table, as in T5, or each has its own."""

    n_kv_heads: Width | None = None
    """Heads of keys and values, each shared by several heads of queries; by default ``n_heads``."""

    window: Width = 32
    """For attention local: number of tokens seen on each side."""

    low_rank_size: Width = 64
    """For attention low_rank: number of keys and values that a sequence is reduced to."""

    kernel_size: Width = 3
    """Width of convolutions, in tokens."""

    norm: Annotated[Literal["pre", "post", "sandwich"], CONVERTIBLE] = "pre"
    """Place of the normalisation: before each sublayer and once at the end (pre), after each residual sum (post), or
    before and after each sublayer (sandwich)."""

    norm_type: Annotated[Literal["layer", "rms"], CONVERTIBLE] = "layer"
    """Kind of normalisation: layer normalisation, or RMSNorm without mean and bias."""

    activation: Annotated[Literal["relu", "gelu", "silu", "swiglu", "geglu"], CONVERTIBLE] = "relu"
    """Non-linearity of the feed-forward blocks; swiglu and geglu (with the tanh form of gelu, as in T5 1.1) add a third
    matrix to each block."""

    bias: Annotated[bool, CONVERTIBLE] = True
    """Whether the linear maps of Transformer layers have biases."""

    n_unique_layers: Layers | None = None
    """Number of layers per side with their own weights, which the layers above reuse in turn; by default all."""

    layer_drop: Annotated[Probability, TRAINING_ONLY] = 0.0
    """Probability that a layer is skipped in an update."""

    rnn_cell: Literal["lstm", "gru"] = "lstm"
    """Cell of recurrent layers."""

    bidirectional: bool = True
    """Whether a recurrent encoder reads the source in both directions."""

    rnn_residual: bool = False
    """Whether each recurrent layer but the first adds its input to its output."""

    rnn_attention: Literal["bahdanau", "luong"] = "luong"
    """Time of the attention of a recurrent decoder: before it reads a token (bahdanau) or after (luong)."""

    input_feeding: bool = False
    """For ``rnn_attention: luong``: whether the decoder reads the last attention output together with the next
    token."""

    bridge: Literal["none", "copy", "dense"] = "dense"
    """Initial states of a recurrent decoder: zero (none), the final states of the encoder (copy), or a linear map of
    the encoder's mean (dense)."""

    coverage: bool = False
    """Whether the attention of a recurrent decoder sees how much each source token was attended to so far."""

    dropout: Annotated[Probability, TRAINING_ONLY] = 0.1
    """Probability of dropout on embeddings and on the output of each sublayer."""

    attention_dropout: Annotated[Probability, TRAINING_ONLY] = 0.0
    """Probability of dropout on attention weights."""

    activation_dropout: Annotated[Probability, TRAINING_ONLY] = 0.0
    """Probability of dropout on the inner activations of the feed-forward blocks."""

    tie_embeddings: Annotated[Literal["none", "decoder", "inputs", "all"], CONVERTIBLE] = "all"
    """Which matrices are shared: the output projection with the target embedding (decoder), the source embedding with
    the target embedding (inputs), all three (all), or none."""

    output_bias: Annotated[bool, CONVERTIBLE] = False
    """Whether the output projection has a bias, as in Marian."""

    scale_output: Annotated[bool, CONVERTIBLE] = False
    """Whether the decoder's states are divided by the root of ``d_model`` before the output projection, as in T5 1.0,
    which ties it to the embeddings without scaling those."""

    d_embedding: Width | None = None
    """Width of the embeddings, followed by a linear map to ``d_model``; by default ``d_model``, without a map."""

    scale_embeddings: Annotated[bool | None, CONVERTIBLE] = None
    """Whether embeddings are multiplied by the square root of their width; by default everywhere but before
    convolutions."""

    embedding_norm: Annotated[bool, CONVERTIBLE] = False
    """Whether embeddings are normalised once positions are added, as in BART and mBART."""

    initialisation: Annotated[Literal["auto", "xavier", "depth_scaled"], TRAINING_ONLY] = "auto"
    """Initial weights: xavier, or smaller ones in deeper layers (depth_scaled). auto is depth_scaled for eight or more
    post-norm layers, else xavier."""

    max_length: Annotated[Annotated[int, Field(gt=0, le=1 << 20)], CONVERTIBLE] = 512
    """Longest sequence on either side, in tokens, end of sentence included."""

    def side(self, side: Side) -> Architecture:
        """The architecture of a side."""
        return self.architecture if side == "encoder" else self.decoder_architecture or self.architecture

    def positions_of(self, side: Side) -> str:
        """How a side knows where a token stands: one of ``positions``, but never auto."""
        architecture = self.side(side)
        if architecture == "rnn":
            return "none"
        if self.positions == "auto" or (architecture == "conv" and self.positions in RELATIVE):
            return "sinusoidal" if architecture == "transformer" else "learned"
        return self.positions

    @property
    def per_head(self) -> int:
        """The width of a head."""
        return self.d_head or self.d_model // self.n_heads

    @property
    def n_inner(self) -> int:
        """The width of all heads of queries together."""
        return self.n_heads * self.per_head

    @property
    def drops(self) -> bool:
        """Whether anything of the model is left out at random in training."""
        return any((self.dropout, self.attention_dropout, self.activation_dropout, self.layer_drop))

    def scales_embeddings(self, side: Side) -> bool:
        """Whether a side multiplies its embeddings by the root of their width."""
        return self.side(side) != "conv" if self.scale_embeddings is None else self.scale_embeddings

    def attention_of(self, part: Part) -> list[str]:
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
        deep = max(self.n_encoder_layers, self.n_decoder_layers) >= DEEP
        match self.initialisation:
            case "depth_scaled":
                return True
            case "xavier":
                return False
            case "auto":
                return deep and self.norm == "post"
            case _:
                assert_never(self.initialisation)

    @field_validator("encoder_attention", "decoder_attention", "cross_attention", mode="before")
    @classmethod
    def _check_names(cls, names: Any) -> Any:
        listed = names if isinstance(names, list | tuple) else [names]
        if not listed or not all(isinstance(name, str) for name in listed):
            raise ValueError("give a name, or a list with one name for each layer")
        return names
