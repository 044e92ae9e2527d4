"""Constructions about things: what they are like, where they are, whose they are. Each returns English and German."""

import random
from collections.abc import Callable
from dataclasses import replace

from grammar import english, german
from grammar.clause import spaced
from grammar.daily import Pair
from grammar.phrases import (
    ADJECTIVES,
    FAMILIES,
    MEN,
    WOMEN,
    Adjective,
    Noun,
    Phrase,
    adjective,
    between,
    capital,
    chance,
    kin,
    noun,
    nouns,
    person,
    pick,
    someone,
)
from grammar.predicates import CITIES

_IT = {
    "nom": {"m": "er", "f": "sie", "n": "es", "p": "sie"},
    "acc": {"m": "ihn", "f": "sie", "n": "es", "p": "sie"},
}
_LONG_ADJECTIVES = (
    *("famous", "beautiful", "expensive", "modern", "interesting", "boring", "important", "difficult", "polite"),
    *("empty",),
)
_IRREGULAR = {"good": ("better", "best"), "bad": ("worse", "worst")}
_SURFACES = (("on", "auf", "table"), ("on", "auf", "chair"), ("on", "auf", "bed"), ("on", "auf", "sofa"))
_PLACES = (
    *_SURFACES,
    *(("under", "unter", "table"), ("under", "unter", "bed"), ("in", "in", "cupboard"), ("on", "auf", "shelf")),
    *(("next to", "neben", "lamp"), ("behind", "hinter", "door"), ("in front of", "vor", "television")),
    *(("next to", "neben", "computer"), ("in", "in", "kitchen"), ("in", "in", "office")),
)
_LIE = german.GermanVerb("liegen", "liegt", "gelegen")
_STAND = german.GermanVerb("stehen", "steht", "gestanden")
_LAY = german.GermanVerb("legen", "legt", "gelegt")
_SET = german.GermanVerb("stellen", "stellt", "gestellt")
_COMPARED = ("furniture", "machine", "clothes", "animal", "town", "sight", "person", "kin", "readable")
_DEGREES = (("very", "sehr"), ("too", "zu"), ("not very", "nicht sehr"), ("quite", "ziemlich"), ("not", "nicht"))


_OPPOSITES = (
    *(("old", "young", "new"), ("small", "big"), ("cheap", "expensive"), ("good", "bad", "boring"), ("long", "short")),
    *(("difficult", "easy"), ("interesting", "boring"), ("dark", "bright"), ("modern", "old"), ("lazy", "famous")),
)


def degree(word: Adjective, superlative: bool = False) -> str:
    """Return the English comparative or superlative of an adjective."""
    name = word.english
    if name in _IRREGULAR:
        return _IRREGULAR[name][superlative]
    if name in _LONG_ADJECTIVES:
        return ("most " if superlative else "more ") + name
    if name.endswith("y"):
        name = name[:-1] + "i"
    elif name in ("big", "hot", "sad"):
        name += name[-1]
    return name.removesuffix("e") + ("est" if superlative else "er")


def _comparable(rng: random.Random, classes: frozenset[str]) -> Adjective:
    return pick(rng, [word for word in ADJECTIVES if word.classes & classes and word.comparative])


def _clash(one: Adjective, other: Adjective) -> bool:
    """Whether nothing can be both: small and big, red and blue, old and old."""
    colours = "colour" in one.classes and "colour" in other.classes
    return one == other or colours or any({one.english, other.english} <= set(group) for group in _OPPOSITES)


def _is(phrase: Phrase) -> tuple[str, str]:
    return ("are", "sind") if phrase.plural else ("is", "ist")


def _known(rng: random.Random, item: Noun, decorated: float = 0.3, plural: float = 0.2) -> Phrase:
    """Return a thing with the, this or a possessive."""
    places = {"place", "sight", "town", "vehicle", "person"}
    choices = ("the", "this") if item.classes & places else ("the", "this", "my", "his", "her", "our", "their")
    many = "pair" in item.classes or (item.german.plural != "" and chance(rng, plural))
    return Phrase(pick(rng, choices), item, adjective(rng, item, decorated), many)


def quality(rng: random.Random) -> Pair:
    """Our old house is very quiet."""
    item = pick(rng, nouns("goods", "room", "sight", "town", "event", "matter", "animal", "clothes", "person", "food"))
    phrase, word, (very, sehr) = _known(rng, item), adjective(rng, item), pick(rng, _DEGREES)
    if word is None or (phrase.adjective and _clash(word, phrase.adjective)):
        return quality(rng)
    if "colour" in word.classes:
        very, sehr = "", ""
    (are, sind), (were, waren) = _is(phrase), (("were", "waren") if phrase.plural else ("was", "war"))
    if chance(rng, 0.3):
        are, sind = were, waren
    first = spaced(capital(phrase.english()), are, very, word.english)
    return first + ".", spaced(capital(phrase.german("nom")), sind, sehr, word.german) + "."


def comparison(rng: random.Random) -> Pair:
    """This book is more interesting than the film; our dog is as old as his cat."""
    group = pick(rng, _COMPARED)
    one, other = _known(rng, pick(rng, nouns(group)), 0), _known(rng, pick(rng, nouns(group)), 0)
    if one.noun == other.noun:
        return comparison(rng)
    shared = one.noun.classes & other.noun.classes
    word = _comparable(rng, frozenset({"person"}) if group in ("person", "kin") else shared)
    are, sind = _is(one)
    if chance(rng, 0.35):
        no, nicht = pick(rng, (("", ""), ("not ", "nicht ")))
        first = f"{capital(one.english())} {are} {no}as {word.english} as {other.english()}."
        second = f"{capital(one.german('nom'))} {sind} {nicht}so {word.german} wie {other.german('nom')}."
        return first, second
    first = f"{capital(one.english())} {are} {degree(word)} than {other.english()}."
    return first, f"{capital(one.german('nom'))} {sind} {word.comparative} als {other.german('nom')}."


def superlative(rng: random.Random) -> Pair:
    """This is the oldest church in Rome; that is one of the oldest churches in the city."""
    item = pick(rng, nouns("sight", "building"))
    fitting = [word for word in ADJECTIVES if word.classes & {"sight", "building"} and word.comparative]
    word, (city, stadt) = pick(rng, fitting), pick(rng, CITIES)
    top = replace(word, english=degree(word, superlative=True), stem=word.superlative)
    if chance(rng, 0.4) and item.german.plural:
        phrase = Phrase("the", item, top, plural=True)
        one = "ein" + {"m": "er", "f": "e", "n": "es"}[item.gender]
        return f"This is one of {phrase.english()} in {city}.", f"Das ist {one} {phrase.german('gen')} in {stadt}."
    phrase = Phrase("the", item, top)
    if chance(rng, 0.5):
        town = Phrase("the", pick(rng, nouns("town")[:2]))
        return (
            f"This is {phrase.english()} in {town.english()}.",
            f"Das ist {phrase.german('nom')} {town.german('gen')}.",
        )
    return f"This is {phrase.english()} in {city}.", f"Das ist {phrase.german('nom')} in {stadt}."


def _spot(rng: random.Random, case: str) -> Pair:
    where, wo, name = pick(rng, _PLACES)
    return f"{where} the {name}", german.contract(wo, Phrase("the", noun(name)).german(case))


def _portable(rng: random.Random) -> tuple[Noun, german.GermanVerb, german.GermanVerb]:
    item = pick(rng, nouns("lies", "stands"))
    return (item, _LIE, _LAY) if "lies" in item.classes else (item, _STAND, _SET)


def lies_somewhere(rng: random.Random) -> Pair:
    """The keys are on the table."""
    (item, verb, _), (where, wo) = _portable(rng), _spot(rng, "dat")
    phrase = _known(rng, item, 0.3, 0.3)
    finite = verb.present("Sie" if phrase.plural else "er")
    if chance(rng, 0.25):
        return (
            f"{capital(_is(phrase)[0])} {phrase.english()} {where}?",
            f"{capital(finite)} {phrase.german('nom')} {wo}?",
        )
    return f"{capital(phrase.english())} {_is(phrase)[0]} {where}.", f"{capital(phrase.german('nom'))} {finite} {wo}."


def there_is(rng: random.Random) -> Pair:
    """There are three cups in the cupboard."""
    (item, verb, _), (where, wo), number = _portable(rng), _spot(rng, "dat"), between(rng, 1, 9)
    if number == 1:
        phrase = Phrase("a", item, adjective(rng, item, 0.5))
    else:
        phrase = Phrase(english.cardinal(number), item, adjective(rng, item, 0.3), True, german.cardinal(number))
    finite = verb.present("Sie" if phrase.plural else "er")
    return f"There {_is(phrase)[0]} {phrase.english()} {where}.", f"{capital(wo)} {finite} {phrase.german('nom')}."


def put(rng: random.Random) -> Pair:
    """She put the book on the table; please put the cup in the cupboard."""
    (item, _, verb), (where, wo) = _portable(rng), _spot(rng, "acc")
    phrase, who = _known(rng, item), someone(rng, address=False)
    kind = rng.random()
    if kind < 0.3:
        please, bitte = pick(rng, (("Please put", "Bitte {} Sie"), ("Put", "{} Sie")))
        imperative = bitte.format(verb.base if bitte.startswith("Bitte") else capital(verb.base))
        return f"{please} {phrase.english()} {where}.", f"{imperative} {phrase.german('acc')} {wo}."
    if kind < 0.6:
        finite = german.IRREGULAR["haben"][german.PERSONS.index(who.person)]
        first = f"{capital(who.english)} {_have(who.agreement)} put {phrase.english()} {where}."
        return first, f"{capital(who.german)} {finite} {phrase.german('acc')} {wo} {verb.participle}."
    finite = verb.present(who.person)
    first = f"{capital(who.english)} {english.BE[who.agreement]} putting {phrase.english()} {where}."
    return first, f"{capital(who.german)} {finite} {phrase.german('acc')} {wo}."


def _have(agreement: str) -> str:
    return "has" if agreement == "he" else "have"


def likes(rng: random.Random) -> Pair:
    """My sister likes the red dress."""
    item, admirer = pick(rng, nouns("clothes", "sight", "readable", "furniture")), _giver(rng)
    phrase = _known(rng, item, 0.5)
    verb, no = ("likes", "like") if not admirer.plural else ("like", "like")
    finite = "gefallen" if phrase.plural else "gefällt"
    if chance(rng, 0.25):
        do = "do" if admirer.plural else "does"
        first = f"{capital(admirer.english())} {do} not {no} {phrase.english()}."
        return first, f"{capital(phrase.german('nom'))} {finite} {admirer.german('dat')} nicht."
    first = f"{capital(admirer.english())} {verb} {phrase.english()}."
    return first, f"{capital(phrase.german('nom'))} {finite} {admirer.german('dat')}."


def _giver(rng: random.Random) -> Phrase:
    return kin(rng, pick(rng, ("my", "his", "her", "our", "their"))) if chance(rng, 0.6) else person(rng)


def belongs(rng: random.Random) -> Pair:
    """This umbrella belongs to our neighbour."""
    item, owner = pick(rng, nouns("goods", "animal", "clothes")), _giver(rng)
    plural = "pair" in item.classes or chance(rng, 0.2)
    phrase = Phrase(pick(rng, ("the", "this")), item, adjective(rng, item, 0.5), plural)
    first = f"{capital(phrase.english())} {'belong' if phrase.plural else 'belongs'} to {owner.english()}."
    finite = "gehören" if phrase.plural else "gehört"
    return first, f"{capital(phrase.german('nom'))} {finite} {owner.german('dat')}."


def whose(rng: random.Random) -> Pair:
    """This is my father's new car; Anna's dog is very clever."""
    item = pick(rng, nouns("goods", "animal", "clothes"))
    phrase = Phrase("the", item, adjective(rng, item, 0.5), "pair" in item.classes)
    bare, this_is = replace(phrase, determiner=""), ("These are" if phrase.plural else "This is")
    sind = "sind" if phrase.plural else "ist"
    kind = rng.random()
    if kind < 0.35:
        name = pick(rng, [name for name in MEN + WOMEN if name[-1] not in "sxz"])
        return f"{this_is} {name}'s {bare.english()}.", f"Das {sind} {name}s {bare.german('nom')}."
    if kind < 0.45:
        title, titel = pick(rng, (("Mr", "Herrn"), ("Mrs", "Frau")))
        family = pick(rng, FAMILIES)
        first = f"{this_is} {title} {family}'s {bare.english()}."
        return first, f"Das {sind} {phrase.german('nom')} von {titel} {family}."
    owner = _giver(rng)
    first = f"{this_is} {english.possessive(owner.english())} {bare.english()}."
    return first, f"Das {sind} {phrase.german('nom')} {owner.german('gen')}."


def cannot_find(rng: random.Random) -> Pair:
    """Where is my key? I cannot find it."""
    item, owner = pick(rng, nouns("small", "clothes", "pair")), pick(rng, ("my", "his", "her", "our"))
    who = {"my": ("I", "ich", "kann"), "his": ("He", "er", "kann"), "her": ("She", "sie", "kann")}
    subject, pronoun, finite = who.get(owner, ("We", "wir", "können"))
    phrase = Phrase(owner, item, adjective(rng, item, 0.4), "pair" in item.classes or chance(rng, 0.2))
    it, ihn = "them" if phrase.plural else "it", _IT["acc"][phrase.column]
    (are, sind), suffix = _is(phrase), phrase.german("nom")
    first = f"Where {are} {phrase.english()}? {subject} cannot find {it}."
    return first, f"Wo {sind} {suffix}? {capital(pronoun)} {finite} {ihn} nicht finden."


def but_it_is(rng: random.Random) -> Pair:
    """The coat is old, but it is very warm."""
    item = pick(rng, nouns("goods", "clothes", "building", "sight", "town", "event", "work"))
    phrase, one, other = _known(rng, item, 0), adjective(rng, item), adjective(rng, item)
    if one is None or other is None or "colour" in other.classes or _clash(one, other):
        return but_it_is(rng)
    (are, sind), it = _is(phrase), "they" if phrase.plural else "it"
    very, sehr = pick(rng, (("", ""), ("very ", "sehr "), ("not ", "nicht "), ("also ", "auch ")))
    but, aber = ("and", " und") if very == "also " else ("but", ", aber")
    first = f"{capital(phrase.english())} {are} {one.english}{'' if but == 'and' else ','} {but} {it} {are} {very}"
    second = f"{capital(phrase.german('nom'))} {sind} {one.german}{aber} {_IT['nom'][phrase.column]} {sind} {sehr}"
    return first + other.english + ".", second + other.german + "."


def bought(rng: random.Random) -> Pair:
    """I bought a coat. It was very cheap."""
    item, who = pick(rng, nouns("goods", "clothes")), someone(rng, address=False)
    plural = "pair" in item.classes
    phrase = Phrase("a", item, None, plural)
    word, wort = pick(rng, (("very cheap", "sehr billig"), ("quite expensive", "ziemlich teuer")))
    finite = german.IRREGULAR["haben"][german.PERSONS.index(who.person)]
    it, (was, war) = ("They", ("were", "waren")) if plural else ("It", ("was", "war"))
    first = f"{capital(who.english)} bought {phrase.english()}. {it} {was} {word}."
    es = capital(_IT["nom"][phrase.column])
    return first, spaced(capital(who.german), finite, phrase.german("acc"), f"gekauft. {es} {war} {wort}.")


CONSTRUCTIONS: tuple[tuple[Callable[[random.Random], Pair], int], ...] = (
    *((quality, 14), (comparison, 14), (superlative, 9), (lies_somewhere, 10), (there_is, 8), (put, 14), (likes, 12)),
    *((belongs, 9), (whose, 10), (cannot_find, 7), (but_it_is, 12), (bought, 7)),
)
