"""A language model out of a table: it fulfils the contract of a model towards a search, and nothing else."""

import random
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from tests.search.reference import Tokens

PAD, BOS, EOS = 0, 2, 3


@dataclass
class TableState:
    """The prefix of every row, and which sentence it belongs to."""

    sentences: list[int]
    prefixes: list[Tokens]
    n_steps: int = 0

    def select(self, parents: Tensor) -> None:
        rows = parents.flatten().tolist()
        assert all(0 <= row < len(self.prefixes) for row in rows)
        self.sentences = [self.sentences[row] for row in rows]
        self.prefixes = [self.prefixes[row] for row in rows]
        for line in torch.tensor(self.sentences).view(parents.shape):
            assert len(set(line.tolist())) == 1, "the rows of a line continue rows of one sentence"


class TableModel:
    """Random log-probabilities for every source and prefix; the first source token names the sentence."""

    pad_id = PAD
    bos = BOS

    def __init__(self, seed: int, *, vocab_size: int = 7, eos_bias: float = 0.0) -> None:
        self._seed = seed
        self._vocab_size = vocab_size
        self._eos_bias = eos_bias
        self.n_rows: list[int] = []
        """Rows of each step."""

    def log_probs(self, sentence: int, prefix: Tokens) -> list[float]:
        """For the oracle: what the search may choose after a prefix."""
        values = torch.tensor(self._logits(sentence, prefix), dtype=torch.float64).log_softmax(0).tolist()
        values[PAD] = values[BOS] = float("-inf")
        return values

    def encode(self, src: Tensor, src_padding_mask: Tensor | None = None) -> Tensor:
        expected = src == PAD
        assert (src_padding_mask is None and not expected.any()) or torch.equal(src_padding_mask, expected)  # type: ignore[arg-type]
        return src

    def start(self, memory: Tensor, beam_size: int = 1) -> TableState:
        sentences = memory[:, 0].repeat_interleave(beam_size).tolist()
        return TableState(sentences, [()] * len(sentences))

    def step(self, tokens: Tensor, state: TableState) -> Tensor:
        self.n_rows.append(len(tokens))
        if state.n_steps:
            state.prefixes = [(*prefix, token) for prefix, token in zip(state.prefixes, tokens.tolist(), strict=True)]
        else:
            assert set(tokens.tolist()) == {self.bos}
        state.n_steps += 1
        rows = zip(state.sentences, state.prefixes, strict=True)
        return torch.tensor([self._logits(sentence, prefix) for sentence, prefix in rows])

    def project(self, hidden: Tensor) -> Tensor:
        return hidden

    def _logits(self, sentence: int, prefix: Tokens) -> list[float]:
        logits = list(_uniform(self._seed, sentence, prefix, self._vocab_size))
        logits[EOS] += self._eos_bias
        return logits


@cache
def _uniform(seed: int, sentence: int, prefix: Tokens, n: int) -> list[float]:
    draw = random.Random(hash((seed, sentence, prefix)))
    return [draw.uniform(-3, 3) for _ in range(n)]
