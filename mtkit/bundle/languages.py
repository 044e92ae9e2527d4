"""The languages that a model was trained on, and the tags that tell it which of them are meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtkit.bundle.bundle import Bundle
from mtkit.data.tokens.language_pieces import meant
from mtkit.data.tokens.special import Prefix
from mtkit.errors import ConfigError
from mtkit.languages.naming import english_name, matching
from mtkit.settings.data import language_tags

LANGUAGES_NEEDED = "languages_needed"
"""Key of the manifest: whether no direction is the model's own, so that each use must name one."""


@dataclass(frozen=True)
class Languages:
    """What a model can be told, by its own codes."""

    src: list[str]
    """Languages of the source; of a model that is not told them those that are noted."""

    tgt: list[str]
    """Languages of the target."""

    default: tuple[str, str] | None
    """The direction that is taken where none is named; None where one must be."""


def languages_of(bundle: Bundle) -> Languages:
    """The languages of a model."""
    pieces = bundle.tokenizer.languages
    directions = _directions(bundle)
    src, tgt = (list(dict.fromkeys(side)) for side in zip(*directions, strict=True))
    needed = bundle.metadata.get(LANGUAGES_NEEDED) is True
    if pieces is not None:
        src, tgt = pieces.src_codes() or src, pieces.tgt_codes() or tgt
    return Languages(src, tgt, None if needed else (bundle.src_lang, bundle.tgt_lang))


def has_tags(bundle: Bundle) -> bool:
    """Whether a model is told its languages."""
    return bundle.tokenizer.languages is not None or (bundle.data is not None and bundle.data.language_tags != "none")


def prefixes_for(bundle: Bundle, src_lang: str | None = None, tgt_lang: str | None = None) -> Prefix:
    """The ids that stand before every text, and those that every translation begins with.

    Args:
        bundle: The model.
        src_lang: Language of the text, under any usual name; by default the one that the model reads most naturally:
            its recipe's own.
        tgt_lang: Language of the translation; by default its recipe's own.

    Raises:
        ConfigError: If the model was not trained on these languages, naming those that it knows, or if it has no
            direction of its own and none is named.
    """
    data, pieces = bundle.data, bundle.tokenizer.languages
    kind = "none" if data is None else data.language_tags
    src, tgt = direction_of(bundle, src_lang, tgt_lang)
    if kind == "none" and pieces is None and len(_directions(bundle)) > 1 and (src_lang or tgt_lang):
        raise ConfigError(
            f"{bundle.directory}: trained without language tags, so that it cannot be told the languages; "
            "leave out --src-lang and --tgt-lang, or train with data.language_tags: target"
        )
    tags = bundle.tokenizer.tag_ids(language_tags(kind, src, tgt))
    own = Prefix() if pieces is None else pieces.prefix(src, tgt)
    found = Prefix((*own.src, *tags), own.tgt)
    if max(map(len, found)) + 2 > bundle.model.max_length:
        reason = f"reads {bundle.model.max_length} tokens, too few for the tags of its languages and a text"
        raise ConfigError(f"{bundle.directory}: {reason}")
    return found


def prefix_for(bundle: Bundle, src_lang: str | None = None, tgt_lang: str | None = None) -> list[int]:
    """The source ids that stand before every text; arguments and errors as for ``prefixes_for``."""
    return list(prefixes_for(bundle, src_lang, tgt_lang).src)


def forced_for(bundle: Bundle, tgt_lang: str | None = None) -> list[int]:
    """The target ids that every translation into a language begins with; errors as for ``prefixes_for``."""
    pieces = bundle.tokenizer.languages
    if pieces is None or not pieces.forced:
        return []
    return list(pieces.prefix("", _told(bundle, "--tgt-lang", tgt_lang, bundle.tgt_lang, pieces.tgt_codes())).tgt)


def direction_of(bundle: Bundle, src_lang: str | None = None, tgt_lang: str | None = None) -> tuple[str, str]:
    """The model's codes of source and target that ``prefixes_for`` takes; arguments and errors as there."""
    pieces = bundle.tokenizer.languages
    if pieces is not None:
        known = pieces.src_codes(), pieces.tgt_codes()
        _check_named(bundle, src_lang, tgt_lang, known)
        return (
            _told(bundle, "--src-lang", src_lang, bundle.src_lang, known[0]),
            _told(bundle, "--tgt-lang", tgt_lang, bundle.tgt_lang, known[1]),
        )
    directions = _directions(bundle)
    _check_only(bundle, src_lang, tgt_lang, directions)
    src = None if src_lang is None else _known(bundle, "--src-lang", src_lang, [src for src, _ in directions])
    tgt = None if tgt_lang is None else _known(bundle, "--tgt-lang", tgt_lang, [tgt for _, tgt in directions])
    return _chosen(directions, (bundle.src_lang, bundle.tgt_lang), src, tgt)


def _directions(bundle: Bundle) -> list[tuple[str, str]]:
    return [(bundle.src_lang, bundle.tgt_lang)] if bundle.data is None else bundle.data.directions


def _chosen(
    directions: list[tuple[str, str]], default: tuple[str, str], src_lang: str | None, tgt_lang: str | None
) -> tuple[str, str]:
    """What was asked for, the rest from the recipe's own direction, or else from the first that goes with it."""
    fitting = [d for d in (default, *directions) if src_lang in (None, d[0]) and tgt_lang in (None, d[1])]
    trained = [d for d in fitting if d in directions]
    if trained:
        return trained[0]
    return src_lang or default[0], tgt_lang or default[1]  # a direction never seen, of languages that were


def _check_named(
    bundle: Bundle, src_lang: str | None, tgt_lang: str | None, known: tuple[Sequence[str], Sequence[str]]
) -> None:
    """Ask for the languages of a model that has no direction of its own."""
    if bundle.metadata.get(LANGUAGES_NEEDED) is not True:
        return
    options = (("--src-lang", src_lang, known[0]), ("--tgt-lang", tgt_lang, known[1]))
    missing = [f"{option} CODE" for option, given, codes in options if given is None and codes]
    if missing:
        n = len(set(known[0]) | set(known[1]))
        raise ConfigError(
            f"{bundle.directory}: a model of {n} languages: add {' and '.join(missing)} "
            f"(mtkit languages {bundle.path} lists them)"
        )


def _check_only(
    bundle: Bundle, src_lang: str | None, tgt_lang: str | None, directions: Sequence[tuple[str, str]]
) -> None:
    """Refuse another direction than the only one of a model, where both of its languages are languages."""
    if len(directions) != 1 or src_lang is None or tgt_lang is None:
        return
    only, asked = directions[0], (src_lang, tgt_lang)
    if all(map(english_name, asked)) and not all(matching(name, [own]) for name, own in zip(asked, only, strict=True)):
        raise ConfigError(
            f"--src-lang {src_lang} --tgt-lang {tgt_lang}: {bundle.directory} translates {only[0]} to {only[1]} only"
        )


def _told(bundle: Bundle, option: str, given: str | None, default: str, codes: Sequence[str]) -> str:
    """The model's code of a language that it is told; one that it is not told may be any where none is noted."""
    if not codes:
        if given is not None and english_name(default) is not None:
            return _known(bundle, option, given, [default])
        return given or default
    return _known(bundle, option, default if given is None else given, codes)


def _known(bundle: Bundle, option: str, given: str, codes: Sequence[str]) -> str:
    """The one of the model's codes that a name means."""
    where, lists = f"{option} {given}: {bundle.directory}", f"mtkit languages {bundle.path}"
    return meant(given, codes, where=where, listed_by=lists)
