"""The pieces before the texts of a corpus: tags that the recipe names, and the languages that a tokenizer knows."""

from mtkit.data.sources.sources import PLACES
from mtkit.data.tokens.language_pieces import meant
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.settings.data import DataConfig
from mtkit.settings.source import SourceConfig

_MODEL = "the tokenizer's model"


def pieces_before(
    data: DataConfig, config: SourceConfig, tokenizer: Tokenizer, *, model: str = _MODEL
) -> tuple[list[str], list[str]]:
    """The pieces before the texts of a source and before those of its target.

    Args:
        data: Languages of the corpus.
        config: Of the source.
        tokenizer: Whose pieces they are.
        model: The name of its model, for errors.

    Raises:
        ConfigError: If the tokenizer does not know the languages of the source.
    """
    own = data.tags_of(config)
    pieces = tokenizer.languages
    if pieces is None:
        return own, []
    src_lang, tgt_lang = data.languages_of(config)
    languages = [
        meant(given, codes, where=f"data.{key}: {given}: {model}") if codes else given
        for key, given, codes in (
            ("src_lang", src_lang, pieces.src_codes()),
            ("tgt_lang", tgt_lang, pieces.tgt_codes()),
        )
    ]
    found = pieces.prefix(*languages)
    return [*tokenizer.src_tokens(found.src), *own], tokenizer.tokens(found.tgt)


def check_pieces(data: DataConfig, tokenizer: Tokenizer, *, model: str = _MODEL) -> None:
    """Make sure that a tokenizer has what stands before the texts of a corpus; nothing of the corpus is read.

    Args:
        data: Languages, tags and sources.
        tokenizer: Of a model that exists.
        model: Its name, for errors.

    Raises:
        ConfigError: If it does not know a language of the corpus.
        VocabularyError: If it lacks a tag of it.
    """
    for config in (config for place in PLACES for config in data.sources_of(place)):
        tokenizer.prefix(*pieces_before(data, config, tokenizer, model=model))
