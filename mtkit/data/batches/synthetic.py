"""Sentence pairs of random tokens: work of a known size where there is no corpus."""

import numpy as np
import pyarrow as pa

from mtkit.data.corpus.store import Store, id_lists

_FIRST_ID = 4  # below it are padding, unknown, begin and end of sentence


def random_store(n_pairs: int, *, src_vocab_size: int, tgt_vocab_size: int, max_length: int) -> Store:
    """Pairs whose lengths spread as those of written sentences do: 22 tokens in the median, a tenth above 42."""
    rng = np.random.default_rng(0)
    longest = min(100, max_length - 1)
    src_lengths = np.clip(rng.lognormal(np.log(22), 0.5, n_pairs).round(), 1, longest).astype(np.int64)
    tgt_lengths = np.clip((src_lengths * rng.uniform(0.9, 1.2, n_pairs)).round(), 1, longest).astype(np.int64)
    columns = {
        name: id_lists(rng.integers(_FIRST_ID, max(size, _FIRST_ID + 1), lengths.sum(), dtype=np.int32), lengths)
        for name, size, lengths in (
            ("src_ids", src_vocab_size, src_lengths),
            ("tgt_ids", tgt_vocab_size, tgt_lengths),
        )
    }
    return Store(pa.table(columns))
