"""Noun phrases and persons in both languages, and the random choice of them, for the sample corpus."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from grammar import english, german, noun_table

T = TypeVar("T")
DETERMINERS = {
    "the": "der",
    "a": "ein",
    "this": "dieser",
    "my": "mein",
    "his": "sein",
    "her": "ihr",
    "our": "unser",
    "their": "ihr",
    "your": "Ihr",
    "no": "kein",
    "some": "einige",
    "": "",
}


def pick(rng: random.Random, choices: Sequence[T]) -> T:
    """Return one of the choices; only ``random()`` itself is promised to stay the same in every Python."""
    return choices[int(rng.random() * len(choices))]


def chance(rng: random.Random, probability: float) -> bool:
    """Return True with the given probability."""
    return rng.random() < probability


def between(rng: random.Random, low: int, high: int) -> int:
    """Return a whole number from low to high, both included."""
    return low + int(rng.random() * (high - low + 1))


def rows(table: str) -> list[list[str]]:
    """Return the rows of a table whose columns are two or more blanks apart; "-" is an empty column."""
    lines = [re.split(r" {2,}", line.strip()) for line in table.strip().splitlines()]
    return [["" if column == "-" else column for column in line] for line in lines]


def capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[0].upper() + text[1:]


@dataclass(frozen=True)
class Noun:
    """A noun in both languages with the classes it belongs to."""

    english: str
    english_plural: str
    german: german.GermanNoun
    classes: frozenset[str]

    @property
    def gender(self) -> str:
        """The German gender, "m", "f" or "n"."""
        return self.german.gender


@dataclass(frozen=True)
class Adjective:
    """An adjective in both languages; ``stem`` is what the German endings are added to."""

    english: str
    german: str
    stem: str
    comparative: str
    superlative: str
    classes: frozenset[str]


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: determiner (as a key of DETERMINERS or an English numeral), adjective, noun, number."""

    determiner: str
    noun: Noun
    adjective: Adjective | None = None
    plural: bool = False
    german_determiner: str | None = None

    @property
    def column(self) -> str:
        """The column of the German declension: a gender, or "p" in the plural."""
        return "p" if self.plural else self.noun.gender

    @property
    def definite(self) -> bool:
        """Whether the phrase means something known, and so stands before nicht and is not negated by kein."""
        return self.determiner not in ("a", "any", "no", "", "some")

    def english(self) -> str:
        """Return the English phrase."""
        noun = self.noun.english_plural if self.plural else self.noun.english
        words = f"{self.adjective.english} {noun}" if self.adjective else noun
        if self.determiner == "a":
            return words if self.plural else english.with_article(words)
        if self.determiner == "this" and self.plural:
            return f"these {words}"
        return f"{self.determiner} {words}".strip()

    def german(self, case: str) -> str:
        """Return the German phrase in a case."""
        word = self.german_determiner or DETERMINERS[self.determiner]
        if self.plural and self.determiner == "a":
            word = ""
        words = [german.determiner(word, self.column, case)]
        if self.adjective:
            kind = german.declension(word)
            words.append(self.adjective.stem + german.adjective_ending(kind, self.column, case))
        words.append(self.noun.german.form(case, self.plural))
        return " ".join(filter(None, words))

    def negated(self) -> "Phrase":
        """Return the phrase under a negation that goes into its determiner: no car, not any cars, kein Auto."""
        bare = self.determiner in ("", "some") or (self.determiner == "a" and self.plural)
        return replace(self, determiner="any" if bare else self.determiner, german_determiner="kein")


@dataclass(frozen=True)
class Person:
    """A grammatical subject: words, agreement in both languages, the pronouns that stand for it later."""

    english: str
    german: str
    agreement: str
    person: str
    pronoun: tuple[str, str]
    possessive: tuple[str, str]

    @property
    def is_pronoun(self) -> bool:
        """Whether the subject is itself a pronoun."""
        return self.english == self.pronoun[0]

    def as_pronoun(self) -> "Person":
        """Return the pronoun that stands for this subject."""
        return replace(self, english=self.pronoun[0], german=self.pronoun[1])


def _noun(row: list[str]) -> Noun:
    name, gender, singular, plural, classes = row
    one, _, many = name.partition("/")
    weak = gender == "mw"
    word = german.GermanNoun(singular, gender[0], plural, weak)
    return Noun(one, many or english.plural(one), word, frozenset(classes.split()))


NOUNS = [_noun(row) for row in rows(noun_table.NOUNS)]
ADJECTIVES = [
    Adjective(row[0], row[1], row[2], row[3], row[4], frozenset(row[5].split())) for row in rows(noun_table.ADJECTIVES)
]
MEN = ("Paul", "Lukas", "Peter", "Thomas", "Jan", "Felix", "David", "Max")
WOMEN = ("Anna", "Maria", "Julia", "Laura", "Lena", "Sarah", "Emma", "Klara")
FAMILIES = ("Weber", "Schneider", "Fischer", "Becker", "Wagner", "Hoffmann", "Keller", "Vogel")

_HE = ("he", "er"), ("his", "sein")
_SHE = ("she", "sie"), ("her", "ihr")
_THEY = ("they", "sie"), ("their", "ihr")
I = Person("I", "ich", "I", "ich", ("I", "ich"), ("my", "mein"))  # noqa: E741
WE = Person("we", "wir", "they", "wir", ("we", "wir"), ("our", "unser"))
HE = Person("he", "er", "he", "er", *_HE)
SHE = Person("she", "sie", "he", "er", *_SHE)
THEY = Person("they", "sie", "they", "Sie", *_THEY)
YOU = Person("you", "Sie", "you", "Sie", ("you", "Sie"), ("your", "Ihr"))
YOU_ONE = Person("you", "du", "you", "du", ("you", "du"), ("your", "dein"))
YOU_ALL = Person("you", "ihr", "you", "ihr", ("you", "ihr"), ("your", "euer"))


def nouns(*classes: str) -> list[Noun]:
    """Return the nouns that belong to at least one of the classes, in the table's order."""
    return [noun for noun in NOUNS if noun.classes & set(classes)]


def noun(name: str) -> Noun:
    """Return the noun with this English name."""
    return next(noun for noun in NOUNS if noun.english == name)


def adjective(rng: random.Random, noun: Noun, probability: float = 1.0) -> Adjective | None:
    """Return, with a probability, an adjective that suits the noun."""
    fitting = [word for word in ADJECTIVES if word.classes & noun.classes]
    return pick(rng, fitting) if fitting and chance(rng, probability) else None


def someone(rng: random.Random, address: bool = True) -> Person:
    """Return a random subject; ``address`` allows the formal you."""
    kind = rng.random()
    if kind < 0.5:
        return pick(rng, (I, I, WE, WE, HE, SHE, THEY, YOU) if address else (I, I, WE, HE, SHE, THEY))
    if kind < 0.65:
        return named(rng)
    if kind < 0.85:
        return of_phrase(kin(rng, pick(rng, ("my", "my", "our", "his", "her"))))
    return of_phrase(person(rng))


def third_person(rng: random.Random) -> Person:
    """Return a random subject that is neither the speaker nor the one spoken to."""
    while (found := someone(rng, address=False)).person not in ("er", "Sie"):
        pass
    return found


def named(rng: random.Random) -> Person:
    """Return a subject with a first name."""
    name = pick(rng, MEN + WOMEN)
    return Person(name, name, "he", "er", *(_HE if name in MEN else _SHE))


def of_phrase(phrase: Phrase) -> Person:
    """Return a noun phrase as a subject."""
    forms = _THEY if phrase.plural else _SHE if phrase.noun.gender == "f" else _HE
    agreement, person = ("they", "Sie") if phrase.plural else ("he", "er")
    return Person(phrase.english(), phrase.german("nom"), agreement, person, *forms)


def kin(rng: random.Random, owner: str, german_owner: str | None = None) -> Phrase:
    """Return somebody's relative, friend or colleague, now and then in the plural."""
    choices = nouns("kin")
    found = pick(rng, choices)
    plural = found.english == "child" or ("single" not in found.classes and chance(rng, 0.2))
    return owned(Phrase(owner, found, None, plural), german_owner)


def owned(phrase: Phrase, german_owner: str | None) -> Phrase:
    """Return the phrase with its German possessive; your may be Ihr, dein or euer."""
    if phrase.determiner == "your" and german_owner:
        return replace(phrase, german_determiner=german_owner)
    return phrase


def person(rng: random.Random) -> Phrase:
    """Return a person with the definite article; neuter ones only in the plural, for the sake of the pronoun."""
    found = pick(rng, nouns("person"))
    plural = found.gender == "n" or chance(rng, 0.25)
    return Phrase("the", found, adjective(rng, found, 0.35), plural)
