"""Floating-point operations (FLOP) of a model, counted from its sizes and the lengths of what it reads.

Convention: a multiply-add is 2 FLOP. Matrix products alone are counted: softmax, normalisation, dropout, residual sums
and embedding look-ups are not. Attention is counted over all pairs of positions, those that the causal mask hides
included. The backward pass of a product is two products of the same size, so that training costs three times the
forward pass (Kaplan et al. 2020, section 2.1).

Symbols: S source length, T target length, D d_model, F d_ff, V vocabulary, K beam.
"""

from mtkit.config import ModelConfig

FORWARD_AND_BACKWARD = 3


def forward_flop(
    config: ModelConfig, *, n_sentences: float, n_src_tokens: float, n_tgt_tokens: float, vocab_size: int
) -> dict[str, float]:
    """FLOP of a forward pass under teacher forcing, by part of the model.

    All sentences are taken to be of the mean length, as those of a batch nearly are; what the others' spread adds to
    the products of attention is left out.

    Args:
        config: Sizes of the model.
        n_sentences: Pairs.
        n_src_tokens: Of all pairs, end of sentence counted, padding not (or counted, for what the machine computes).
        n_tgt_tokens: Likewise.
        vocab_size: V, of the target.
    """
    d, src_length, tgt_length = config.d_model, n_src_tokens / n_sentences, n_tgt_tokens / n_sentences
    decoder = config.n_decoder_layers
    return _source_flop(config, n_src_tokens, src_length) | {
        "decoder self-attention": decoder * n_tgt_tokens * (8 * d * d + 4 * tgt_length * d),
        "decoder cross-attention": decoder
        * (n_tgt_tokens * (4 * d * d + 4 * src_length * d) + n_src_tokens * 4 * d * d),
        "decoder feed-forward": decoder * n_tgt_tokens * 4 * d * config.d_ff,
        "projection": n_tgt_tokens * 2 * d * vocab_size,
    }


def training_flop(
    config: ModelConfig, *, n_sentences: float, n_src_tokens: float, n_tgt_tokens: float, vocab_size: int
) -> float:
    """FLOP of a forward and backward pass; arguments as for ``forward_flop``."""
    forward = forward_flop(
        config,
        n_sentences=n_sentences,
        n_src_tokens=n_src_tokens,
        n_tgt_tokens=n_tgt_tokens,
        vocab_size=vocab_size,
    )
    return FORWARD_AND_BACKWARD * sum(forward.values())


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
        n_src_tokens: Of all sentences, end of sentence counted.
        n_tgt_tokens: Of the best hypothesis of each sentence, end of sentence counted.
        vocab_size: V, of the target.
        beam_size: K.
    """
    d, src_length, tgt_length = config.d_model, n_src_tokens / n_sentences, n_tgt_tokens / n_sentences
    decoder, rows = config.n_decoder_layers, beam_size * n_tgt_tokens
    return _source_flop(config, n_src_tokens, src_length) | {
        # A step reads what has been written so far, itself included: (T + 1) / 2 positions on average.
        "decoder self-attention": decoder * rows * (8 * d * d + 2 * (tgt_length + 1) * d),
        "decoder cross-attention": decoder * (rows * (4 * d * d + 4 * src_length * d) + n_src_tokens * 4 * d * d),
        "decoder feed-forward": decoder * rows * 4 * d * config.d_ff,
        "projection": rows * 2 * d * vocab_size,
    }


def _source_flop(config: ModelConfig, n_src_tokens: float, src_length: float) -> dict[str, float]:
    """The encoder: four D x D products a token, scores and values over S positions, and two D x F products."""
    d, layers = config.d_model, config.n_encoder_layers
    return {
        "encoder self-attention": layers * n_src_tokens * (8 * d * d + 4 * src_length * d),
        "encoder feed-forward": layers * n_src_tokens * 4 * d * config.d_ff,
    }
