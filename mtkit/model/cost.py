"""Floating-point operations (FLOP) of a model, counted from its sizes and the lengths of what it reads.

Convention: a multiply-add is 2 FLOP. Matrix products alone are counted: softmax, normalisation, dropout, residual sums
and embedding look-ups are not. Attention is counted over all pairs of positions that are computed, those that the
causal mask hides included. The backward pass of a product is two products of the same size, so that training costs
three times the forward pass (Kaplan et al. 2020, section 2.1).

Symbols: S source length, T target length, L either, D d_model, E numbers per head, F d_ff, V vocabulary, K beam,
W window or kernel size, R rank.
"""

from mtkit.model.kinds import KINDS, across, within
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import GATED

FORWARD_AND_BACKWARD = 3
_GATES = {"lstm": 4, "gru": 3}


def forward_flop(
    config: ModelConfig, *, n_sentences: float, n_src_tokens: float, n_tgt_tokens: float, vocab_size: int
) -> dict[str, float]:
    """FLOP of a forward pass under teacher forcing, by part of the model.

    All sentences are taken to be of the mean length, as those of a batch nearly are; what the others' spread adds to
    the products of attention is left out.

    Args:
        config: Sizes of the model.
        n_sentences: Pairs.
        n_src_tokens: Source tokens of all pairs, end of sentence included, without padding (or with it, for what the
            machine computes).
        n_tgt_tokens: Target tokens of all pairs, counted in the same way.
        vocab_size: V, of the target.
    """
    src_length, tgt_length = n_src_tokens / n_sentences, n_tgt_tokens / n_sentences
    parts = _embedding(config, n_src_tokens + n_tgt_tokens) | _encoder(config, n_src_tokens, src_length)
    if config.side("decoder") == "transformer":
        parts["decoder self-attention"] = sum(
            n_tgt_tokens * within(name).token(config, tgt_length, True) for name in config.attention_of("decoder")
        )
    parts |= _decoder(config, n_tgt_tokens, n_src_tokens, src_length)
    return parts | {"projection": n_tgt_tokens * _projection(config, vocab_size)}


def decoding_flop(
    config: ModelConfig,
    *,
    n_sentences: float,
    n_src_tokens: float,
    n_tgt_tokens: float,
    vocab_size: int,
    beam_size: int,
) -> dict[str, float]:
    """FLOP of a search with caches, by part: the source once, then every output token for each of K hypotheses.

    All K hypotheses of a sentence are taken to be as long as the one that is returned.

    Args:
        config: Sizes of the model.
        n_sentences: Sentences.
        n_src_tokens: Source tokens of all sentences, end of sentence included.
        n_tgt_tokens: Tokens of the best hypothesis of each sentence, end of sentence included.
        vocab_size: V, of the target.
        beam_size: K.
    """
    src_length, tgt_length = n_src_tokens / n_sentences, n_tgt_tokens / n_sentences
    rows = beam_size * n_tgt_tokens
    parts = _embedding(config, n_src_tokens + rows) | _encoder(config, n_src_tokens, src_length)
    if config.side("decoder") == "transformer":
        # A step reads what has been written so far, itself included: (T + 1) / 2 positions on average.
        parts["decoder self-attention"] = sum(
            rows * _step(config, name, (tgt_length + 1) / 2) for name in config.attention_of("decoder")
        )
    parts |= _decoder(config, rows, n_src_tokens, src_length)
    return parts | {"projection": rows * _projection(config, vocab_size)}


def _embedding(config: ModelConfig, n: float) -> dict[str, float]:
    """The linear map of factorised embeddings."""
    return {"embedding": n * 2 * config.d_embedding * config.d_model} if config.d_embedding else {}


def _encoder(config: ModelConfig, n: float, length: float) -> dict[str, float]:
    """``n`` source tokens in sentences of ``length``."""
    d, layers = config.d_model, config.n_encoder_layers
    match config.side("encoder"):
        case "rnn":
            directions = 2 if config.bidirectional else 1
            own = d // directions
            return {"encoder layers": layers * n * directions * _GATES[config.rnn_cell] * 2 * own * (d + own)}
        case "conv":
            return {"encoder layers": layers * n * 4 * config.kernel_size * d * d}
    names = config.attention_of("encoder")
    return {
        "encoder self-attention": sum(n * within(name).token(config, length, False) for name in names),
        "encoder feed-forward": layers * n * _feed_forward(config),
    }


def _decoder(config: ModelConfig, n: float, n_src: float, src_length: float) -> dict[str, float]:
    """``n`` target tokens, without self-attention; ``n_src`` source tokens in sentences of ``src_length``."""
    d, layers, names = config.d_model, config.n_decoder_layers, config.attention_of("cross")
    if config.side("decoder") == "transformer":
        crossed = sum(n * across(name).token(config, src_length) + n_src * across(name).key(config) for name in names)
        return {"decoder cross-attention": crossed, "decoder feed-forward": layers * n * _feed_forward(config)}
    scores = [_states(config, name) for name in names]
    attended = sum(n * (4 * d * src_length + of_query) + n_src * of_key for of_query, of_key in scores)
    if config.side("decoder") == "conv":
        around = layers * n * (4 * config.kernel_size * d * d + 4 * d * d)  # the convolution, and two linear maps
        return {"decoder layers": around, "decoder cross-attention": attended}
    first = config.rnn_attention == "bahdanau"
    read = d if first or config.input_feeding else 0  # what the first layer reads besides the token
    gates = _GATES[config.rnn_cell] * 2 * d * (2 * d * layers + read)
    bridge = n_src / src_length * layers * 2 * d * d if config.bridge == "dense" else 0
    out = 2 * d * d * (3 if first else 2)
    return {"decoder layers": n * (gates + out) + bridge, "decoder cross-attention": attended}


def _feed_forward(config: ModelConfig) -> float:
    return (6 if config.activation in GATED else 4) * config.d_model * config.d_ff


def _projection(config: ModelConfig, vocab_size: int) -> float:
    width = config.d_embedding or config.d_model
    return 2 * width * vocab_size + (2 * width * config.d_model if config.d_embedding else 0)


def _step(config: ModelConfig, name: str, length: float) -> float:
    """The last token of ``length`` in a search, in a layer of the decoder's self-attention."""
    step = within(name).step
    assert step is not None, f"{name} does not stand in a decoder"
    return step(config, length)


def _states(config: ModelConfig, name: str) -> tuple[float, float]:
    """A query and a key of a recurrent or convolutional decoder, besides the products of all pairs."""
    states = KINDS[name].states
    assert states is not None, f"{name} is not a score function"
    return states(config)
