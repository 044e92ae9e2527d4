"""The random choice of predicates, tenses and times: what people do, when, in the sample corpus."""

import random
import re
from dataclasses import dataclass, replace

from grammar import german
from grammar import verbs as tables
from grammar.clause import BE, SEIN, Clause, Predicate, spaced
from grammar.english import EnglishVerb
from grammar.phrases import (
    Noun,
    Person,
    Phrase,
    adjective,
    chance,
    kin,
    nouns,
    owned,
    pick,
    rows,
    someone,
)

TIMES = [(row[0], row[1], row[2]) for row in rows(tables.TIMES)]
FREQUENCY = [(row[0], row[1]) for row in rows(tables.FREQUENCY)]
STATES = [(row[0], row[1]) for row in rows(tables.STATES)]
DESTINATIONS = [tuple(row) for row in rows(tables.DESTINATIONS)]
COUNTRIES = [tuple(row) for row in rows(tables.COUNTRIES)]
CITIES = [(name.partition(":")[2] or name, name.partition(":")[0]) for name in tables.CITIES.split()]
_KNOWN, _HABITUAL, _UNWILLED, _FAVOURS, _LONG = (
    re.split(r",\s+", names.strip())
    for names in (tables.KNOWN, tables.HABITUAL, tables.UNWILLED, tables.FAVOURS, tables.LONG)
)
_FACTS = ("need", "trust", "understand", "remember", "live")
_REACTIONS = {row[0]: row[1].split(", ") for row in rows(tables.REACTIONS)}
_BARE = {"massfood", "drink"}
_DEFINITE_ONLY = {
    *("sight", "device", "openable", "room", "paper", "work", "event", "bill", "vehicle", "trouble", "matter", "text"),
    *("question", "outside", "building", "show", "bookable"),
}


@dataclass(frozen=True)
class VerbEntry:
    """A verb and its frame, as the table gives it."""

    english: EnglishVerb
    german: german.GermanVerb
    reflexive: bool
    stative: bool
    frame: str
    classes: tuple[str, ...]


def german_verb(infinitive: str, third: str, perfect: str) -> german.GermanVerb:
    """Return a verb from its table columns; perfect is auxiliary and participle."""
    auxiliary, _, participle = perfect.partition(" ")
    bare = infinitive.removeprefix("sich ")
    return german.GermanVerb(bare, third, participle, "haben" if auxiliary == "hat" else "sein")


def _entry(row: list[str]) -> VerbEntry:
    words = row[6].split()
    flags = {"self", "state"}
    case = words[1] if "/" in words[0] else ""
    frame = f"{words[0]} {case}".strip()
    classes = tuple(word for word in words[2 if case else 1 :] if word not in flags)
    verb = german_verb(row[3], row[4], row[5])
    return VerbEntry(EnglishVerb(*row[:3]), verb, "self" in words, "state" in words, frame, classes)


VERBS = [_entry(row) for row in rows(tables.VERBS)]


def thing(rng: random.Random, noun: Noun, owner: Person, known: bool = False) -> Phrase:
    """Return a noun as somebody's object, with a determiner that is usual for it; ``known`` wants a definite one."""
    classes = noun.classes
    word = adjective(rng, noun, 0.3)
    if classes & _BARE:
        return Phrase("", noun, word)
    if "kin" in classes and not ("person" in classes and chance(rng, 0.3)):
        return kin(rng, owner.possessive[0], owner.possessive[1]) if chance(rng, 0.5) else _mine(noun, owner)
    if classes & {"pair", "fruit"} and chance(rng, 0.7):
        return Phrase(pick(rng, ("the", "this", "some", "")), noun, word, plural=True)
    if classes & _DEFINITE_ONLY:
        return Phrase(pick(rng, ("the", "the", "this") if "trouble" not in classes else ("the",)), noun, word)
    if "pair" in classes:
        return Phrase("the", noun, word, plural=True)
    choices = ("the", "this", "the") if known else ("the", "this", "a", "a")
    choice = pick(rng, choices if classes & {"person", "animal", "food"} else (*choices, "mine"))
    plural = noun.german.plural != "" and choice != "a" and chance(rng, 0.25)
    if choice == "mine":
        return owned(Phrase(owner.possessive[0], noun, word, plural), owner.possessive[1])
    return Phrase(choice, noun, word, plural)


def _mine(noun: Noun, owner: Person) -> Phrase:
    return owned(Phrase(owner.possessive[0], noun), owner.possessive[1])


def _with_object(made: Predicate, found: Phrase, case: str) -> Predicate:
    """Return the predicate with a noun phrase as its object, in the words for statement and negation."""
    made = replace(made, rest=found.english(), objects=found.german(case), definite=found.definite)
    if found.definite:
        return made
    none = found.negated()
    return replace(made, rest_negated=none.english(), objects_negated=none.german(case))


def predicate_of(rng: random.Random, entry: VerbEntry, owner: Person) -> Predicate:
    """Return a verb of the table with random objects; possessives among them refer to the owner."""
    found = thing(rng, pick(rng, nouns(*entry.classes)), owner, known=entry.english.base in _KNOWN)
    made = Predicate(entry.english, entry.german, reflexive=entry.reflexive, stative=entry.stative)
    if entry.frame in ("acc", "dat"):
        return _with_object(made, found, entry.frame)
    if entry.frame == "give":
        receiver = kin(rng, owner.possessive[0], owner.possessive[1])
        made = replace(_with_object(made, found, "acc"), first=receiver.german("dat"))
        words = receiver.english()
        if entry.english.base == "explain":
            none = made.rest_negated and f"{made.rest_negated} to {words}"
            return replace(made, rest=f"{made.rest} to {words}", rest_negated=none)
        none = made.rest_negated and f"{words} {made.rest_negated}"
        return replace(made, rest=f"{words} {made.rest}", rest_negated=none)
    prepositions, _, case = entry.frame.partition(" ")
    before, _, preposition = prepositions.partition("/")
    rest = spaced("" if before == "-" else before.replace("_", " "), found.english())
    return replace(made, rest=rest, complement=german.contract(preposition, found.german(case)))


def _activity(row: list[str]) -> Predicate:
    verb = german_verb(row[4], row[5], row[6])
    made = Predicate(EnglishVerb(*row[:3]), verb, rest=row[3], reflexive=row[4].startswith("sich "))
    negation, _, words = row[7].partition(" ")
    if negation != "kein":
        return replace(made, complement=row[7])
    name, _, gender = words.partition(" ")
    objects = f"ein {name}" if row[3].startswith("a ") else name
    negated = f"{german.determiner('kein', gender or 'n', 'acc')} {name}"
    return replace(made, objects=objects, objects_negated=negated, rest_negated=row[3])


ACTIVITIES = [_activity(row) for row in rows(tables.ACTIVITIES)]
_GO = EnglishVerb("go", "went", "gone")
_GEHEN = german.GermanVerb("gehen", "geht", "gegangen", "sein")
_TRAVEL = [
    (EnglishVerb("fly", "flew", "flown"), german.GermanVerb("fliegen", "fliegt", "geflogen", "sein")),
    (EnglishVerb("drive", "drove", "driven"), german.GermanVerb("fahren", "fährt", "gefahren", "sein")),
    (EnglishVerb("travel", "travelled", "travelled"), german.GermanVerb("reisen", "reist", "gereist", "sein")),
    (EnglishVerb("move", "moved", "moved"), german.GermanVerb("um|ziehen", "zieht", "umgezogen", "sein")),
]
_LIVE = EnglishVerb("live", "lived", "lived"), german.GermanVerb("wohnen", "wohnt", "gewohnt")


def far(rng: random.Random) -> tuple[str, str, str, str]:
    """Return a city or country: English name, German direction, German place, German origin."""
    if chance(rng, 0.5):
        city, stadt = pick(rng, CITIES)
        return city, f"nach {stadt}", f"in {stadt}", f"aus {stadt}"
    row = pick(rng, COUNTRIES)
    return row[0], row[2], row[3], row[4]


def movement(rng: random.Random) -> Predicate:
    """Return a predicate of going somewhere, or of living there."""
    kind = rng.random()
    if kind < 0.45:
        destination = pick(rng, DESTINATIONS)
        return Predicate(_GO, _GEHEN, rest=destination[0], complement=destination[2])
    name, direction, place, _ = far(rng)
    if kind < 0.6:
        return Predicate(*_LIVE, rest=f"in {name}", complement=place, stative=True)
    verb, verb_german = pick(rng, _TRAVEL)
    return Predicate(verb, verb_german, rest=f"to {name}", complement=direction)


def predicate(rng: random.Random, owner: Person) -> Predicate:
    """Return something that somebody does."""
    kind = rng.random()
    if kind < 0.22:
        return pick(rng, ACTIVITIES)
    return movement(rng) if kind < 0.36 else predicate_of(rng, pick(rng, VERBS), owner)


def active(rng: random.Random, owner: Person) -> Predicate:
    """Return something that somebody does, not a state such as to need or to understand."""
    while (found := predicate(rng, owner)).stative:
        pass
    return found


def willed(rng: random.Random, owner: Person) -> Predicate:
    """Return something that somebody does on purpose."""
    while (found := active(rng, owner)).english.base in _UNWILLED or found.rest == "too fast":
        pass
    return found


def lasting(rng: random.Random, owner: Person) -> Predicate:
    """Return something that goes with years and seasons."""
    while (found := predicate(rng, owner)).english.base not in (*_LONG, "live"):
        pass
    return found


def favour(rng: random.Random, owner: Person) -> Predicate:
    """Return something that one asks somebody else to do."""
    return predicate_of(rng, pick(rng, [entry for entry in VERBS if entry.english.base in _FAVOURS]), owner)


def habitual(rng: random.Random, owner: Person) -> Predicate:
    """Return something that somebody does again and again."""
    while (found := active(rng, owner)) not in ACTIVITIES and found.english.base not in _HABITUAL:
        pass
    return found


def state(rng: random.Random) -> Predicate:
    """Return being tired, at home and the like."""
    words, german_words = pick(rng, STATES)
    return Predicate(BE, SEIN, rest=words, complement=german_words, stative=True)


def reaction(rng: random.Random, owner: Person, cause: Predicate) -> Predicate:
    """Return something that somebody may well do in a state."""
    usual = _REACTIONS[cause.rest]
    while True:
        found = active(rng, owner)
        if found.english.base in usual or spaced(found.english.base, found.rest) in usual:
            return found


def time_of(rng: random.Random, does: Predicate, tense: str) -> tuple[str, str]:
    """Return a time of the tense past, future or habit; none for a state."""
    if does.stative:
        return "", ""
    tenses = (tense, "now") if tense == "future" else (tense,)
    if does.english.base in _LONG:
        tenses = (*tenses, f"{tense}-long")
    found = pick(rng, [time for time in TIMES if time[2] in tenses])
    return found[0], found[1]


def clause(rng: random.Random, subject: Person | None = None, *kinds: str, timed: float = 0.5) -> Clause:
    """Return a random clause.

    Args:
        rng: the source of randomness.
        subject: who acts; somebody if None.
        kinds: what it may be: past, future, habit, fact, now, plan, perfect, modal; any of them if none is given.
        timed: the probability of a time expression where the tense does not need one.
    """
    who = subject or someone(rng)
    kind = pick(rng, kinds or ("past", "past", "future", "habit", "fact", "now", "modal", "perfect", "plan"))
    if kind in ("past", "fact"):
        does = predicate(rng, who)
    else:
        does = willed(rng, who) if kind in ("modal", "plan") else active(rng, who)
    tensed = "past" if kind == "past" else "future"
    when = time_of(rng, does, tensed) if chance(rng, timed) else ("", "")
    if kind in ("past", "future"):
        return Clause(who, does, kind, when, negated=chance(rng, 0.15))
    if kind == "habit":
        does = habitual(rng, who)
        if chance(rng, 0.5):
            return Clause(who, does, "present", adverb=pick(rng, FREQUENCY))
        return Clause(who, does, "present", time_of(rng, does, "habit"), negated=chance(rng, 0.1))
    if kind == "fact":
        while does.english.base not in _FACTS:
            does = predicate(rng, who)
        return Clause(who, does, "present", negated=chance(rng, 0.3))
    if kind == "now":
        return Clause(who, does, "progressive")
    if kind == "plan":
        return Clause(who, does, "progressive", time_of(rng, does, "future"))
    if kind == "perfect":
        return Clause(who, does, "perfect", negated=chance(rng, 0.5), already=True)
    return modal(rng, who, does, timed)


def modal(rng: random.Random, who: Person, does: Predicate, timed: float = 0.5) -> Clause:
    """Return a clause with a modal verb, of the present or of the past."""
    past = chance(rng, 0.25)
    tense = pick(rng, ("had to", "wanted to") if past else ("can", "must", "should", "may", "want to", "would like to"))
    when = time_of(rng, does, "past" if past else "future") if chance(rng, timed) else ("", "")
    negated = tense not in ("must", "would like to") and chance(rng, 0.25)
    return Clause(who, does, tense, when, negated=negated)
