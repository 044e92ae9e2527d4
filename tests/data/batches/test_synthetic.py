import numpy as np

from mtkit.data.batches.synthetic import random_store


def test_random_pairs_fit_the_vocabularies_and_the_model() -> None:
    store = random_store(500, src_vocab_size=20, tgt_vocab_size=9, max_length=30)
    assert len(store) == 500
    for lengths, ids, vocab_size in (
        (store.src_lengths, store.src_ids, 20),
        (store.tgt_lengths, store.tgt_ids, 9),
    ):
        assert lengths.min() >= 1
        assert lengths.max() == 29  # with the end of sentence 30
        used = np.unique(np.concatenate([ids(row) for row in range(500)]))
        assert used.tolist() == list(range(4, vocab_size))


def test_they_are_the_same_each_time() -> None:
    one, other = (random_store(50, src_vocab_size=20, tgt_vocab_size=20, max_length=99) for _ in range(2))
    assert all(np.array_equal(one.src_ids(row), other.src_ids(row)) for row in range(50))
