"""The languages that a model was trained on, and the tags that tell it which of them are meant."""

from mtkit.bundle.bundle import Bundle
from mtkit.errors import ConfigError
from mtkit.settings.data import language_tags


def prefix_for(bundle: Bundle, src_lang: str | None = None, tgt_lang: str | None = None) -> list[int]:
    """The source ids that stand before every text.

    Args:
        bundle: The model.
        src_lang: Language code of the text; by default the one that the model reads most naturally: its recipe's own.
        tgt_lang: Language code of the translation; by default its recipe's own.

    Raises:
        ConfigError: If the model was not trained on these languages, naming those that it knows.
    """
    data = bundle.data
    kind = "none" if data is None else data.language_tags
    src, tgt = direction_of(bundle, src_lang, tgt_lang)
    if kind == "none" and len(_directions(bundle)) > 1 and (src_lang or tgt_lang):
        raise ConfigError(
            f"{bundle.directory}: trained without language tags, so that it cannot be told the languages; "
            "leave out --src-lang and --tgt-lang, or train with data.language_tags: target"
        )
    return bundle.tokenizer.tag_ids(language_tags(kind, src, tgt))


def direction_of(bundle: Bundle, src_lang: str | None = None, tgt_lang: str | None = None) -> tuple[str, str]:
    """The codes of source and target that ``prefix_for`` takes; arguments and errors as there."""
    directions = _directions(bundle)
    _check("--src-lang", src_lang, [src for src, _ in directions], bundle)
    _check("--tgt-lang", tgt_lang, [tgt for _, tgt in directions], bundle)
    return _chosen(directions, (bundle.src_lang, bundle.tgt_lang), src_lang, tgt_lang)


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


def _check(option: str, given: str | None, known: list[str], bundle: Bundle) -> None:
    if given is not None and given not in known:
        names = ", ".join(dict.fromkeys(known))
        raise ConfigError(f"{option} {given}: {bundle.directory} was not trained on it; it knows {names}")
