"""Constructions with a subordinate clause: dass, ob, weil, wenn, als, bevor. Each returns both languages."""

import random
from collections.abc import Callable
from dataclasses import replace

from grammar import german
from grammar.clause import BE, SEIN, Clause, Predicate
from grammar.daily import Pair
from grammar.phrases import (
    WE,
    I,
    Person,
    between,
    chance,
    named,
    pick,
    someone,
    third_person,
)
from grammar.predicates import active, clause, lasting, reaction, state, willed
from grammar.sentences import sentence

_BELIEVE = (
    *(("I know", "ich weiß"), ("I think", "ich glaube"), ("I hope", "ich hoffe"), ("he says", "er sagt")),
    *(("she says", "sie sagt"), ("we hope", "wir hoffen"), ("they believe", "sie glauben")),
    *(("it is good", "es ist gut"), ("it is a pity", "es ist schade"), ("I am sure", "ich bin sicher")),
    ("my mother says", "meine Mutter sagt"),
)
_WONDER = (
    *(("I do not know", "ich weiß nicht"), ("he asks", "er fragt"), ("we do not know", "wir wissen nicht")),
    *(("nobody knows", "niemand weiß"), ("she would like to know", "sie möchte wissen")),
)
_ASK = (("do you know", "wissen Sie"), ("can you tell me", "können Sie mir sagen"))
_WEATHER = (
    *(("it rains", "es regnet"), ("it snows", "es schneit"), ("the sun shines", "die Sonne scheint")),
    *(("it is too cold", "es zu kalt ist"), ("the weather is bad", "das Wetter schlecht ist")),
    *(("it is hot", "es heiß ist"), ("the weather is good", "das Wetter gut ist")),
)
_WANTED = (
    *(("more time", "mehr Zeit"), ("more money", "mehr Geld"), ("a car", "ein Auto"), ("a garden", "einen Garten")),
    *(("a big house", "ein großes Haus"), ("a day off", "einen freien Tag")),
)
_PAST_DAYS = (("yesterday", "gestern"), ("this morning", "heute Morgen"), ("last Monday", "letzten Montag"))
_DAYS = (("tomorrow", "morgen"), ("tonight", "heute Abend"), ("today", "heute"), ("this week", "diese Woche"))
_ANY = ("past", "past", "future", "fact", "now", "modal", "perfect", "plan", "habit")


def _be(who: Person, does: Predicate, tense: str = "present") -> Clause:
    return Clause(who, does, tense)


def that(rng: random.Random) -> Pair:
    """I know that she bought the book yesterday."""
    (words, worte), found = pick(rng, _BELIEVE), clause(rng, None, *_ANY)
    if chance(rng, 0.2):
        found = _be(someone(rng), state(rng), pick(rng, ("present", "past", "future")))
    return sentence(f"{words} that {found.english()}", f"{worte}, dass {found.german_final()}")


def whether(rng: random.Random) -> Pair:
    """I do not know whether he has already arrived. Do you know whether Anna is ill?"""
    asks = chance(rng, 0.3)
    words, worte = pick(rng, _ASK if asks else _WONDER)
    found = replace(clause(rng, third_person(rng), *_ANY), negated=False)
    if chance(rng, 0.2):
        found = _be(third_person(rng), state(rng))
    mark = "?" if asks else "."
    return sentence(f"{words} whether {found.english()}", f"{worte}, ob {found.german_final()}", mark)


def indirect_question(rng: random.Random) -> Pair:
    """Do you know why she sold the car? English has no inversion here, German the verb at the end."""
    asks = chance(rng, 0.5)
    words, worte = pick(rng, _ASK if asks else _WONDER)
    why, warum = pick(rng, (("why", "warum"), ("when", "wann"), ("with whom", "mit wem")))
    kinds = ("past", "plan", "fact") if why == "why" else ("past", "future")
    found = replace(clause(rng, third_person(rng), *kinds, timed=0), negated=False)
    if why != "why":
        found = replace(found, time=("", ""))
    mark = "?" if asks else "."
    return sentence(f"{words} {why} {found.english()}", f"{worte}, {warum} {found.german_final()}", mark)


def because(rng: random.Random) -> Pair:
    """Anna stayed at home because she was ill; because she was ill, Anna stayed at home."""
    main, reason = _explained(rng, someone(rng, address=False), timed=0.3)
    return _joined(rng, main, reason, ("because", "weil"))


def _explained(rng: random.Random, who: Person, timed: float) -> tuple[Clause, Clause]:
    """Return what somebody does and the state that explains it."""
    past, cause = chance(rng, 0.5), state(rng)
    does = reaction(rng, who, cause)
    when = pick(rng, _PAST_DAYS if past else _DAYS) if chance(rng, timed) else ("", "")
    main = Clause(who, does, "past" if past else "progressive", when)
    return main, _be(who.as_pronoun(), cause, "past" if past else "present")


def although(rng: random.Random) -> Pair:
    """Although he was tired, Paul went to the cinema."""
    past, who = chance(rng, 0.6), someone(rng, address=False)
    main = clause(rng, who, "past" if past else "plan", timed=0.3)
    reason = _be(who.as_pronoun(), state(rng), "past" if past else "present")
    return _joined(rng, main, reason, ("although", "obwohl"))


def _joined(rng: random.Random, main: Clause, reason: Clause, conjunction: tuple[str, str]) -> Pair:
    """Return both clauses, the subordinate one first or last; the clause that comes first has the noun."""
    words, worte = conjunction
    if chance(rng, 0.5):
        first = f"{main.english()} {words} {reason.english()}"
        return sentence(first, f"{main.german()}, {worte} {reason.german_final()}")
    reason, main = replace(reason, subject=main.subject), main.pronominal()
    front = f"{worte} {reason.german_final()},"
    return sentence(f"{words} {reason.english()}, {main.english()}", main.german(front=front))


def if_weather(rng: random.Random) -> Pair:
    """If it rains, we will stay at home."""
    words, worte = pick(rng, _WEATHER)
    main = clause(rng, someone(rng), "future", timed=0)
    first = chance(rng, 0.6)
    if first:
        verb_last = f"wenn {worte},"
        return sentence(f"if {words}, {main.english()}", main.german(front=verb_last))
    return sentence(f"{main.english()} if {words}", f"{main.german()}, wenn {worte}")


def if_state(rng: random.Random) -> Pair:
    """If you are tired, you should go to bed."""
    who, cause = someone(rng), state(rng)
    does = reaction(rng, who, cause)
    if does.english.base in ("lose", "forget", "miss", "dream"):
        return if_state(rng)
    main, condition = Clause(who.as_pronoun(), does, pick(rng, ("should", "can", "must", "may"))), _be(who, cause)
    front = f"wenn {condition.german_final()},"
    return sentence(f"if {condition.english()}, {main.english()}", main.german(front=front))


def if_i_had(rng: random.Random) -> Pair:
    """If I had more time, I would learn Spanish."""
    who = someone(rng, address=False)
    words, worte = pick(rng, _WANTED)
    main = Clause(who.as_pronoun(), willed(rng, who), "would")
    haette = german.IRREGULAR["hätten"][german.PERSONS.index(who.person)]
    front = f"wenn {who.german} {worte} {haette},"
    return sentence(f"if {who.english} had {words}, {main.english()}", main.german(front=front))


def when_past(rng: random.Random) -> Pair:
    """When Paul was young, he lived in Rome; when in the past is als."""
    who = someone(rng, address=False)
    age = between(rng, 5, 40)
    options = (
        *(("young", "jung"), ("a child", "ein Kind"), (f"{age} years old", f"{age} Jahre alt"), ("ill", "krank")),
        *(("on holiday", "im Urlaub"), ("a student", "Student")),
    )
    words, worte = pick(rng, options)
    if who.agreement == "they" or (worte == "Student" and who.pronoun[0] == "she"):
        words, worte = f"{age} years old", f"{age} Jahre alt"
    does = Clause(who.as_pronoun(), lasting(rng, who), "past")
    when = _be(who, Predicate(BE, SEIN, rest=words, complement=worte), "past")
    return sentence(f"when {when.english()}, {does.english()}", does.german(front=f"als {when.german_final()},"))


def before(rng: random.Random) -> Pair:
    """Before we went to the cinema, we visited our aunt."""
    who = someone(rng, address=False)
    one, two = (Clause(subject, willed(rng, who), "past") for subject in (who.as_pronoun(), who))
    return _joined(rng, two, one, ("before", "bevor"))


def while_other(rng: random.Random) -> Pair:
    """While my father is cooking, we are playing chess."""
    one, two = (Clause(who, active(rng, who), "progressive") for who in (third_person(rng), pick(rng, (I, WE, WE))))
    # Two actions at once: gerade would say it twice.
    one, two = replace(one, tense="present"), replace(two, tense="present")
    front = f"während {one.german_final()},"
    english_one, english_two = (replace(one, tense="progressive"), replace(two, tense="progressive"))
    return sentence(f"while {english_one.english()}, {english_two.english()}", two.german(front=front))


def nested(rng: random.Random) -> Pair:
    """I think that Anna stayed at home because she was ill."""
    who, (words, worte) = named(rng) if chance(rng, 0.4) else third_person(rng), pick(rng, _BELIEVE)
    main, reason = _explained(rng, who, timed=0)
    first = f"{words} that {main.english()} because {reason.english()}"
    return sentence(first, f"{worte}, dass {main.german_final()}, weil {reason.german_final()}")


CONSTRUCTIONS: tuple[tuple[Callable[[random.Random], Pair], int], ...] = (
    (that, 30),
    (whether, 20),
    (indirect_question, 18),
    (because, 30),
    (although, 18),
    (if_weather, 16),
    (if_state, 16),
    (if_i_had, 12),
    (when_past, 14),
    (before, 14),
    (while_other, 14),
    (nested, 14),
)
