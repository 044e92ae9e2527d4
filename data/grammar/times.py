"""Constructions about the time of day, dates and the weather. Each returns English and German."""

import random
from collections.abc import Callable

from grammar import english, german
from grammar.daily import DAYS, MONTHS, Pair, date
from grammar.phrases import (
    Phrase,
    between,
    capital,
    chance,
    kin,
    noun,
    nouns,
    pick,
    someone,
    third_person,
)
from grammar.predicates import CITIES, far

_SUNNY = (("the sun is shining", "die Sonne scheint"), ("it is raining", "es regnet"), ("it is windy", "es ist windig"))
_SKY = (("rain", "regnen", "geregnet", "rained"), ("snow", "schneien", "geschneit", "snowed"))
_AIR = (
    *(("cold", "kalt"), ("warm", "warm"), ("hot", "heiß"), ("windy", "windig"), ("foggy", "neblig")),
    *(("cloudy", "bewölkt"), ("cool", "kühl"), ("stormy", "stürmisch"), ("dry", "trocken"), ("humid", "schwül")),
)


def clock(rng: random.Random) -> Pair:
    """Return a time of day in words: half past three, halb vier."""
    hour, minute = between(rng, 1, 12), pick(rng, (0, 0, 30, 30, 15, 45, 5, 10, 20, 40, 50, 55))
    return english.clock(hour, minute), german.clock(hour, minute)


def figures_of_time(rng: random.Random) -> Pair:
    """Return a time of day in figures: 7:45 p.m., 19.45 Uhr."""
    hour, minute = between(rng, 5, 23), 5 * between(rng, 0, 11)
    half, shown = ("a.m.", hour) if hour < 12 else ("p.m.", (hour - 1) % 12 + 1)
    if minute == 0:
        return f"{shown} {half}", f"{hour} Uhr"
    return f"{shown}:{minute:02} {half}", f"{hour}.{minute:02} Uhr"


def full_stop(sentence: str) -> str:
    """Return the sentence with a full stop, unless "p.m." at its end has brought one."""
    return sentence if sentence.endswith(".") else sentence + "."


def it_is_late(rng: random.Random) -> Pair:
    """It is already half past three."""
    time, uhrzeit = clock(rng)
    already, schon = pick(rng, (("", ""), ("already ", "schon "), ("exactly ", "genau ")))
    return f"It is {already}{time}.", f"Es ist {schon}{uhrzeit}."


def starts_at(rng: random.Random) -> Pair:
    """The concert starts at half past nine on Monday."""
    event = Phrase("the", pick(rng, [*nouns("work"), noun("film"), noun("concert"), noun("exhibition"), noun("party")]))
    time, uhrzeit = clock(rng)
    day, tag = pick(rng, (*((f" on {day}", f"am {tag} ") for day, tag in DAYS), ("", ""), (" tomorrow", "morgen ")))
    start = f"{capital(event.english())} starts at {time}{day}."
    return start, f"{capital(event.german('nom'))} fängt {tag}um {uhrzeit} an."


def appointment(rng: random.Random) -> Pair:
    """On Tuesday at a quarter to four I am meeting my boss."""
    who, (time, uhrzeit), (day, tag) = someone(rng, address=False), clock(rng), pick(rng, DAYS)
    other = kin(rng, who.possessive[0])
    first = f"On {day} at {time} {who.english} {english.BE[who.agreement]} meeting {other.english()}."
    finite = german.GermanVerb("treffen", "trifft", "getroffen").present(who.person)
    return first, f"Am {tag} um {uhrzeit} {finite} {who.german} {other.german('acc')}."


def today_is(rng: random.Random) -> Pair:
    """Today is Monday, May 3."""
    ((month, monat), day), (weekday, tag) = date(rng), pick(rng, DAYS)
    return f"Today is {weekday}, {month} {day}.", f"Heute ist {tag}, der {day}. {monat}."


def birthday(rng: random.Random) -> Pair:
    """My sister's birthday is on May 3."""
    who, ((month, monat), day) = third_person(rng), date(rng)
    if who.is_pronoun:
        possessive = german.determiner(who.possessive[1], "m", "nom")
        return f"{capital(who.possessive[0])} birthday is on {month} {day}.", (
            f"{capital(possessive)} Geburtstag ist am {day}. {monat}."
        )
    if who.agreement != "he":
        return birthday(rng)
    first = f"{capital(english.possessive(who.english))} birthday is on {month} {day}."
    hat = german.IRREGULAR["haben"][german.PERSONS.index(who.person)]
    return first, f"{capital(who.german)} {hat} am {day}. {monat} Geburtstag."


def born(rng: random.Random) -> Pair:
    """She was born in Vienna on May 3, 1985."""
    who, ((month, monat), day), year = third_person(rng), date(rng), between(rng, 1930, 2015)
    city, stadt = pick(rng, CITIES)
    wurde = german.IRREGULAR["wurden"][german.PERSONS.index(who.person)]
    first = f"{capital(who.english)} {english.WAS[who.agreement]} born in {city} on {month} {day}, {year}."
    return first, f"{capital(who.german)} {wurde} am {day}. {monat} {year} in {stadt} geboren."


def from_to(rng: random.Random) -> Pair:
    """We are on holiday from May 3 to June 5."""
    who, first_month, (_, day), (_, last) = someone(rng, address=False), between(rng, 0, 10), date(rng), date(rng)
    (month, monat), (other, anderer) = MONTHS[first_month : first_month + 2]
    bin_ = german.IRREGULAR["sein"][german.PERSONS.index(who.person)]
    place, _, in_place, _ = far(rng)
    where, wo = ("on holiday", "im Urlaub") if chance(rng, 0.3) else (f"in {place}", in_place)
    first = f"{capital(who.english)} {english.BE[who.agreement]} {where} from {month} {day} to {other} {last}."
    return first, f"{capital(who.german)} {bin_} vom {day}. {monat} bis zum {last}. {anderer} {wo}."


def opening_hours(rng: random.Random) -> Pair:
    """The bank is open from 9 a.m. to 5 p.m. and closed on Sundays."""
    place, opens, closes = Phrase("the", pick(rng, nouns("place"))), between(rng, 7, 11), between(rng, 1, 10)
    day, tag = pick(rng, DAYS)
    first = f"{capital(place.english())} is open from {opens} a.m. to {closes} p.m. and closed on {day}s."
    second = (
        f"{capital(place.german('nom'))} ist von {opens} bis {closes + 12} Uhr geöffnet und {tag.lower()}s geschlossen."
    )
    return first, second


def degrees(rng: random.Random) -> Pair:
    """In Berlin it is 12 degrees and the sun is shining."""
    (city, stadt), number, (sky, himmel) = pick(rng, CITIES), between(rng, 2, 33), pick(rng, _SUNNY)
    return f"In {city} it is {number} degrees and {sky}.", f"In {stadt} sind es {number} Grad und {himmel}."


def weather_then(rng: random.Random) -> Pair:
    """It rained in Vienna yesterday; tomorrow it will snow in Bonn."""
    (city, stadt), (rain, regnen, geregnet, rained) = pick(rng, CITIES), pick(rng, _SKY)
    if chance(rng, 0.5):
        day, tag = pick(
            rng, (("yesterday", "gestern"), ("last week", "letzte Woche"), ("this morning", "heute Morgen"))
        )
        if chance(rng, 0.5):
            return f"{capital(day)} it {rained} in {city}.", f"{capital(tag)} hat es in {stadt} {geregnet}."
        return f"It {rained} in {city} {day}.", f"Es hat {tag} in {stadt} {geregnet}."
    day, tag = pick(rng, (("tomorrow", "morgen"), ("next week", "nächste Woche"), ("tonight", "heute Abend")))
    if chance(rng, 0.5):
        return f"{capital(day)} it will {rain} in {city}.", f"{capital(tag)} wird es in {stadt} {regnen}."
    return f"It will {rain} in {city} {day}.", f"Es wird {tag} in {stadt} {regnen}."


def how_the_air_is(rng: random.Random) -> Pair:
    """Yesterday it was very cold in Rome, but today it is warm."""
    (city, stadt), (was, war), (now, jetzt) = pick(rng, CITIES), pick(rng, _AIR), pick(rng, _AIR)
    very, sehr = pick(rng, (("very ", "sehr "), ("too ", "zu "), ("", "")))
    first = f"Yesterday it was {very}{was} in {city}, but today it is {now}."
    return first, f"Gestern war es in {stadt} {sehr}{war}, aber heute ist es {jetzt}."


CONSTRUCTIONS: tuple[tuple[Callable[[random.Random], Pair], int], ...] = (
    (it_is_late, 3),
    (starts_at, 8),
    (appointment, 9),
    (today_is, 5),
    (birthday, 6),
    (born, 6),
    (from_to, 6),
    (opening_hours, 6),
    (degrees, 4),
    (weather_then, 5),
    (how_the_air_is, 5),
)
