"""The tokenizer of a corpus: trained on an even sample of the pairs that cleaning has left."""

from collections.abc import Collection, Iterator
from functools import partial

import numpy as np

from mtkit.data.cleaning.judging import Judgement
from mtkit.data.cleaning.spool import read_rows, read_side
from mtkit.data.tokens.extending import NewTags, extended
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.data.tokens.training import VocabularyTooSmallError, train_tokenizer
from mtkit.languages.codes import base_language
from mtkit.log import logger
from mtkit.settings.data import DataConfig
from mtkit.settings.presets import default_vocab_size
from mtkit.settings.tokenizer import TokenizerConfig


def tokenizer_for(judgement: Judgement, config: TokenizerConfig, *, max_vocab_size: int | None = None) -> Tokenizer:
    """Train on all pairs that are kept so far, of which there must be some, or on evenly spaced ones where those exceed
    the sample.

    ``max_vocab_size`` limits what is chosen where the settings do not say the number of pieces.

    Raises:
        VocabularyError: If the tokenizer cannot be trained as asked.
    """
    n_read = len(judgement.verdicts)
    n_pairs = _n_kept(judgement)
    # A joint model reads both sides, separate ones a side each.
    n_of_model = int(judgement.n_characters.sum() if config.joint else judgement.n_characters.max())
    n_wanted = min(max(config.max_sample_characters * n_read // n_of_model, 1), n_pairs)
    logger.info("training the tokenizer on %s of %s pairs", f"{n_wanted:,}", f"{n_pairs:,}")

    def train(vocab_size: int, *, exact: bool) -> Tokenizer:
        src_lines, tgt_lines = (kept_segments(judgement, side, n_wanted) for side in (0, 1))
        return train_tokenizer(src_lines, tgt_lines, config, vocab_size, exact=exact)

    if config.vocab_size is not None:
        return train(config.vocab_size, exact=True)
    vocab_size = default_vocab_size(n_pairs)
    if max_vocab_size is not None and max_vocab_size < vocab_size:
        sizes = f"{max_vocab_size:,}", f"{vocab_size:,}"
        logger.info("a vocabulary of %s, not %s: there is no time to learn more pieces", *sizes)
        vocab_size = max_vocab_size
    try:
        return train(vocab_size, exact=False)
    except VocabularyTooSmallError as error:  # a script of many characters
        return train(error.needed + vocab_size, exact=False)


def extended_for(
    judgement: Judgement,
    data: DataConfig,
    config: TokenizerConfig,
    base: Tokenizer,
    *,
    known_languages: Collection[str],
) -> Tokenizer:
    """The tokenizer of a model with what ``tokenizer.extend`` adds; as it is where that adds nothing.

    Pieces are learnt from the sides that are in languages which the model does not know, or from both.

    Args:
        judgement: The training pairs, some of which are kept.
        data: Languages and tags of the recipe.
        config: What is to be added.
        base: The tokenizer.
        known_languages: Languages of its model, as ``base_language`` has them.

    Raises:
        VocabularyError: If the tokenizer cannot take pieces or tags.
    """
    extend = config.extend
    if not extend.adds:
        return base
    languages = [{base_language(pair[side]) for pair in data.directions} for side in (0, 1)]
    new = [bool(each - {*known_languages}) for each in languages]
    n_wanted = max(config.max_sample_characters * len(judgement.verdicts) // int(judgement.n_characters.sum()), 1)
    src_lines, tgt_lines = (
        partial(kept_segments, judgement, side, n_wanted) if new[side] or not any(new) else None for side in (0, 1)
    )
    tags = NewTags(data.all_tags, data.directions) if extend.languages else NewTags()
    found = extended(base, src_lines, tgt_lines, extend.pieces, tags)
    grown = found.src_vocab_size - base.src_vocab_size, found.tgt_vocab_size - base.tgt_vocab_size
    logger.info(
        "the tokenizer grows by %d pieces%s",
        grown[0],
        "" if found.joint else f" of the source, {grown[1]} of the target",
    )
    return found


def _n_kept(judgement: Judgement) -> int:
    """The number of pairs that are kept so far."""
    return len(judgement.verdicts) - int(np.count_nonzero(judgement.verdicts))


def kept_segments(judgement: Judgement, side: int, n_wanted: int) -> Iterator[str]:
    """As many of the segments that are kept, evenly spaced; all of them where there are no more."""
    n_pairs = _n_kept(judgement)
    n_wanted = min(n_wanted, n_pairs)
    n_kept = 0
    for block in judgement.blocks:
        kept = np.flatnonzero(judgement.verdicts_of(block)[read_rows(judgement.spool, block)] == 0)
        ranks = np.arange(n_kept, n_kept + len(kept))
        n_kept += len(kept)
        wanted = kept[(ranks + 1) * n_wanted // n_pairs > ranks * n_wanted // n_pairs]
        if len(wanted):
            segments = read_side(judgement.spool, block, side)
            for i in wanted.tolist():
                yield segments[i]
