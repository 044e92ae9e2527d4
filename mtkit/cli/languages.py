"""The languages of a test set, as a command line names them: together, or one by one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mtkit.cli.help import of_input
from mtkit.errors import ConfigError

if TYPE_CHECKING:
    from mtkit.evaluation.sets import LanguagePair

PairOption = Annotated[
    str | None,
    of_input(
        "--language-pair", "-l", metavar="SRC-TGT", help="Both languages, such as en-zh; they choose BLEU's tokenizer."
    ),
]
SrcOption = Annotated[str | None, of_input("--src-lang", "-s", metavar="CODE", help="Source language, without -l.")]
TgtOption = Annotated[str | None, of_input("--tgt-lang", "-t", metavar="CODE", help="Target language, without -l.")]

_UNKNOWN = "und"
"""ISO 639's code of a language that is not known."""


@dataclass(frozen=True)
class NamedLanguages:
    """The values of ``-l``, ``--src-lang`` and ``--tgt-lang``."""

    language_pair: str | None
    src_lang: str | None
    tgt_lang: str | None

    def pair(self, src_lang: str | None = None, tgt_lang: str | None = None) -> "LanguagePair | None":
        """Codes of source and target language; None where nothing is said.

        Args:
            src_lang: Of the model, where one translates.
            tgt_lang: Of the model.

        Raises:
            ConfigError: If what is said contradicts itself, or is not a pair.
        """
        from mtkit.evaluation.sets import parse_language_pair

        if self.language_pair is not None:
            if self.src_lang is not None or self.tgt_lang is not None:
                raise ConfigError(f"-l {self.language_pair} names both languages: leave out --src-lang and --tgt-lang")
            return parse_language_pair(self.language_pair)
        src_lang, tgt_lang = self.src_lang or src_lang, self.tgt_lang or tgt_lang
        return None if src_lang is None and tgt_lang is None else (src_lang or _UNKNOWN, tgt_lang or _UNKNOWN)

    def of_model(self, src_lang: str, tgt_lang: str) -> "LanguagePair":
        """Codes of the languages where a model translates, by default its own."""
        pair = self.pair(src_lang, tgt_lang)
        assert pair is not None
        return pair
