"""Constructions built from one clause: statements, questions, commands. Each returns both languages."""

import random
from collections.abc import Callable
from dataclasses import replace

from grammar import english, german
from grammar.clause import Clause, spaced
from grammar.daily import DAYS, Pair, addressed
from grammar.phrases import (
    MEN,
    WE,
    WOMEN,
    YOU,
    YOU_ALL,
    YOU_ONE,
    I,
    Person,
    Phrase,
    between,
    capital,
    chance,
    nouns,
    pick,
    someone,
    third_person,
)
from grammar.predicates import ACTIVITIES, clause, far, favour, habitual, movement, time_of, willed

_WHY = (("why", "warum"), ("when", "wann"), ("how often", "wie oft"), ("since when", "seit wann"))
_CHILDREN = (("Children", "Kinder"), ("Friends", "Freunde"))


def sentence(words: str, worte: str, mark: str = ".") -> Pair:
    """Return both texts with capital first letter and final mark."""
    return capital(words) + mark, capital(worte) + mark


def statement(rng: random.Random) -> Pair:
    """We will visit our grandmother next week."""
    found = clause(rng)
    return sentence(found.english(), found.german())


def time_first(rng: random.Random) -> Pair:
    """Yesterday my brother sold his old car; the verb stays second in German, so the subject follows it."""
    found = clause(rng, None, "past", "future", "modal", "plan", "habit", timed=1)
    if not found.time[0]:
        return time_first(rng)
    return sentence(found.english(time_first=True), found.german(front=found.time[1]))


def because_of(rng: random.Random) -> Pair:
    """Because of the storm we stayed at home; because of, despite and during ask for the genitive."""
    words, worte = pick(rng, (("because of", "wegen"), ("despite", "trotz"), ("during", "während")))
    what = Phrase("the", pick(rng, nouns("event", "work") if words == "during" else nouns("nature", "trouble")))
    found = clause(rng, someone(rng, address=False), "past", timed=0)
    if found.predicate.stative:
        return because_of(rng)
    front = f"{worte} {what.german('gen')}"
    if chance(rng, 0.5):
        return sentence(f"{words} {what.english()} {found.english()}", found.german(front=front))
    timed = replace(found, time=(f"{words} {what.english()}", front))
    return sentence(timed.english(), timed.german())


def first_then(rng: random.Random) -> Pair:
    """First we went to the bank, then we bought a coat."""
    who, kind = someone(rng, address=False), pick(rng, ("past", "future"))
    one = replace(clause(rng, who, kind, timed=0), negated=False)
    two = replace(clause(rng, who.as_pronoun(), kind, timed=0), negated=False)
    return sentence(f"first {one.english()}, then {two.english()}", f"{one.german('zuerst')}, {two.german('dann')}")


def since(rng: random.Random) -> Pair:
    """I have lived in Berlin for three years: English perfect, German present."""
    who, number, (place, _, in_place, _) = someone(rng, address=False), between(rng, 2, 12), far(rng)
    unit, einheit = pick(rng, (("years", "Jahren"), ("months", "Monaten"), ("weeks", "Wochen")))
    what, verb = pick(rng, (("lived", ("wohnen", "wohnt")), ("worked", ("arbeiten", "arbeitet"))))
    have = "has" if who.agreement == "he" else "have"
    finite = german.GermanVerb(*verb, "").present(who.person)
    first = f"{who.english} {have} {what} in {place} for {english.cardinal(number)} {unit}"
    return sentence(first, f"{who.german} {finite} seit {german.cardinal(number)} {einheit} {in_place}")


def asker(rng: random.Random) -> Person:
    """Return whom or about whom one asks: mostly the formal you."""
    return YOU if chance(rng, 0.45) else third_person(rng)


def yes_no(rng: random.Random) -> Pair:
    """Did you buy the book yesterday?"""
    found = clause(rng, asker(rng), "past", "future", "fact", "now", "plan", "perfect", "modal", "habit")
    found = replace(found, negated=False, already=False)
    return sentence(found.english_question(), found.german_question(), "?")


def wh(rng: random.Random) -> Pair:
    """Why are you selling the house?"""
    words, worte = pick(rng, _WHY[:3])
    kinds = {"why": ("past", "now", "future", "fact"), "when": ("past", "future"), "how often": ("past", "future")}
    found = clause(rng, asker(rng), *kinds[words], timed=0.4 if words == "why" else 0)
    found = replace(found, negated=found.negated and words == "why" and found.subject.english != "you")
    return sentence(f"{words} {found.english_question()}", f"{worte} {found.german_question()}", "?")


def where_to(rng: random.Random) -> Pair:
    """Where did you go yesterday?"""
    found, goes = replace(clause(rng, asker(rng), "past", "future", timed=0.8), negated=False), movement(rng)
    if goes.stative or found.predicate.stative:
        return where_to(rng)
    bare = replace(found, predicate=replace(goes, rest="", complement=""))
    return sentence(f"where {bare.english_question()}", f"wohin {bare.german_question()}", "?")


def answer(rng: random.Random) -> Pair:
    """No, I have not bought the book yet."""
    found = clause(rng, someone(rng, address=False), "perfect", "past", "modal", "future")
    words, worte = ("No", "Nein") if found.negated else ("Yes", "Ja")
    return f"{words}, {found.english()}.", f"{worte}, {found.german()}."


def informal(rng: random.Random) -> Pair:
    """Anna, did you buy your ticket? A first name asks for du, friends and children for ihr, Mrs Weber for Sie."""
    name, anrede, formal = addressed(rng)
    who = YOU if formal else YOU_ONE
    if chance(rng, 0.25):
        (name, anrede), who = pick(rng, _CHILDREN), YOU_ALL
    found = replace(clause(rng, who, "past", "future", "perfect", "modal", "plan"), negated=False, already=False)
    if chance(rng, 0.25):
        return f"{name}, {found.english()}.", f"{anrede}, {found.german()}."
    return f"{name}, {found.english_question()}?", f"{anrede}, {found.german_question()}?"


def could_you(rng: random.Random) -> Pair:
    """Could you help my brother, please?"""
    who, name, anrede = YOU, "", ""
    if chance(rng, 0.3):
        name = anrede = pick(rng, MEN + WOMEN)
        who = YOU_ONE
    found = Clause(who, favour(rng, I), "could")
    words, worte = f"{found.english_question()}, please", f"{found.german_question()}, bitte"
    if name:
        return f"{name}, {words}?", f"{anrede}, {worte}?"
    return sentence(words, worte, "?")


def command(rng: random.Random) -> Pair:
    """Please open the window. Anna, open the window, please."""
    does = willed(rng, I) if chance(rng, 0.3) else favour(rng, I)
    negated = chance(rng, 0.2)
    found = Clause(YOU, does, negated=negated)
    name, anrede, formal = addressed(rng)
    kind = rng.random()
    do = spaced("do not" if negated else "", does.english.base, found.english_rest())
    if kind < 0.5:
        please = "please " if chance(rng, 0.5) else ""
        bitte = "bitte " if please else ""
        return sentence(please + do, bitte + found.german_command())
    who = YOU if formal else YOU_ONE
    if kind > 0.85:
        (name, anrede), who = pick(rng, _CHILDREN), YOU_ALL
    imperative = replace(found, subject=who).german_command()
    return f"{name}, {do}, please.", f"{anrede}, {imperative}, bitte."


def let_us(rng: random.Random) -> Pair:
    """Let us go to the cinema tonight."""
    does = willed(rng, WE)
    if does.reflexive:
        return let_us(rng)
    found = Clause(WE, does, time=time_of(rng, does, "future") if chance(rng, 0.5) else ("", ""))
    first = spaced("let us", does.english.base, does.rest, found.time[0])
    return sentence(first, spaced("lasst uns", found.german_infinitive()))


def gern(rng: random.Random) -> Pair:
    """My sister likes to read novels in the evening; liking is the adverb gern."""
    who = someone(rng, address=False)
    does = pick(rng, ACTIVITIES) if chance(rng, 0.5) else habitual(rng, who)
    like, lieb = pick(rng, (("like", "gern"), ("prefer", "lieber")))
    if does.reflexive or does.english.base in ("forget", "lose", "miss", "complain"):
        return gern(rng)
    when = time_of(rng, does, "habit") if like == "like" and chance(rng, 0.4) else ("", "")
    found = Clause(who, does, time=when, adverb=("", lieb))
    third = who.agreement == "he"
    first = spaced(who.english, like + "s" if third else like, "to", does.english.base, does.rest, found.time[0])
    return sentence(first, found.german())


def nobody(rng: random.Random) -> Pair:
    """Nobody helped my brother; someone has stolen her bag."""
    words, worte = pick(rng, (("nobody", "niemand"), ("somebody", "jemand"), ("everybody", "jeder")))
    who = Person(words, worte, "he", "er", (words, worte), ("his", "sein"))
    found = replace(clause(rng, who, "past", "future", "modal", "now"), negated=False)
    return sentence(found.english(), found.german())


def when_free(rng: random.Random) -> Pair:
    """On Friday she has no time because she is going to the cinema."""
    (day, tag), who = pick(rng, DAYS), someone(rng, address=False)
    has = "has" if who.agreement == "he" else "have"
    hat = german.IRREGULAR["haben"][german.PERSONS.index(who.person)]
    reason = clause(rng, who.as_pronoun(), "plan", "modal", timed=0)
    reason = replace(reason, negated=False, time=("", ""), tense="must" if reason.tense != "want to" else "want to")
    first = f"on {day} {who.english} {has} no time because {reason.english()}"
    return sentence(first, f"am {tag} {hat} {who.german} keine Zeit, weil {reason.german_final()}")


CONSTRUCTIONS: tuple[tuple[Callable[[random.Random], Pair], int], ...] = (
    *((statement, 60), (time_first, 40), (because_of, 16), (first_then, 16), (since, 8), (yes_no, 24), (wh, 18)),
    *((where_to, 6), (answer, 14), (informal, 24), (could_you, 12), (command, 24), (let_us, 10), (gern, 14)),
    *((nobody, 8), (when_free, 10)),
)
