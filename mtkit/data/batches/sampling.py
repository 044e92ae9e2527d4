"""Training pairs as they are shown: with other words, in other pieces, or two in one, drawn anew in every pass.

What happens to a pair depends on the seed and its place (pass * pairs + row) alone, so that it is the same in any
order, in any process, and after a run was resumed. Shapes: B pairs.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from mtkit.data.batches.augment import below, joined, noised, recased, with_typos, without_full_stop
from mtkit.data.batches.denoising import infilled, permuted, span_masked
from mtkit.data.batches.splitmix import splitmix64
from mtkit.data.corpus.prepared import Prepared, open_prepared
from mtkit.data.corpus.store import IdLists, Ids, Int32s
from mtkit.data.sources.sources import Place
from mtkit.data.tokens.sides import Side
from mtkit.data.tokens.subwords import Segmenter, segmenter
from mtkit.settings.sampling import MASK, NoiseConfig, SamplingConfig
from mtkit.settings.tokenizer import as_piece, is_byte_piece

Places = NDArray[np.int64]

SideIds = tuple[IdLists, IdLists]
"""Source and target ids of some pairs."""


@dataclass(frozen=True)
class SamplingRecipe:
    """All that it takes to sample the training pairs of a prepared corpus, in this process or another."""

    directory: Path
    """Directory of the prepared corpus."""

    config: SamplingConfig
    seed: int

    max_tokens: int
    """A side that sampling makes longer than this is left as it was."""


class Sampler:
    """Makes the ids of training pairs, changed at random."""

    def __init__(self, recipe: SamplingRecipe, prepared: Prepared | None = None, *, place: Place = "train") -> None:
        """Sample from the pairs of a place of a prepared corpus, which is opened where it is not given.

        Raises:
            DataError: If the corpus is absent or damaged.
            VocabularyError: If its tokenizer is.
        """
        prepared = prepared or open_prepared(recipe.directory)
        self.recipe = recipe
        self._config, self._max_tokens = recipe.config, recipe.max_tokens
        self._store = prepared.store(place)
        self._n = len(self._store)
        self._tokenizer = prepared.tokenizer
        self._prefixes = prepared.prefixes(place)
        self._prefix_lengths = np.array([list(map(len, prefix)) for prefix in self._prefixes])  # (sources, 2)
        self._ends = np.cumsum([source["n_kept"] for source in prepared.manifest.of_place(place)])
        self._key = recipe.seed % (1 << 64)
        self._segmenters = _segmenters(recipe.config, prepared)
        noise = recipe.config.noise
        (self._mask_id,) = self._tokenizer.tag_ids([MASK]) if noise.masks else (-1,)
        self._random_ids = _plain_ids(prepared) if noise.masks and noise.random else []

    def lengths(self, places: Places) -> tuple[Int32s, Int32s]:
        """Source and target tokens of pairs as far as they can be foretold: with the pairs joined to them, but in the
        pieces of the store; int32 (B,).
        """
        rows = places % self._n
        src, tgt = self._store.lengths_of(rows)
        with_next = np.flatnonzero(self._joined(places, src, tgt))
        next_src, next_tgt = self._store.lengths_of(rows[with_next] + 1)
        before = self._prefix_lengths[self._corpora(rows[with_next])].astype(np.int32)
        src[with_next] += next_src - before[:, 0]
        tgt[with_next] += next_tgt - before[:, 1]
        return src, tgt

    def sample(self, places: Places) -> SideIds:
        """Source and target ids of pairs, without begin and end of sentence, in the order of ``places``."""
        rows = places % self._n
        with_next = self._joined(places, *self._store.lengths_of(rows))
        following = np.where(with_next, rows + 1, rows)
        texts, next_texts = self._store.gather_text(rows), self._store.gather_text(following[with_next])
        lists, next_lists = (_split(self._store.gather(r)) for r in (rows, following))
        next_text = zip(*next_texts, strict=True)
        drawn = []
        for i, (place, corpus) in enumerate(zip(places.tolist(), self._corpora(rows).tolist(), strict=True)):
            prefix = self._prefixes[corpus]
            src_ids, tgt_ids = lists[0][i][len(prefix.src) :].tolist(), lists[1][i][len(prefix.tgt) :].tolist()
            pair = _Pair(Random((self._key << 64) + place), texts[0][i], texts[1][i], src_ids, tgt_ids)
            if with_next[i]:
                next_src, next_tgt = next(next_text)
                pair.src, pair.tgt = joined(pair.src, next_src), joined(pair.tgt, next_tgt)
                pair.src_ids += next_lists[0][i][len(prefix.src) :].tolist()
                pair.tgt_ids += next_lists[1][i][len(prefix.tgt) :].tolist()
            self._change(pair)
            drawn.append(pair)
        self._encode(drawn)
        prefixes = [self._prefixes[corpus] for corpus in self._corpora(rows).tolist()]
        src = [[*prefix.src, *self._with_odd_pieces(pair)] for pair, prefix in zip(drawn, prefixes, strict=True)]
        tgt = [[*prefix.tgt, *pair.tgt_ids] for pair, prefix in zip(drawn, prefixes, strict=True)]
        return _laid_out(src), _laid_out(tgt)

    def _change(self, pair: "_Pair") -> None:
        """Change the text of a pair. Each kind of change draws, whether or not it happens."""
        config, draw = self._config, pair.draw
        src, tgt = pair.src, pair.tgt
        if config.casing.upper or config.casing.title or config.casing.lower:
            src, tgt = recased(src, tgt, draw, config.casing)
        if config.no_full_stop and draw.random() < config.no_full_stop:
            src, tgt = without_full_stop(src, tgt)
        if config.typos.probability and draw.random() < config.typos.probability:
            src = with_typos(src, draw, config.typos.words)
        if config.noise.probability and draw.random() < config.noise.probability:
            src, tgt = _denoising(src, tgt, draw, config.noise)
        pair.changed = src != pair.src, tgt != pair.tgt
        pair.src, pair.tgt = src, tgt

    def _encode(self, pairs: "list[_Pair]") -> None:
        """Give each pair the ids of its text, or those that it has where they would be too many."""
        src, tgt = ([pair for pair in pairs if pair.changed[side]] for side in (0, 1))
        for pair, ids in zip(src, self._tokenizer.encode_src([p.src for p in src], num_threads=1), strict=True):
            pair.src_ids = self._unless_too_long(ids, pair.src_ids)
        for pair, ids in zip(tgt, self._tokenizer.encode_tgt([p.tgt for p in tgt], num_threads=1), strict=True):
            pair.tgt_ids = self._unless_too_long(ids, pair.tgt_ids)
        probability = self._config.subword.probability
        of_src, of_tgt = self._segmenters
        for pair in pairs:
            if of_src is not None and pair.draw.random() < probability:
                pair.src_ids = self._unless_too_long(of_src.segment(pair.src, pair.draw), pair.src_ids)
            if of_tgt is not None and pair.draw.random() < probability:
                pair.tgt_ids = self._unless_too_long(of_tgt.segment(pair.tgt, pair.draw), pair.tgt_ids)

    def _with_odd_pieces(self, pair: "_Pair") -> list[int]:
        """The source with some masks as random pieces, and some pieces unknown."""
        ids, draw = pair.src_ids, pair.draw
        if self._random_ids and self._mask_id in ids:
            ids = [self._random_id(draw) if token == self._mask_id else token for token in ids]
        if share := self._config.word_dropout:
            ids = [self._tokenizer.unk_id if draw.random() < share else token for token in ids]
        return ids

    def _random_id(self, draw: Random) -> int:
        """What stands in the place of a mask: the mask itself, or a random piece."""
        if draw.random() >= self._config.noise.random:
            return self._mask_id
        return self._random_ids[below(len(self._random_ids), draw)]

    def _unless_too_long(self, ids: list[int], otherwise: list[int]) -> list[int]:
        return ids if 0 < len(ids) <= self._max_tokens else otherwise

    def _joined(self, places: Places, src: Int32s, tgt: Int32s) -> NDArray[np.bool_]:
        """Whether the next row is appended to each pair, given their lengths in the store; bool (B,)."""
        rows = places % self._n
        if not self._config.join:
            return np.zeros(len(rows), dtype=bool)
        chosen = uniform(places, self._key) < self._config.join
        chosen &= ~np.isin(rows + 1, self._ends)
        at = np.flatnonzero(chosen)
        next_src, next_tgt = self._store.lengths_of(rows[at] + 1)
        before = self._prefix_lengths[self._corpora(rows[at])]
        longest = np.maximum(src[at] + next_src - 2 * before[:, 0], tgt[at] + next_tgt - 2 * before[:, 1])
        chosen[at] = longest <= self._max_tokens
        return chosen

    def _corpora(self, rows: Places) -> NDArray[np.int64]:
        """Which source each row came from."""
        return np.searchsorted(self._ends, rows, side="right")


@dataclass
class _Pair:
    """A pair on its way."""

    draw: Random
    src: str
    tgt: str
    src_ids: list[int]
    tgt_ids: list[int]
    changed: tuple[bool, bool] = (False, False)
    """Whether the text of each side is another than its ids say."""


def uniform(places: Places, key: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each place, which looks random; float64 (B,)."""
    bits = splitmix64(places.astype(np.uint64), key) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def _denoising(src: str, tgt: str, draw: Random, config: NoiseConfig) -> tuple[str, str]:
    """A pair with noise on its source; the target is the same, or what the source has lost."""
    if config.span:
        return span_masked(src, draw, share=config.span)
    if config.permute and draw.random() < config.permute:
        src = permuted(src, draw)
    src = noised(src, draw, config)
    if config.infill:
        src = infilled(src, draw, share=config.infill, mean_span=config.mean_span)
    return src, tgt


def _plain_ids(prepared: Prepared) -> list[int]:
    """The source ids that stand for text: no special piece, tag or symbol of the recipe, or byte."""
    special = prepared.tokenizer.special
    apart = {special.pad, special.unk, special.bos, special.eos, special.start, *special.never}
    symbols = {as_piece(symbol) for symbol in _symbols(prepared)}
    return [
        number
        for number, piece in enumerate(prepared.tokenizer.src_pieces)
        if number not in apart and piece not in symbols and not is_byte_piece(piece)
    ]


def _symbols(prepared: Prepared) -> list[str]:
    """What the recipe has made pieces of: its symbols and its tags."""
    tags = [tag for source in prepared.manifest.sources for tag in source.get("tags", [])]
    return list(dict.fromkeys((*prepared.manifest.settings["tokenizer"]["user_defined_symbols"], *tags)))


def _segmenters(config: SamplingConfig, prepared: Prepared) -> tuple[Segmenter | None, Segmenter | None]:
    """What draws segmentations of the source and the target; None for a side that is left as it is."""
    subword, settings, tokenizer = config.subword, prepared.manifest.settings["tokenizer"], prepared.tokenizer
    if not subword.probability:
        return None, None
    symbols = _symbols(prepared)

    def of(side: Side) -> Segmenter:
        return segmenter(
            side,
            settings["type"] if tokenizer.vocabulary is None else None,
            alpha=subword.alpha,
            n_best=subword.n_best,
            dropout=subword.dropout,
            symbols=symbols,
        )

    of_src, of_tgt = {"both": (True, True), "src": (True, False), "tgt": (False, True)}[subword.sides]
    return of(tokenizer.src_side) if of_src else None, of(tokenizer.tgt_side) if of_tgt else None


def _split(ids: SideIds) -> tuple[list[Ids], list[Ids]]:
    """The list of each pair, of both sides."""
    src, tgt = (np.split(values, np.cumsum(lengths)[:-1]) for values, lengths in ids)
    return src, tgt


def _laid_out(ids: list[list[int]]) -> IdLists:
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
    return np.array([token for each in ids for token in each], dtype=np.int64), lengths
