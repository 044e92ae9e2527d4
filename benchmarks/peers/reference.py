"""The reference work, made once and shared by every tool: text, pieces, ids, and the sizes of the model.

``mtkit preprocess`` trains the tokenizer; its pieces are what every other tool reads, as words separated by spaces.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

N_LAYERS, D_MODEL, D_FF, N_HEADS = 3, 256, 1024, 4
VOCAB_SIZE = 8_000
DROPOUT = LABEL_SMOOTHING = 0.1
BATCH_TOKENS = 4_096  # the padded size of a batch: sentences times the longest of them
PAD, UNK, BOS, EOS = 0, 1, 2, 3
N_VALID = 200  # some tools will not start without a validation set; it is never scored while the clock runs


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


def encode(work: Work, name: str) -> None:
    """Write the pieces and the ids of ``name.src`` and, where there is one, ``name.tgt``."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(work.tokenizer))
    for side in ("src", "tgt"):
        if not (text := work.file(f"{name}.{side}")).exists():
            continue
        lines = text.read_text(encoding="utf-8").split("\n")[:-1]
        for kind, kind_type in (("pieces", str), ("ids", int)):
            encoded = processor.encode(lines, out_type=kind_type)
            content = "".join(" ".join(map(str, line)) + "\n" for line in encoded)
            work.file(f"{name}.{kind}.{side}").write_text(content, encoding="utf-8")


def write_vocabulary(work: Work) -> None:
    """``vocabulary.txt`` has the ordinary pieces, ``vocabulary.tsv`` with falling counts behind them."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(work.tokenizer))
    pieces = [processor.id_to_piece(i) for i in range(EOS + 1, processor.get_piece_size())]
    work.file("vocabulary.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    counted = (f"{piece}\t{len(pieces) - rank}\n" for rank, piece in enumerate(pieces))
    work.file("vocabulary.tsv").write_text("".join(counted), encoding="utf-8")


def write_lines(path: Path, source: Path, n: int | None = None, skip: int = 0) -> None:
    """Copy a text file (plain, .gz, .zst), or ``n`` of its lines."""
    from mtkit.io import read_lines

    lines = itertools.islice(read_lines(source), skip, None if n is None else skip + n)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
