"""The shape of a model: every architecture, its options, and what follows from them."""

from typing import Annotated, Any, Literal, assert_never

from pydantic import Field, field_validator

from mtkit.settings.attention import Part
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
DEEP = 8  # layers of a side, from where the depth asks for care


class ModelShape(Section):
    """Shape of a model, setting by setting. Defaults: the base Transformer of Vaswani et al. (2017), table 3."""

    preset: Annotated[Preset, TRAINING_ONLY] = "auto"
    """A named set of sizes under the values given here; auto chooses by the number of training pairs,
    and with ``max_minutes`` by what the machine can do in the time."""

    architecture: Annotated[Architecture, CONVERTIBLE] = "transformer"
    """Of the encoder, and of the decoder where ``decoder_architecture`` does not say otherwise."""

    decoder_architecture: Architecture | None = None

    d_model: Annotated[Width, CONVERTIBLE] = 512
    """Width of the residual stream."""

    n_heads: Annotated[Width, CONVERTIBLE] = 8
    """Attention heads per layer; must divide ``d_model``."""

    d_ff: Annotated[Annotated[int, Field(gt=0, le=1 << 20)], CONVERTIBLE] = 2048
    """Inner width of the feed-forward blocks."""

    n_encoder_layers: Annotated[Layers, CONVERTIBLE] = 6
    n_decoder_layers: Annotated[Layers, CONVERTIBLE] = 6

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

    n_kv_heads: Width | None = None
    """Heads of keys and values, each shared by several heads of queries; by default as many as ``n_heads``."""

    window: Width = 32
    """For attention local: tokens that are seen on each side."""

    low_rank_size: Width = 64
    """For attention low_rank: to how many keys and values a sequence is reduced."""

    kernel_size: Width = 3
    """Width of convolutions, in tokens."""

    norm: Annotated[Literal["pre", "post", "sandwich"], CONVERTIBLE] = "pre"
    """Normalisation before each sublayer (with one more at the end), after each residual sum, or before and after each
    sublayer."""

    norm_type: Literal["layer", "rms"] = "layer"

    activation: Annotated[Literal["relu", "gelu", "swiglu"], CONVERTIBLE] = "relu"

    n_unique_layers: Layers | None = None
    """Layers of each side with weights of their own; those above use them again in turn. By default all."""

    layer_drop: Annotated[Probability, TRAINING_ONLY] = 0.0
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

    dropout: Annotated[Probability, TRAINING_ONLY] = 0.1
    """Dropout on embeddings and on the output of each sublayer."""

    attention_dropout: Annotated[Probability, TRAINING_ONLY] = 0.0
    """Dropout on attention weights."""

    activation_dropout: Annotated[Probability, TRAINING_ONLY] = 0.0
    """Dropout on the inner activations of the feed-forward blocks."""

    tie_embeddings: Annotated[Literal["none", "decoder", "all"], CONVERTIBLE] = "all"
    """Share the output projection with the target embedding (decoder), and with the source embedding too (all)."""

    d_embedding: Width | None = None
    """Width of the embeddings, with a linear map to ``d_model``; by default ``d_model``, without."""

    scale_embeddings: bool | None = None
    """Multiply embeddings by the root of their width; by default everywhere but before convolutions."""

    initialisation: Annotated[Literal["auto", "xavier", "depth_scaled"], TRAINING_ONLY] = "auto"
    """depth_scaled: smaller weights in deeper layers. auto: that for eight or more post-norm layers, else xavier."""

    max_length: Annotated[Annotated[int, Field(gt=0, le=1 << 20)], CONVERTIBLE] = 512
    """Longest sequence in tokens, on either side, end of sentence included."""

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
