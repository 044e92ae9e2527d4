"""The reference work, made once and shared by every tool: text, pieces, ids, and the sizes of the model.

``mtkit preprocess`` trains the tokenizer; its pieces are what every other tool reads, as words separated by spaces.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

N_LAYERS, D_MODEL, D_FF, N_HEADS = 3, 256, 1024, 4
VOCAB_SIZE = 8_000
DROPOUT = LABEL_SMOOTHING = 0.1
BATCH_TOKENS = 4_096  # the padded size of a batch: sentences times the longest of them
PAD, UNK, BOS, EOS = 0, 1, 2, 3


@dataclass(frozen=True)
class Work:
    """Where the reference work lies."""

    directory: Path

    def file(self, name: str) -> Path:
        """A file of the reference work, such as ``train.pieces.src``."""
        return self.directory / name

    def ids(self, name: str) -> list[list[int]]:
        """Token ids of one side, such as ``train.ids.src``, without bos and eos."""
        return [[int(token) for token in line.split()] for line in self.file(name).read_text().split("\n")[:-1]]

    @property
    def tokenizer(self) -> Path:
        """The SentencePiece model."""
        return self.directory / "prepared" / "tokenizer.model"


Pairs = list[tuple[list[int], list[int]]]


def bucketed(pairs: Pairs, seed: int) -> Iterator[Pairs]:
    """Batches of ``BATCH_TOKENS`` padded tokens, of pairs of about one length, for ever and in random order."""
    draw = random.Random(seed)
    while True:
        batches = list(_filled(draw.sample(pairs, len(pairs))))
        draw.shuffle(batches)
        yield from batches


def _filled(pairs: Pairs) -> Iterator[Pairs]:
    batch: Pairs = []
    longest = 0
    for pair in sorted(pairs, key=lambda pair: (len(pair[1]), len(pair[0]))):
        longer = max(longest, len(pair[0]) + 1, len(pair[1]) + 1)
        if batch and longer * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch, longer = [], max(len(pair[0]), len(pair[1])) + 1
        batch.append(pair)
        longest = longer
    yield batch


def real_tokens(pairs: Pairs) -> int:
    """Target tokens that such a batch holds on average, ends of sentence counted and padding not."""
    sizes = [sum(len(tgt) + 1 for _, tgt in batch) for batch in _filled(pairs)]
    return round(sum(sizes) / len(sizes))


def recipe(work: Work, training: str, model: str = "") -> str:
    """A recipe for mtkit: sizes and data of the reference work, with more lines for ``training`` and ``model``."""
    return f"""\
data:
  src_lang: src
  tgt_lang: tgt
  train: {{src: {work.file("train.src")}, tgt: {work.file("train.tgt")}}}
  valid: {{src: {work.file("valid.src")}, tgt: {work.file("valid.tgt")}}}
  prepared: {work.file("prepared")}
  cleaning: {{drop_duplicates: false, max_ratio: 1000}}
tokenizer: {{type: unigram, vocab_size: {VOCAB_SIZE}, byte_fallback: false, character_coverage: 1.0}}
model:
  d_model: {D_MODEL}
  d_ff: {D_FF}
  n_heads: {N_HEADS}
  n_encoder_layers: {N_LAYERS}
  n_decoder_layers: {N_LAYERS}
  dropout: {DROPOUT}
{model}
training:
  label_smoothing: {LABEL_SMOOTHING}
  validate_text: false
  early_stopping: {{metric: loss}}
{training}
"""
