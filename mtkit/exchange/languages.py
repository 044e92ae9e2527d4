"""The languages that an imported model translates by default: as a person names them, as its files do, or the first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mtkit.data.tokens.language_pieces import meant
from mtkit.errors import ConfigError
from mtkit.exchange.found import Found
from mtkit.languages.codes import CODE, base_language, language_mistake, meant_by
from mtkit.log import logger


@dataclass(frozen=True)
class Direction:
    """Codes of source and target, as the model calls them."""

    src: str
    tgt: str

    needed: bool = False
    """Whether a translation must name its languages, as nobody chose these."""


def choose_direction(found: Found, src: str | None, tgt: str | None) -> Direction:
    """What a model translates by default.

    Args:
        found: The model.
        src: Source as a person names it: any usual name; None where nobody did.
        tgt: The same of the target.

    Raises:
        ConfigError: If the model does not know a language, or neither its files nor a person name one.
    """
    languages = found.pieces.vocabulary.language_ids
    src_codes = [] if languages is None else languages.src_codes()
    tgt_codes = [] if languages is None else languages.tgt_codes()
    # A model that is told the target alone reads whatever it can write.
    first = _one("--src-lang", src, src_codes) if src else found.languages[0] or _sensible(src_codes or tgt_codes, None)
    second = _one("--tgt-lang", tgt, tgt_codes) if tgt else found.languages[1] or _sensible(tgt_codes, first)
    missing = [option for option, code in (("-s CODE", first), ("-t CODE", second)) if code is None]
    if first is None or second is None:
        raise ConfigError(f"its files do not say which languages it translates; name them: {' '.join(missing)}")
    if not found.multilingual:
        _check_files(found.languages, first, second)
    unsaid = (len(src_codes) > 1 and src is None) or (len(tgt_codes) > 1 and tgt is None)
    return Direction(first, second, unsaid)


def _check_files(told: tuple[str | None, str | None], src: str, tgt: str) -> None:
    """Refuse the direction against that of the files; warn of another one, as the names of files may be old."""
    of_files, asked = tuple(map(base_language, told)), (base_language(src), base_language(tgt))
    if "" in of_files or of_files == asked:
        return
    said = f"-s {src} -t {tgt}: its files say that it translates {told[0]} to {told[1]}"
    if of_files == asked[::-1]:
        raise ConfigError(f"{said}; leave out -s and -t, or import the model of the other direction")
    logger.warning("%s", said)


def _one(option: str, name: str, codes: Sequence[str]) -> str:
    """The code of a language that the model knows, by any usual name of it; of a model that is not told it, its own."""
    if codes:
        return meant(name, codes, where=f"{option} {name}: the model")
    plain = re.sub(r"^(>>|__|<2)(.*?)(<<|__|>)$", r"\2", name.strip())
    code = meant_by(plain) or plain
    if CODE.fullmatch(code) is None or (language_mistake(code) is not None and len(base_language(code)) != 3):
        raise ConfigError(f"{option} {name}: {language_mistake(code) or 'not a language code; use en, de, zh, ...'}")
    return code


def _sensible(codes: Sequence[str], other: str | None) -> str | None:
    """English where there is a choice, else the first that is not the other language."""
    if other is None:
        return next((code for code in codes if base_language(code) == "en"), next(iter(codes), None))
    return next((code for code in codes if base_language(code) != base_language(other)), None)
