"""Word alignments out of attention: forced decoding, and which source word each target word looked at most.

Shapes: H heads, T target pieces, S source pieces, both with the end of sentence.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from mtkit.bundle.bundle import MANIFEST, Bundle, with_bundle
from mtkit.bundle.loading import open_model
from mtkit.data.batches.batch import collate
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.engines.batching import in_batches
from mtkit.errors import CheckpointError, ConfigError, DataError, reason
from mtkit.evaluation.metrics.alignment import Links
from mtkit.exchange.origin import Origin
from mtkit.files.reading import read_json
from mtkit.files.shapes import shaped
from mtkit.files.whole import write_json
from mtkit.machine.compute import Compute
from mtkit.model.attention_weights import attention_weights
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.search.hypothesis import NOT_FINITE

CHOICE_FILE = "alignment.json"
_BATCH_TOKENS = 1_500


@dataclass(frozen=True)
class Choice:
    """Whose attention tells what is aligned."""

    layer: int
    """Of the decoder, counted from 1, bottom to top."""

    reading: bool
    """Whether a word is asked for while it is read (Chen et al. 2020, section 3.1), or while it is predicted."""

    def __str__(self) -> str:
        """``layer 5, as the word is read``."""
        return f"layer {self.layer}, as the word is {'read' if self.reading else 'predicted'}"


class Aligner:
    """Aligns given pairs with one model."""

    def __init__(
        self,
        model: EncoderDecoder,
        tokenizer: Tokenizer,
        choice: Choice,
        *,
        device: torch.device,
        prefix: Sequence[int] = (),
        tgt_prefix: Sequence[int] = (),
    ) -> None:
        """Wrap a model that is on its device and in evaluation mode.

        Args:
            model: Any architecture that attends.
            tokenizer: The one that it was trained with.
            choice: Whose attention is looked at.
            device: Where the model is.
            prefix: Ids before every source: the tags of its languages.
            tgt_prefix: Ids before every target, which the model is given.

        Raises:
            ConfigError: If it has no such layer.
        """
        n_layers = n_attending(model)
        if not 1 <= choice.layer <= n_layers:
            raise ConfigError(f"layer {choice.layer}: the decoder attends in layers 1 to {n_layers}")
        self.choice = choice
        self._model = model
        self._tokenizer = tokenizer
        self._device = device
        self._prefix, self._tgt_prefix = list(prefix), list(tgt_prefix)

    @classmethod
    def load(
        cls,
        model: Path | str | Bundle,
        *,
        layer: int | None = None,
        reading: bool | None = None,
        device: str = "auto",
        threads: int | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
    ) -> "Aligner":
        """Load a run directory, a checkpoint or a bundle.

        Args:
            model: One of these, or what ``load_bundle`` made of it.
            layer: By default the one that was remembered for the model, or that an imported one was taught to align in,
                or else the last but one of several: it tends to align best (Garg et al. 2019, section 3).
            reading: By default as it was remembered, or else while a word is predicted.
            device: auto, cpu or cuda.
            threads: CPU threads; by default one per core.
            src_lang: Of the source, for a model of several languages; by default its recipe's own.
            tgt_lang: Of the target; by default its recipe's own.

        Raises:
            CheckpointError: If there is no whole model.
            ConfigError: If it has no such layer, or does not know a language.
        """
        compute = Compute.choose(device, "fp32", threads)
        opened = open_model(model, compute=compute, languages=(src_lang, tgt_lang))
        usual = usual_choice(opened.directory, opened.model)
        choice = Choice(usual.layer if layer is None else layer, usual.reading if reading is None else reading)
        return cls(
            opened.model,
            opened.tokenizer,
            choice,
            device=compute.device,
            prefix=opened.prefix,
            tgt_prefix=opened.tgt_prefix,
        )

    def choices(self) -> list[Choice]:
        """All that the model offers."""
        return [
            Choice(layer, reading) for layer, reading in product(range(1, n_attending(self._model) + 1), (False, True))
        ]

    def align(self, src_text: Sequence[str], tgt_text: Sequence[str]) -> list[Links | None]:
        """The links of each pair; words are what stands between white space. None where a side is longer than the
        model reads.

        Each target word is linked to the source word that it looked at most, if that was not the end of the sentence.

        Raises:
            DataError: If the two sides differ in length.
            CheckpointError: If what the model computes is not finite.
        """
        return self._align(src_text, tgt_text, [self.choice])[self.choice]

    def align_by_all(self, src_text: Sequence[str], tgt_text: Sequence[str]) -> dict[Choice, list[Links | None]]:
        """The same by each of ``choices()``, out of one pass through the model."""
        return self._align(src_text, tgt_text, self.choices())

    def _align(
        self, src_text: Sequence[str], tgt_text: Sequence[str], choices: Sequence[Choice]
    ) -> dict[Choice, list[Links | None]]:
        if len(src_text) != len(tgt_text):
            raise DataError(f"{len(src_text):,} source segments but {len(tgt_text):,} translations")
        src = [self._tokenizer.src_side.encode_words(text.split()) for text in src_text]
        tgt = [self._tokenizer.tgt_side.encode_words(text.split()) for text in tgt_text]
        n_tags, n_forced = len(self._prefix), len(self._tgt_prefix)
        lengths = [
            max(n_tags + sum(map(len, s)), n_forced + sum(map(len, t))) + 1 for s, t in zip(src, tgt, strict=True)
        ]
        found: dict[Choice, list[Links | None]] = {choice: [None] * len(lengths) for choice in choices}
        fit = [i for i, length in enumerate(lengths) if length <= self._model.config.max_length]
        for batch in in_batches([lengths[i] for i in fit], _BATCH_TOKENS, "tokens"):
            rows = [fit[i] for i in batch]
            crossing = self._crossing([src[i] for i in rows], [tgt[i] for i in rows])
            for choice, (row, i) in product(choices, enumerate(rows)):
                src_lengths, tgt_lengths = (list(map(len, words)) for words in (src[i], tgt[i]))
                first = n_forced + int(choice.reading)  # what the decoder reads first is no word
                weights = crossing[choice.layer - 1][row]
                weights = weights[first : first + sum(tgt_lengths), n_tags : n_tags + sum(src_lengths) + 1]
                if not bool(weights.isfinite().all()):
                    raise CheckpointError(NOT_FINITE)
                found[choice][i] = links(weights, src_lengths, tgt_lengths)
        return found

    def _crossing(self, src: Sequence[list[list[int]]], tgt: Sequence[list[list[int]]]) -> list[Tensor]:
        """Of each layer: what each target piece looked at, (B, T, S) with the tags first, the mean of all heads."""
        src_ids, tgt_ids = ([[i for word in words for i in word] for words in side] for side in (src, tgt))
        pairs = collate(
            [self._prefix + ids for ids in src_ids],
            [self._tgt_prefix + ids for ids in tgt_ids],
            self._tokenizer.special,
        ).to(self._device)
        padding = pairs.src == self._tokenizer.pad_id
        layers = attention_weights(self._model, pairs.src, pairs.tgt_in, padding if bool(padding.any()) else None)
        return [one.weights.mean(1).cpu() for one in layers if one.part == "cross"]


def links(weights: Tensor, src_lengths: Sequence[int], tgt_lengths: Sequence[int]) -> Links:
    """Word links from the weights of pieces.

    Args:
        weights: (T, S) without the target's end of sentence and with the source's, which stands for no word.
        src_lengths: Pieces of each source word.
        tgt_lengths: Pieces of each target word.
    """
    if not src_lengths or not tgt_lengths:
        return set()
    pieces = weights.split([*src_lengths, 1], dim=1)
    by_src = torch.stack([piece.sum(1) for piece in pieces], dim=1)  # (T, source words + 1)
    by_word = torch.stack([rows.mean(0) for rows in by_src.split(list(tgt_lengths))])
    best = by_word.nan_to_num(0.0).argmax(1).tolist()
    return {(s, t) for t, s in enumerate(best) if s < len(src_lengths)}


def n_attending(model: EncoderDecoder) -> int:
    """Decoder layers that look at the source; a recurrent decoder has one for all its layers."""
    return len(model.config.attention_of("cross"))


def pharaoh(found: Links) -> str:
    """``0-0 1-2``, in the order of the source."""
    return " ".join(f"{s}-{t}" for s, t in sorted(found))


def remember(model: Path | str | Bundle, choice: Choice) -> Path:
    """Note in a model which layer aligns best; returns the file.

    Raises:
        CheckpointError: If it cannot be written.
    """
    place = with_bundle(model, lambda bundle: bundle.directory / CHOICE_FILE)
    try:
        write_json(place, asdict(choice))
    except OSError as error:
        raise CheckpointError(f"{place}: cannot write: {reason(error)}") from error
    return place


def usual_choice(directory: Path, model: EncoderDecoder) -> Choice:
    """What was remembered for the model in a bundle's directory, else the layer that it was taught to align in or the
    last but one, while it predicts.

    Raises:
        CheckpointError: If what was noted is damaged.
    """
    remembered = _remembered(directory)
    if remembered is not None and not 1 <= remembered.layer <= n_attending(model):
        raise CheckpointError(f"{directory / CHOICE_FILE}: damaged: layer {remembered.layer} is not there; delete it")
    return remembered or Choice(_taught(directory) or max(n_attending(model) - 1, 1), reading=False)


def _taught(directory: Path) -> int | None:
    """The layer that an imported model was taught to align in, where its files said so."""
    manifest = directory / MANIFEST
    origin = Origin.of(read_json(manifest), directory) if manifest.is_file() else None
    return None if origin is None else origin.alignment_layer


def _remembered(directory: Path) -> Choice | None:
    path = directory / CHOICE_FILE
    if not path.exists():
        return None
    try:
        plain = read_json(path)
        return shaped(Choice, plain)
    except (DataError, ValueError):
        raise CheckpointError(f"{path}: damaged; delete it") from None
