"""Constructions about travelling and finding the way. Each returns English and German."""

import random
from collections.abc import Callable

from grammar import english, german
from grammar.clause import spaced
from grammar.daily import DAYS, Pair
from grammar.phrases import (
    Noun,
    Phrase,
    between,
    capital,
    chance,
    kin,
    noun,
    nouns,
    of_phrase,
    pick,
    someone,
)
from grammar.predicates import CITIES, COUNTRIES, FREQUENCY, far
from grammar.times import figures_of_time, full_stop

_SIDES = (("left", "links"), ("right", "rechts"))
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_STREETS = (
    *(("Garden Street", "Gartenstraße"), ("Station Street", "Bahnhofstraße"), ("Church Street", "Kirchstraße")),
    *(("School Street", "Schulstraße"), ("Castle Street", "Schlossstraße"), ("Lake Street", "Seestraße")),
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_STREETS = (
    *(("Garden Street", "Gartenstraße"), ("Station Street", "Bahnhofstraße"), ("Church Street", "Kirchstraße")),
    *(("School Street", "Schulstraße"), ("Castle Street", "Schlossstraße"), ("Lake Street", "Seestraße")),
)
_STREETS = (
    *(("Garden Street", "Gartenstraße"), ("Station Street", "Bahnhofstraße"), ("Church Street", "Kirchstraße")),
    *(("School Street", "Schulstraße"), ("Castle Street", "Schlossstraße"), ("Lake Street", "Seestraße")),
)
_CORNERS = (
    ("traffic light", "der Ampel"),
    ("crossroads", "der Kreuzung"),
    ("church", "der Kirche"),
    ("bank", "der Bank"),
)
_TALL = ("tower", "church", "bridge", "castle", "town hall")
_PLACES = (
    *(("next to", "neben"), ("behind", "hinter"), ("in front of", "vor"), ("opposite", "gegenüber von")),
    *(("not far from", "nicht weit von"), ("near", "in der Nähe ")),
)
_PLACES = (
    *(("next to", "neben"), ("behind", "hinter"), ("in front of", "vor"), ("opposite", "gegenüber von")),
    *(("not far from", "nicht weit von"), ("near", "in der Nähe ")),
)


def departure(rng: random.Random) -> Pair:
    """The train to Hamburg leaves at 7:45 p.m. from platform 3."""
    (city, stadt), (time, uhrzeit), platform = pick(rng, CITIES), figures_of_time(rng), between(rng, 1, 14)
    first = f"The train to {city} leaves at {time} from platform {platform}."
    return first, f"Der Zug nach {stadt} fährt um {uhrzeit} von Gleis {platform} ab."


def arrival(rng: random.Random) -> Pair:
    """The bus from Bonn arrives at 6:10 a.m."""
    (city, stadt), (time, uhrzeit) = pick(rng, CITIES), figures_of_time(rng)
    vehicle = noun(pick(rng, ("bus", "train")))
    late, spaeter = pick(rng, (("", ""), ("today ", "heute "), ("tomorrow ", "morgen ")))
    first = full_stop(f"The {vehicle.english} from {city} arrives {late}at {time}")
    return first, f"{capital(Phrase('the', vehicle).german('nom'))} aus {stadt} kommt {spaeter}um {uhrzeit} an."


def _to(place: Noun) -> str:
    return german.contract("zu", Phrase("the", place).german("dat"))


def the_way(rng: random.Random) -> Pair:
    """Excuse me, how do I get to the station?"""
    place = pick(rng, nouns("place", "sight"))
    best, am_besten = pick(rng, (("", ""), (" from here", " von hier")))
    excuse, pardon = pick(rng, (("Excuse me, how", "Entschuldigung, wie"), ("How", "Wie")))
    return f"{excuse} do I get to the {place.english}{best}?", f"{pardon} komme ich{am_besten} {_to(place)}?"


def turn(rng: random.Random) -> Pair:
    """Go straight ahead to the church and then turn right at the traffic light."""
    place, (side, seite), (corner, ecke) = pick(rng, nouns("place", "sight")), pick(rng, _SIDES), pick(rng, _CORNERS)
    if chance(rng, 0.25):
        return f"Turn {side} at the {corner}.", f"Biegen Sie an {ecke} {seite} ab."
    first = f"Go straight ahead to the {place.english} and then turn {side} at the {corner}."
    return first, f"Gehen Sie geradeaus bis {_to(place)} und biegen Sie dann an {ecke} {seite} ab."


def street(rng: random.Random) -> Pair:
    """Take the second street on the left; the bank is on the right."""
    number, (side, seite), (other, andere) = between(rng, 1, 6), pick(rng, _SIDES), pick(rng, _SIDES)
    place = Phrase("the", pick(rng, nouns("place")))
    first = f"Take the {_ORDINALS[number - 1]} street on the {side}, and {place.english()} is on the {other}."
    die = german.ordinal_stem(number) + german.adjective_ending("weak", "f", "acc")
    return first, f"Nehmen Sie die {die} Straße {seite}, und {place.german('nom')} ist {andere}."


def where_it_is(rng: random.Random) -> Pair:
    """The bakery is next to the post office."""
    places = nouns("place")
    one, other = Phrase("the", pick(rng, places)), Phrase("the", pick(rng, places))
    if one == other:
        return where_it_is(rng)
    if chance(rng, 0.25):
        third = Phrase("the", pick(rng, [p for p in places if p not in (one.noun, other.noun)]))
        between_them = f"zwischen {other.german('dat')} und {third.german('dat')}"
        first = f"{capital(one.english())} is between {other.english()} and {third.english()}."
        return first, f"{capital(one.german('nom'))} ist {between_them}."
    near, bei = pick(rng, _PLACES)
    head, _, preposition = bei.rpartition(" ")
    where = spaced(head, german.contract(preposition, other.german("dat")) if preposition else other.german("gen"))
    if chance(rng, 0.3):
        return f"Is {one.english()} {near} {other.english()}?", f"Ist {one.german('nom')} {where}?"
    return f"{capital(one.english())} is {near} {other.english()}.", f"{capital(one.german('nom'))} ist {where}."


def is_there(rng: random.Random) -> Pair:
    """Is there a pharmacy near here?"""
    place = Phrase("a", pick(rng, nouns("place")))
    if chance(rng, 0.5):
        return f"Is there {place.english()} near here?", f"Gibt es hier in der Nähe {place.german('acc')}?"
    (city, stadt), no = pick(rng, CITIES), Phrase("no", place.noun)
    return f"There is {no.english()} in this part of {city}.", f"In diesem Teil von {stadt} gibt es {no.german('acc')}."


def tickets(rng: random.Random) -> Pair:
    """Two tickets to Vienna for tomorrow, please."""
    number, (place, direction, _, _) = between(rng, 1, 6), far(rng)
    day, tag = pick(rng, (*DAYS, ("tomorrow", "morgen"), ("today", "heute"), ("next week", "nächste Woche")))
    words = "A ticket" if number == 1 else f"{capital(english.cardinal(number))} tickets"
    worte = "Eine Fahrkarte" if number == 1 else f"{capital(german.cardinal(number))} Fahrkarten"
    return f"{words} to {place} for {day}, please.", f"{worte} {direction} für {tag}, bitte."


def by_train(rng: random.Random) -> Pair:
    """My uncle often goes to Italy by train."""
    who, vehicle, (place, direction, _, _) = someone(rng), pick(rng, [*nouns("vehicle")[:2], noun("car")]), far(rng)
    often, oft = pick(rng, FREQUENCY)
    go = "goes" if who.agreement == "he" else "go"
    finite = german.GermanVerb("fahren", "fährt", "gefahren").present(who.person)
    mit = f"mit {Phrase('the', vehicle).german('dat')}"
    first = f"{capital(who.english)} {often} {go} to {place} by {vehicle.english}."
    return first, f"{capital(who.german)} {finite} {oft} {mit} {direction}."


def duration(rng: random.Random) -> Pair:
    """The flight from Berlin to Rome takes two hours."""
    (start, von), (end, nach), hours = pick(rng, CITIES), pick(rng, CITIES), between(rng, 2, 12)
    if start == end:
        return duration(rng)
    what, was = pick(rng, (("flight", "Der Flug"), ("trip", "Die Reise")))
    if chance(rng, 0.3):
        long = f"How long does the {what} from {start} to {end} take?"
        return long, f"Wie lange dauert {was[0].lower()}{was[1:]} von {von} nach {nach}?"
    first = f"The {what} from {start} to {end} takes {english.cardinal(hours)} hours."
    return first, f"{was} von {von} nach {nach} dauert {german.cardinal(hours)} Stunden."


def distance(rng: random.Random) -> Pair:
    """It is 1,250 kilometres from Bonn to Rome."""
    (start, von), (end, nach), number = pick(rng, CITIES), pick(rng, CITIES), between(rng, 60, 2400)
    if start == end:
        return distance(rng)
    if chance(rng, 0.3):
        return f"How far is it from {start} to {end}?", f"Wie weit ist es von {von} nach {nach}?"
    first = f"It is {number:,} kilometres from {start} to {end}."
    return first, f"Von {von} nach {nach} sind es {german.figures(f'{number:,}')} Kilometer."


def room_for_nights(rng: random.Random) -> Pair:
    """I would like to book a quiet room for two nights."""
    who, number = someone(rng, address=False), between(rng, 2, 14)
    words, worte = pick(rng, (("quiet", "ruhiges"), ("big", "großes"), ("small", "kleines"), ("cheap", "billiges")))
    finite = german.IRREGULAR["möchten"][german.PERSONS.index(who.person)]
    first = f"{capital(who.english)} would like to book a {words} room for {english.cardinal(number)} nights."
    return first, f"{capital(who.german)} {finite} ein {worte} Zimmer für {german.cardinal(number)} Nächte buchen."


def inhabitants(rng: random.Random) -> Pair:
    """The old village has 1,250 inhabitants; the tower is 85.5 metres high."""
    if chance(rng, 0.5):
        town, number = Phrase(pick(rng, ("the", "this", "our")), pick(rng, nouns("town"))), between(rng, 900, 90000)
        first = f"{capital(town.english())} has {number:,} inhabitants."
        return first, f"{capital(town.german('nom'))} hat {german.figures(f'{number:,}')} Einwohner."
    what, height = Phrase(pick(rng, ("the", "this")), noun(pick(rng, _TALL))), f"{between(rng, 9, 99)}.5"
    high, hoch = pick(rng, (("high", "hoch"), ("wide", "breit"), ("long", "lang")))
    first = f"{capital(what.english())} is {height} metres {high}."
    return first, f"{capital(what.german('nom'))} ist {german.figures(height)} Meter {hoch}."


def floor(rng: random.Random) -> Pair:
    """The office is on the third floor."""
    room, number = Phrase(pick(rng, ("the", "his", "her", "our", "my")), pick(rng, nouns("room"))), between(rng, 1, 10)
    stem = german.ordinal_stem(number) + german.adjective_ending("weak", "m", "dat")
    first = f"{capital(room.english())} is on the {_ORDINALS[number - 1]} floor."
    return first, f"{capital(room.german('nom'))} ist im {stem} Stock."


def nth_trip(rng: random.Random) -> Pair:
    """This is our third trip to Italy."""
    number, owner, row = between(rng, 1, 10), pick(rng, ("my", "his", "her", "our", "their")), pick(rng, COUNTRIES)
    possessive = Phrase(owner, noun("trip")).german("nom").split()[0]
    first = f"This is {owner} {_ORDINALS[number - 1]} trip to {row[0]}."
    return first, f"Das ist {possessive} {german.ordinal_stem(number)}e Reise {row[2]}."


def address(rng: random.Random) -> Pair:
    """My aunt lives at 12 Garden Street in Bonn."""
    who = of_phrase(kin(rng, pick(rng, ("my", "his", "our")))) if chance(rng, 0.5) else someone(rng)
    (name, strasse), number, (city, stadt) = pick(rng, _STREETS), between(rng, 1, 60), pick(rng, CITIES)
    live = "lives" if who.agreement == "he" else "live"
    wohnen = german.GermanVerb("wohnen", "wohnt", "gewohnt").present(who.person)
    first = f"{capital(who.english)} {live} at {number} {name} in {city}."
    return first, f"{capital(who.german)} {wohnen} in der {strasse} {number} in {stadt}."


CONSTRUCTIONS: tuple[tuple[Callable[[random.Random], Pair], int], ...] = (
    (departure, 6),
    (arrival, 6),
    (the_way, 4),
    (turn, 6),
    (street, 5),
    (where_it_is, 9),
    (is_there, 5),
    (tickets, 5),
    (by_train, 8),
    (duration, 6),
    (distance, 6),
    (room_for_nights, 5),
    (inhabitants, 5),
    (floor, 4),
    (nth_trip, 3),
    (address, 7),
)
