"""The pieces by which a model of several languages is told which are meant, where its tokenizer has such of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtkit.data.tokens.special import Prefix
from mtkit.errors import ConfigError
from mtkit.languages.naming import english_name, matching, near

Prefixes = Mapping[str, Sequence[int]]
"""Ids by the code of a language."""

_FEW = 20
"""Languages that an error lists; of more it names those that are spelt alike."""


@dataclass(frozen=True)
class LanguagePieces:
    """Ids by the codes that the model calls its languages."""

    source: Prefixes
    """Before the source, by the language of the source."""

    target: Prefixes
    """Before the source, after those of ``source``, by the language of the target."""

    forced: Prefixes
    """What the target begins with, by its language."""

    def src_codes(self) -> list[str]:
        """The languages of a source; none where the model is not told that."""
        return list(self.source)

    def tgt_codes(self) -> list[str]:
        """The languages of a target; none where the model is not told that."""
        return list(dict.fromkeys((*self.target, *self.forced)))

    def prefix(self, src_lang: str, tgt_lang: str) -> Prefix:
        """The ids of a direction, under any name of its languages; nothing for a language that is not known."""
        src, tgt = (
            next(iter(matching(name, known)), name)
            for name, known in ((src_lang, self.src_codes()), (tgt_lang, self.tgt_codes()))
        )
        of_src = (*self.source.get(src, ()), *self.target.get(tgt, ()))
        return Prefix(of_src, tuple(self.forced.get(tgt, ())))


def meant(given: str, codes: Sequence[str], *, where: str, listed_by: str | None = None) -> str:
    """The one of a model's codes that a name means.

    Args:
        given: Any usual name of a language.
        codes: The model's.
        where: What an error begins with: what said so, and the model.
        listed_by: The command that lists all languages of the model.

    Raises:
        ConfigError: If the model does not have the language, naming near ones, or has several that are meant.
    """
    found = matching(given, codes)
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{where} knows {', '.join(found)}: name one of them")
    known = list(dict.fromkeys(codes))
    lacks = "was not trained on it"
    if english_name(given) is None:
        lacks = f"has no such language, and {given} is not a language code"
    if len(known) <= _FEW:
        raise ConfigError(f"{where} {lacks}; it knows {', '.join(known)}")
    alike = near(given, known)
    near_ones = f"; near ones are {', '.join(alike)}" if alike else ""
    all_ones = f"; {listed_by} lists all {len(known)}" if listed_by else f" of its {len(known)}"
    raise ConfigError(f"{where} {lacks}{near_ones}{all_ones}")


def longest_prefix(pieces: LanguagePieces | None) -> int:
    """The most ids that a direction can put before a source or a target."""
    if pieces is None:
        return 0
    source, target, forced = (
        max(map(len, each.values()), default=0) for each in (pieces.source, pieces.target, pieces.forced)
    )
    return max(source + target, forced)
