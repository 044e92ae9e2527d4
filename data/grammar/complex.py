"""Constructions with infinitives, relative clauses, the passive, two main clauses. Each returns both languages."""

import random
from collections.abc import Callable
from dataclasses import replace

from grammar import german
from grammar.clause import BE, SEIN, Clause, Predicate, spaced
from grammar.daily import Pair
from grammar.phrases import (
    THEY,
    WE,
    YOU,
    I,
    Noun,
    Phrase,
    adjective,
    between,
    capital,
    chance,
    noun,
    nouns,
    of_phrase,
    person,
    pick,
    someone,
    third_person,
)
from grammar.predicates import CITIES, VERBS, clause, favour, movement, predicate_of, willed
from grammar.sentences import sentence

_EASY = (
    *(("it is important", "es ist wichtig"), ("it is difficult", "es ist schwierig"), ("it is fun", "es macht Spaß")),
    *(("it is too late", "es ist zu spät"), ("it is not allowed", "es ist nicht erlaubt")),
    ("it is easy", "es ist leicht"),
)
_HOMES = ("house", "flat", "hotel", "castle", "village", "city", "hospital")
_TIRED = (("tired", "müde"), ("ill", "krank"), ("nervous", "nervös"), ("old", "alt"), ("young", "jung"))
_THEN = (("yesterday", "gestern"), ("last week", "letzte Woche"), ("this morning", "heute Morgen"))
# English past and German participle of verbs with an infinitive clause.
_CONTROL = (
    *(("hoped", "gehofft"), ("tried", "versucht"), ("forgot", "vergessen"), ("decided", "beschlossen")),
    *(("promised", "versprochen"), ("began", "angefangen"), ("planned", "geplant")),
)


def and_or_but(rng: random.Random) -> Pair:
    """My brother bought the bread, but he forgot the milk."""
    who = someone(rng, address=False)
    words, worte = pick(rng, (("and", " und"), ("but", ", aber")))
    one = replace(clause(rng, who, "past", "future", timed=0.4), negated=False)
    two = clause(rng, third_person(rng), one.tense, timed=0)
    two = replace(two, negated=words == "but", time=("", ""))
    first = f"{one.english()}{',' if words == 'but' else ''} {words} {two.english()}"
    return sentence(first, f"{one.german()}{worte} {two.german()}")


def infinitive(rng: random.Random) -> Pair:
    """It is important to learn German."""
    (words, worte), does = pick(rng, _EASY), willed(rng, THEY)
    if "their" in does.rest.split():
        return infinitive(rng)
    found = Clause(THEY, does)
    first = spaced(words, "to", does.english.base, does.rest)
    return sentence(first, f"{worte}, {found.german_zu()}")


def forgot_to(rng: random.Random) -> Pair:
    """She forgot to close the window."""
    (words, worte), who = pick(rng, _CONTROL), someone(rng, address=False)
    found = Clause(who, willed(rng, who))
    haben = german.IRREGULAR["haben"][german.PERSONS.index(who.person)]
    first = spaced(who.english, words, "to", found.predicate.english.base, found.predicate.rest)
    return sentence(first, f"{who.german} {haben} {worte}, {found.german_zu()}")


def in_order_to(rng: random.Random) -> Pair:
    """We went to the city in order to buy a coat."""
    who = someone(rng, address=False)
    main = replace(clause(rng, who, "past", "plan", "future", timed=0.3), negated=False)
    if main.predicate.stative or (goes := movement(rng)).stative:
        return in_order_to(rng)
    main = replace(main, predicate=goes)
    goal = Clause(who, favour(rng, who))
    first = spaced(main.english(), "in order to", goal.predicate.english.base, goal.predicate.rest)
    return sentence(first, f"{main.german()}, um {goal.german_zu()}")


def too_tired_to(rng: random.Random) -> Pair:
    """She is too tired to cook."""
    who = someone(rng, address=False)
    words, worte = pick(rng, _TIRED)
    main = Clause(
        who, Predicate(BE, SEIN, rest=f"too {words}", complement=f"zu {worte}"), pick(rng, ("present", "past"))
    )
    goal = Clause(who, willed(rng, who))
    first = spaced(main.english(), "to", goal.predicate.english.base, goal.predicate.rest)
    return sentence(first, f"{main.german()}, um {goal.german_zu()}")


def relative_subject(rng: random.Random) -> Pair:
    """The woman who bought the car is my aunt."""
    head = replace(person(rng), plural=False)
    if head.noun.gender == "n":
        return relative_subject(rng)
    who = of_phrase(head)
    found = clause(rng, who, "past", "now", "fact", "plan", timed=0.3)
    is_what = _relation(rng, head.noun)
    words = f"{head.english()} who {found.english_relative()} is {is_what[0]}"
    relative = f"{head.german('nom')}, {german.relative_pronoun(head.column, 'nom')} {found.german_relative()},"
    return sentence(words, f"{relative} ist {is_what[1]}")


def _relation(rng: random.Random, head: Noun) -> Pair:
    """Return who somebody of that noun is: my uncle, from Bonn."""
    if chance(rng, 0.5):
        fitting = [found for found in nouns("kin") if (found.gender == "f") == (head.gender == "f")]
        phrase = Phrase(pick(rng, ("my", "his", "her", "our")), pick(rng, fitting))
        return phrase.english(), phrase.german("nom")
    city, stadt = pick(rng, CITIES)
    return f"from {city}", f"aus {stadt}"


def relative_object(rng: random.Random) -> Pair:
    """The book that I bought yesterday is very interesting; the man whom I helped is my uncle."""
    entry = pick(rng, [verb for verb in VERBS if verb.frame in ("acc", "dat") and verb.english.base != "explain"])
    fitting = [noun for noun in nouns(*entry.classes) if "kin" not in noun.classes or "person" in noun.classes]
    if not fitting:
        return relative_object(rng)
    head = Phrase("the", pick(rng, fitting))
    head = replace(head, plural="pair" in head.noun.classes)
    who = someone(rng, address=False)
    found = replace(clause(rng, who, "past", timed=0.4), predicate=predicate_of(rng, entry, who), negated=False)
    if entry.stative:
        found = replace(found, time=("", ""))
    human = "person" in head.noun.classes
    quality = adjective(rng, head.noun)
    if quality is None:
        return relative_object(rng)
    what = _relation(rng, head.noun) if human else (quality.english, quality.german)
    are, sind = ("are", "sind") if head.plural else ("is", "ist")
    pronoun = german.relative_pronoun(head.column, entry.frame)
    words = f"{head.english()} {'whom' if human else 'that'} {found.english_relative(gap_object=True)} {are} {what[0]}"
    relative = f"{head.german('nom')}, {pronoun} {found.german_relative(gap_object=True)},"
    return sentence(words, f"{relative} {sind} {what[1]}")


def with_which(rng: random.Random) -> Pair:
    """The city in which we live is very old; the preposition stays before the relative pronoun."""
    head, who = Phrase("the", noun(pick(rng, _HOMES))), someone(rng, address=False)
    live, wohnen = pick(rng, (("live", ("wohnen", "wohnt")), ("work", ("arbeiten", "arbeitet"))))
    if head.noun.english == "hospital":
        live, wohnen = "work", ("arbeiten", "arbeitet")
    finite = german.GermanVerb(*wohnen, "").present(who.person)
    word = adjective(rng, head.noun)
    assert word is not None
    third = "s" if who.agreement == "he" else ""
    words = f"{head.english()} in which {who.english} {live}{third} is very {word.english}"
    pronoun = german.relative_pronoun(head.column, "dat")
    return sentence(words, f"{head.german('nom')}, in {pronoun} {who.german} {finite}, ist sehr {word.german}")


def passive(rng: random.Random) -> Pair:
    """The church was built in 1895; the window is being repaired; my bag was stolen yesterday."""
    kind = rng.random()
    if kind < 0.35:
        item, year = Phrase("the", pick(rng, nouns("building", "sight"))), between(rng, 1450, 1999)
        first = f"{capital(item.english())} was built in {year}."
        return first, f"{capital(item.german('nom'))} wurde {year} gebaut."
    entry = pick(rng, [verb for verb in VERBS if verb.frame == "acc" and not verb.stative])
    fitting = [noun for noun in nouns(*entry.classes) if not noun.classes & {"kin", "massfood", "drink"}]
    if not fitting:
        return passive(rng)
    item = Phrase("the", pick(rng, fitting))
    item = replace(item, adjective=adjective(rng, item.noun, 0.3), plural="pair" in item.noun.classes)
    person_of = "Sie" if item.plural else "er"
    column = german.PERSONS.index(person_of)
    done, getan = entry.english.participle, entry.german.participle
    if kind < 0.65:
        were = "were" if item.plural else "was"
        words, worte = pick(rng, _THEN)
        first = f"{item.english()} {were} {done} {words}"
        return sentence(first, f"{item.german('nom')} {german.IRREGULAR['wurden'][column]} {worte} {getan}")
    werden = german.IRREGULAR["werden"][column]
    if kind < 0.85:
        are = "are" if item.plural else "is"
        return sentence(f"{item.english()} {are} being {done}", f"{item.german('nom')} {werden} gerade {getan}")
    muss = german.IRREGULAR["müssen"][column]
    return sentence(f"{item.english()} must be {done}", f"{item.german('nom')} {muss} {getan} werden")


def not_but(rng: random.Random) -> Pair:
    """He did not buy the coat but the jacket: nicht ..., sondern ..."""
    entry = pick(rng, [verb for verb in VERBS if verb.frame in ("acc", "dat")])
    fitting = [noun for noun in nouns(*entry.classes) if not noun.classes & {"kin", "massfood", "drink", "pair"}]
    if len(fitting) < 2:
        return not_but(rng)
    one, other = Phrase("the", pick(rng, fitting)), Phrase("the", pick(rng, fitting))
    who = someone(rng, address=False)
    if one == other:
        return not_but(rng)
    haben = german.IRREGULAR[entry.german.auxiliary][german.PERSONS.index(who.person)]
    first = f"{who.english} did not {entry.english.base} {one.english()} but {other.english()}"
    reflexive = german.REFLEXIVE[who.person] if entry.reflexive else ""
    objects = f"nicht {one.german(entry.frame)}, sondern {other.german(entry.frame)}"
    return sentence(first, spaced(who.german, haben, reflexive, objects, entry.german.participle))


def polite_offer(rng: random.Random) -> Pair:
    """Would you like to visit the castle, Mrs Weber? May I open the window?"""
    if chance(rng, 0.5):
        found = Clause(pick(rng, (I, WE)), favour(rng, I), pick(rng, ("may", "can", "should")))
    else:
        found = Clause(YOU, willed(rng, YOU), "would like to")
    return sentence(found.english_question(), found.german_question(), "?")


CONSTRUCTIONS: tuple[tuple[Callable[[random.Random], Pair], int], ...] = (
    (and_or_but, 16),
    (infinitive, 14),
    (forgot_to, 14),
    (in_order_to, 14),
    (too_tired_to, 8),
    (relative_subject, 20),
    (relative_object, 24),
    (with_which, 10),
    (passive, 20),
    (not_but, 12),
    (polite_offer, 12),
)
