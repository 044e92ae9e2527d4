"""What size the model of a recipe has, before anything is trained."""

from dataclasses import dataclass

from mtkit.data.corpus.prepared import Prepared, open_prepared
from mtkit.log import logger
from mtkit.settings.presets import SIZE_CLASSES, default_vocab_size
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings
from mtkit.training.run import before_corpus
from mtkit.training.starting import start_of


@dataclass(frozen=True)
class Sizes:
    """A recipe, resolved as far as can be."""

    config: Config
    prepared: Prepared | None
    """The corpus, where it is prepared: preset and vocabulary are final then."""

    src_vocab_size: int
    tgt_vocab_size: int


def sizes_of(settings: Settings) -> Sizes:
    """Sizes of the prepared corpus, or else typical ones.

    Raises:
        MtkitError: For everything that a user can fix.
    """
    if (start := start_of(settings, None)) is not None:
        before = before_corpus(settings, start).config()
        directory = before.prepared_directory
        prepared = open_prepared(directory) if directory.exists() else None
        config = before if prepared is None else start.under(settings, prepared.manifest).config()
        return Sizes(config, prepared, start.tokenizer.src_vocab_size, start.tokenizer.tgt_vocab_size)
    before = settings.before_corpus().config()
    if before.prepared_directory.exists():
        prepared = open_prepared(before.prepared_directory)
        config = settings.for_corpus(prepared.manifest.n_train)[0].config()
        return Sizes(config, prepared, prepared.tokenizer.src_vocab_size, prepared.tokenizer.tgt_vocab_size)
    if before.model.preset == "auto":
        logger.warning(
            "the preset that suits the corpus is known once it is prepared: run mtkit preprocess first, "
            "or name one with --set model.preset=NAME"
        )
    vocab_size = before.tokenizer.vocab_size or _typical_vocab_size(before.model.preset)
    return Sizes(before, None, vocab_size, vocab_size)


def _typical_vocab_size(preset: str) -> int:
    """Vocabulary size for a corpus in the middle of the range that a preset is for."""
    named = SIZE_CLASSES[preset].max_pairs if preset in SIZE_CLASSES else float("inf")
    return default_vocab_size(int(min(named or 500_000, 1e9) / 5))
