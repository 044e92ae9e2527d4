"""Where sentences end, by rules that hold in many languages: for lines that hold more than one.

A line that is cut inside a sentence is translated worse, so that a sign which may not be an end (after an initial, a
title, an ordinal number) is none.
"""

import itertools
import re

from mtkit.languages.codes import base_language

CLOSING = "[\"'”’»›)\\]】」』]*+"
"""What may stand between the sign that ends a sentence, or a clause, and the space after it."""

# After the first sign of a run no other one is tried: the time grows with the length of the text alone.
_MARKS = ".!?…।؟۔"
_END = re.compile(rf"(?<![{_MARKS}])[{_MARKS}]++{CLOSING}(?=\s)|[。！？]++{CLOSING}")
# Armenian, Ethiopic, Khmer, Myanmar, Ol Chiki, Meetei Mayek, the double danda and the Tibetan end of a topic.
_OTHER_SCRIPTS = "։።፧፨។៕။᱾᱿꯫॥༎"
_END_IN_ANY = re.compile(rf"{_END.pattern}|[{_OTHER_SCRIPTS}]++{CLOSING}")
_NEXT = re.compile(r"\s*+[\"'“„‘«‹(\[{¿¡–—-]{0,3}\s?(\S?)")

_TITLES = (  # in front of a name or a number more often than at the end of a sentence
    "mr mrs ms dr drs prof rev hon gen col capt cpt lt sgt maj cmdr adm sen rep gov pres messrs st ste mt vs approx cf "
    "viz al hr hrn bzw ca vgl evtl ggf sog inkl exkl zzgl bspw geb str tel mme mmes mlle mgr mm sra srta sres sr ud "
    "uds sig sigg dott ing avv dhr mevr inż ks ul проф акад гр ул им г стр рис"
)
_REFERENCES = (  # shortened words in front of a number alone
    "no nos nr nrs num p pp pg vol fig figs art arts sec ch chap ed eq abs bd kap ziff jan feb mar apr jun jul aug sep "
    "sept oct nov dec okt dez núm pág págs cap vol fasc"
)
_ABBREVIATIONS, _BEFORE_NUMBERS = frozenset(_TITLES.split()), frozenset(_REFERENCES.split())
_LONGEST_WORD = 12  # characters that are looked at before a full stop
_ORDINAL_LANGUAGES = "bs cs da de et fi hr hu is lb lv nb nn no pl sk sl sr tr"
_WITH_ORDINALS = frozenset(
    ["bs", "cs", "da", "de", "et", "fi", "hr", "hu", "is", "lb", "lv", "nb", "nn", "no", "pl", "sk", "sl", "sr", "tr"]
)
_ORDINAL = re.compile(r"\d{1,2}|[IVXLC]+")


def has_ordinals(language: str | None) -> bool:
    """Whether a language writes a full stop after an ordinal number, by its code (``de``, ``de-AT``); None may."""
    return language is None or base_language(language) in _WITH_ORDINALS


def sentences(text: str, *, ordinals: bool = True, any_script: bool = False) -> list[tuple[str, str]]:
    """The sentences of a text, each with the white space before it: laid end to end they are the text.

    Args:
        text: Without white space around it.
        ordinals: Whether a short number with a full stop may be an ordinal one.
        any_script: Know the signs of rarer scripts too, which a model that was trained here was not counted by.

    Returns:
        White space and sentence, in their order; a text of one sentence is one of them. Signs alone are none.
    """
    ends = _ends(text, ordinals=ordinals, pattern=_END_IN_ANY if any_script else _END)
    parts = [text[start:end] for start, end in itertools.pairwise([0, *ends, len(text)])]
    stripped = [part.lstrip() for part in parts]
    return [(part[: len(part) - len(rest)], rest) for part, rest in zip(parts, stripped, strict=True)]


def count_sentences(text: str) -> int:
    """How many sentences a text has; 1 for one that has none."""
    return len(_ends(text, ordinals=True)) + 1


def _ends(text: str, *, ordinals: bool, pattern: re.Pattern[str] = _END) -> list[int]:
    """Where sentences end, but for the last one."""
    ends = []
    looked_at, has_words = 0, False
    for match in pattern.finditer(text):
        has_words = has_words or any(map(str.isalnum, text[looked_at : match.start()]))
        looked_at = match.end()
        if has_words and _is_end(text, match, ordinals=ordinals):
            ends.append(match.end())
            has_words = False
    if ends and not any(map(str.isalnum, text[ends[-1] :])):
        ends.pop()
    return ends


def _is_end(text: str, match: re.Match[str], *, ordinals: bool) -> bool:
    """Whether a sign that may end a sentence does."""
    following = _NEXT.match(text, match.end())
    first = following[1] if following else ""
    if not first or first.islower() or first in _MARKS:
        return False
    is_dot = match[0][0] == "." and match[0][1:2] not in tuple(_MARKS)
    return not is_dot or _is_full_stop(text, match.start(), first, ordinals=ordinals)


def _is_full_stop(text: str, place: int, first: str, *, ordinals: bool) -> bool:
    """Whether a dot ends a sentence, and not a shortened word; ``first`` is the letter after it."""
    before = text[max(place - _LONGEST_WORD, 0) : place].split()
    word = before[-1].lstrip("\"'“„‘«‹([{¿¡") if before else ""
    if (len(word) == 1 and word.isalpha()) or "." in word:
        return False
    if _ORDINAL.fullmatch(word) and (ordinals or place == len(word)):  # at the beginning it counts a list
        return False
    folded = word.casefold()
    return folded not in _ABBREVIATIONS and not (first.isdigit() and folded in _BEFORE_NUMBERS)
