"""A language under any of its usual names: de, deu, deu_Latn, de_DE, >>deu<<, __de__, <2de> and German are one."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mtkit.languages.table import codes, english_names, names

_TAGS = re.compile(r">>(.+)<<|__(.+)__|<2(.+)>|<(.+)>|\[(.+)\]")
"""How models write a language among the pieces of a text."""

_SCRIPTS_OF_REGIONS = {
    ("zh", "cn"): "hans", ("zh", "sg"): "hans", ("zh", "tw"): "hant", ("zh", "hk"): "hant", ("zh", "mo"): "hant",
}  # fmt: skip
_USUAL_SCRIPTS = {"zh": "hans", "ar": "arab", "ks": "arab", "sr": "cyrl"}
"""Of languages that models have in several scripts; of others it is Latin, where that is one of them."""

_NO_REGION = "xx"
"""What mBART writes where a language has no region."""

_WORDS = {
    "simplified": ("hans", ""), "traditional": ("hant", ""), "latin": ("latn", ""), "cyrillic": ("cyrl", ""),
    "arabic": ("arab", ""), "brazilian": ("", "br"), "brazil": ("", "br"), "european": ("", "pt"),
    "portugal": ("", "pt"), "british": ("", "gb"), "american": ("", "us"), "mexican": ("", "mx"), "mexico": ("", "mx"),
    "canadian": ("", "ca"), "canada": ("", "ca"),
}  # fmt: skip
"""What is said besides a language's name, as a script or a region."""

_ALIKE = {"no": "nb", "nb": "no", "fil": "tl", "tl": "fil"}
"""Languages of which a model has one or the other."""

_MOST_NEAR = 5


@dataclass(frozen=True)
class _Name:
    """A language as it was written."""

    base: str
    """The code that stands for it, or what was written where that is not known."""

    script: str = ""
    region: str = ""


def matching(given: str, known: Sequence[str]) -> list[str]:
    """The languages of a model that a name means, by the model's own codes.

    Args:
        given: A code, a tag or an English name; case does not count.
        known: The model's codes.

    Returns:
        One; none if the model does not have the language, or not in this script or region; several if the name leaves
        open which region is meant.
    """
    plain = _plain(given)
    exact = [code for code in known if code == given] or [code for code in known if _plain(code) == plain]
    if exact:
        return exact[:1]
    wanted = _parsed(plain)
    found = [(code, name) for code, name in _named(tuple(known)) if name.base == wanted.base]
    if not found and wanted.base in _ALIKE:
        found = [(code, name) for code, name in _named(tuple(known)) if name.base == _ALIKE[wanted.base]]
    found = [
        (code, name) for code, name in found if _fit(wanted.script, name.script) and _fit(wanted.region, name.region)
    ]
    if not found:
        return []
    ranks = [_rank(wanted, name) for _, name in found]
    best = [(code, name) for (code, name), rank in zip(found, ranks, strict=True) if rank == min(ranks)]
    if len({name.region for _, name in best}) > 1:
        return [code for code, _ in best]
    return [best[0][0]]


def near(given: str, known: Iterable[str]) -> list[str]:
    """The languages of a model that a name may have been meant to be, each with its English name where it has one."""
    spelt: dict[str, str] = {}
    known = list(known)
    wanted = _parsed(_plain(given))
    for code in known:
        name = _parsed(_plain(code))
        spelt.setdefault(_plain(code), code)
        spelt.setdefault(name.base, code)
        if name.base in english_names():
            spelt.setdefault(english_names()[name.base].casefold(), code)
    of_same = [code for code in known if _parsed(_plain(code)).base == wanted.base]
    close = difflib.get_close_matches(_plain(given), spelt, n=2 * _MOST_NEAR, cutoff=0.5)
    found = dict.fromkeys([*of_same, *(spelt[name] for name in close)])
    return [called(code) for code in list(found)[:_MOST_NEAR]]


def called(code: str) -> str:
    """``deu_Latn (German)``; the code alone where its name is not known."""
    name = english_name(code)
    return code if name is None else f"{code} ({name})"


def english_name(code: str) -> str | None:
    """The English name of the language that a model's code means."""
    return english_names().get(_parsed(_plain(code)).base)


def _plain(name: str) -> str:
    """Without the signs of a tag, in lower case, with one sign between its parts."""
    name = name.strip()
    tag = _TAGS.fullmatch(name)
    if tag is not None:
        name = next(inner for inner in tag.groups() if inner is not None)
    return name.casefold().replace("-", "_")


@lru_cache(maxsize=4096)
def _parsed(plain: str) -> _Name:
    of_code, of_name = codes(), names()
    if plain in of_name:
        return _Name(of_name[plain])
    base, *rest = plain.split("_")
    if base in of_code:
        script = next((part for part in rest if len(part) == 4 and part.isalpha()), "")
        region = next((part for part in rest if len(part) in (2, 3) and part != _NO_REGION), "")
        base = of_code[base]
        script = script or _SCRIPTS_OF_REGIONS.get((base, region), "")
        return _Name(base, script, "" if (base, region) in _SCRIPTS_OF_REGIONS else region)
    words = re.findall(r"[^\W_]+", plain)
    said = [_WORDS[word] for word in words if word in _WORDS]
    language = " ".join(word for word in words if word not in _WORDS)
    if said and language in of_name:
        scripts, regions = ([part for part in parts if part] for parts in zip(*said, strict=True))
        return _Name(of_name[language], "".join(scripts[:1]), "".join(regions[:1]))
    return _Name(plain)


@lru_cache(maxsize=16)
def _named(known: tuple[str, ...]) -> list[tuple[str, _Name]]:
    return [(code, _parsed(_plain(code))) for code in known]


def _fit(wanted: str, has: str) -> bool:
    """Whether a script or region is the one that is wanted; what is not said may be any."""
    return not wanted or not has or wanted == has


def _rank(wanted: _Name, name: _Name) -> tuple[bool, ...]:
    """How far a language is from what is wanted: the least is the best."""
    script = wanted.script or (_USUAL_SCRIPTS.get(name.base, "latn") if name.script else "")
    return (
        name.script != wanted.script if wanted.script else name.script not in ("", script),
        name.region != wanted.region if wanted.region else bool(name.region),
    )
