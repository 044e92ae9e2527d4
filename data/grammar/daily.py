"""Constructions of daily talk: greetings, people, shopping, prices, numbers. Each returns English and German."""

import random

from grammar import english, german
from grammar.phrases import (
    FAMILIES,
    MEN,
    WOMEN,
    I,
    Person,
    Phrase,
    adjective,
    between,
    capital,
    chance,
    kin,
    named,
    noun,
    nouns,
    of_phrase,
    pick,
    someone,
    third_person,
)
from grammar.predicates import far

Pair = tuple[str, str]
DAYS = (
    *(("Monday", "Montag"), ("Tuesday", "Dienstag"), ("Wednesday", "Mittwoch"), ("Thursday", "Donnerstag")),
    *(("Friday", "Freitag"), ("Saturday", "Samstag"), ("Sunday", "Sonntag")),
)
MONTHS = (
    *(("January", "Januar"), ("February", "Februar"), ("March", "März"), ("April", "April"), ("May", "Mai")),
    *(("June", "Juni"), ("July", "Juli"), ("August", "August"), ("September", "September"), ("October", "Oktober")),
    *(("November", "November"), ("December", "Dezember")),
)
_WISHES = (
    *(("Happy birthday", "Herzlichen Glückwunsch zum Geburtstag"), ("Have a good trip", "Gute Reise")),
    *(("Get well soon", "Gute Besserung"), ("Good luck", "Viel Glück"), ("Have fun", "Viel Spaß")),
    *(("Thank you very much", "Vielen Dank"), ("Good night", "Gute Nacht"), ("Goodbye", "Auf Wiedersehen")),
    *(("Happy New Year", "Frohes neues Jahr"), ("Merry Christmas", "Frohe Weihnachten"), ("Welcome", "Willkommen")),
)
_HELLO = (("Good morning", "Guten Morgen"), ("Good afternoon", "Guten Tag"), ("Good evening", "Guten Abend"))
_CONTAINERS = {
    "glass": ("milk", "water", "wine", "juice"),
    "cup": ("coffee", "tea"),
    "bottle": ("wine", "beer", "water"),
}


def addressed(rng: random.Random) -> tuple[str, str, bool]:
    """Return a name to address somebody by in English and German, and whether it asks for Sie."""
    if chance(rng, 0.5):
        name = pick(rng, MEN + WOMEN)
        return name, name, False
    family = pick(rng, FAMILIES)
    title, titel = pick(rng, (("Mr", "Herr"), ("Mrs", "Frau")))
    return f"{title} {family}", f"{titel} {family}", True


def date(rng: random.Random) -> tuple[Pair, int]:
    """Return a month in both languages and a day of it."""
    return pick(rng, MONTHS), between(rng, 1, 28)


def price(rng: random.Random, high: int) -> Pair:
    """Return an amount of euros in figures, up to a number of euros."""
    euros, cents = between(rng, 2, high), pick(rng, (0, 20, 50, 80, 90, 95, 99))
    amount = f"{euros}.{cents:02}" if cents else str(euros)
    return f"{amount} euros", f"{german.figures(amount)} Euro"


def greeting(rng: random.Random) -> Pair:
    """Good morning, Mrs Weber! How are you?"""
    name, anrede, formal = addressed(rng)
    hello, hallo = pick(rng, _HELLO) if formal else pick(rng, (*_HELLO, ("Hello", "Hallo")))
    kind = rng.random()
    if kind < 0.2:
        return f"{hello}, {name}!", f"{hallo}, {anrede}!"
    if kind < 0.5:
        return f"{hello}, {name}! How are you?", f"{hallo}, {anrede}! Wie geht es {'Ihnen' if formal else 'dir'}?"
    relative = kin(rng, "your", "Ihr" if formal else "dein")
    is_or_are = "are" if relative.plural else "is"
    question = f"How {is_or_are} {relative.english()}?"
    return f"{hello}, {name}! {question}", f"{hallo}, {anrede}! Wie geht es {relative.german('dat')}?"


def wish(rng: random.Random) -> Pair:
    """Happy birthday, Anna!"""
    name, anrede, _ = addressed(rng)
    words, worte = pick(rng, _WISHES)
    return f"{words}, {name}!", f"{worte}, {anrede}!"


def farewell(rng: random.Random) -> Pair:
    """See you on Monday, Anna!"""
    name, anrede, _ = addressed(rng)
    when = [(f"on {day}", tag) for day, tag in DAYS] + [("tomorrow", "morgen"), ("next week", "nächste Woche")]
    day, tag = pick(rng, (*when, ("soon", "bald"), ("tonight", "heute Abend")))
    return f"See you {day}, {name}!", f"Bis {tag}, {anrede}!"


def introduction(rng: random.Random) -> Pair:
    """My name is Anna Weber and I come from Austria."""
    name = f"{pick(rng, MEN + WOMEN)} {pick(rng, FAMILIES)}"
    place, _, _, origin = far(rng)
    return f"My name is {name} and I come from {place}.", f"Ich heiße {name} und komme {origin}."


def this_is(rng: random.Random) -> Pair:
    """This is my brother Paul."""
    owner = pick(rng, ("my", "his", "her", "our", "their"))
    relative = pick(rng, nouns("family"))
    name = pick(rng, MEN if relative.gender == "m" else WOMEN)
    phrase = Phrase(owner, relative)
    return f"This is {phrase.english()} {name}.", f"Das ist {phrase.german('nom')} {name}."


def age(rng: random.Random) -> Pair:
    """My sister is twenty-three years old."""
    who, years = someone(rng, address=False), between(rng, 25, 95)
    if who.english.endswith(("children", "boy", "boys", "girls")):
        years = between(rng, 2, 20)
    finite = german.IRREGULAR["sein"][german.PERSONS.index(who.person)]
    first = f"{capital(who.english)} {english.BE[who.agreement]} {english.cardinal(years)} years old."
    return first, f"{capital(who.german)} {finite} {german.cardinal(years)} Jahre alt."


def has_relatives(rng: random.Random) -> Pair:
    """Anna has two sisters and a brother."""
    who = third_person(rng) if chance(rng, 0.7) else I
    many, one = pick(rng, nouns("family", "animal")), pick(rng, nouns("family", "animal"))
    number = between(rng, 2, 6)
    pair = Phrase(english.cardinal(number), many, None, True, german.cardinal(number))
    single = Phrase(pick(rng, ("a", "no")), one)
    has = english.EnglishVerb("have", "had", "had").third if who.agreement == "he" else "have"
    conjunction, und = ("and", " und") if single.determiner == "a" else ("but", ", aber")
    first = f"{capital(who.english)} {has} {pair.english()} {conjunction} {single.english()}."
    hat = german.IRREGULAR["haben"][german.PERSONS.index(who.person)]
    return first, f"{capital(who.german)} {hat} {pair.german('acc')}{und} {single.german('acc')}."


def profession(rng: random.Random) -> Pair:
    """My brother is a teacher; my sister works as a nurse."""
    woman = chance(rng, 0.4)
    jobs = [job for job in nouns("job") if (job.gender == "f") == woman]
    who = _by_gender(rng, woman)
    job = pick(rng, jobs)
    word = english.with_article(job.english)
    oblique = job.german.form("nom", plural=False)
    if chance(rng, 0.5):
        return f"{capital(who.english)} is {word}.", f"{capital(who.german)} ist {oblique}."
    place, _, in_place, _ = far(rng)
    first = f"{capital(who.english)} works as {word} in {place}."
    return first, f"{capital(who.german)} arbeitet als {oblique} {in_place}."


def _by_gender(rng: random.Random, woman: bool) -> Person:
    while True:
        relative = kin(rng, pick(rng, ("my", "his", "her", "our")))
        who = named(rng) if chance(rng, 0.3) else of_phrase(relative)
        if who.agreement == "he" and (who.pronoun[0] == "she") == woman:
            return who


def costs(rng: random.Random) -> Pair:
    """The red jacket costs 49.90 euros."""
    item = pick(rng, nouns("goods"))
    plural = "pair" in item.classes or chance(rng, 0.15)
    phrase = Phrase(pick(rng, ("the", "this")), item, adjective(rng, item, 0.6), plural)
    amount, betrag = price(rng, 99)
    first = f"{capital(phrase.english())} {'cost' if plural else 'costs'} {amount}."
    return first, f"{capital(phrase.german('nom'))} {'kosten' if plural else 'kostet'} {betrag}."


def price_question(rng: random.Random) -> Pair:
    """How much do these shoes cost?"""
    item = pick(rng, nouns("goods", "clothes", "food"))
    plural = "pair" in item.classes or chance(rng, 0.3)
    phrase = Phrase(pick(rng, ("the", "this")), item, adjective(rng, item, 0.5), plural)
    first = f"How much {'do' if plural else 'does'} {phrase.english()} cost?"
    return first, f"Wie viel {'kosten' if plural else 'kostet'} {phrase.german('nom')}?"


def order_of_drinks(rng: random.Random) -> Pair:
    """I would like two cups of coffee and a cake, please."""
    container, drinks = pick(rng, list(_CONTAINERS.items()))
    drink, food = noun(pick(rng, drinks)), pick(rng, nouns("dish"))
    number = between(rng, 1, 5)
    cup = noun(container)
    words = f"a {container}" if number == 1 else f"{english.cardinal(number)} {cup.english_plural}"
    # Measures of feminine gender have a plural after a number (zwei Tassen), Glas has not (zwei Glas or zwei Gläser).
    worte = german.determiner("ein", cup.gender, "acc") if number == 1 else german.cardinal(number)
    worte += " " + cup.german.form("acc", number > 1)
    dish = Phrase("a", food)
    first = f"{words} of {drink.english} and {dish.english()}, please."
    second = f"{worte} {drink.german.singular} und {dish.german('acc')}, bitte."
    return f"I would like {first}", f"Ich hätte gern {second}"


def weight(rng: random.Random) -> Pair:
    """I would like three kilos of potatoes, please."""
    goods, number = pick(rng, nouns("fruit")), between(rng, 2, 12)
    first = f"I would like {english.cardinal(number)} kilos of {goods.english_plural}, please."
    return first, f"Ich hätte gern {german.cardinal(number)} Kilo {goods.german.plural}, bitte."


def total(rng: random.Random) -> Pair:
    """That is 12.50 euros, please."""
    amount, betrag = price(rng, 60)
    if chance(rng, 0.4):
        return f"That is {amount} altogether.", f"Das macht zusammen {betrag}."
    return f"That is {amount}, please.", f"Das macht {betrag}, bitte."


def shop_question(rng: random.Random) -> Pair:
    """Do you have a red jacket in size 42?"""
    item = pick(rng, nouns("clothes", "pair"))
    plural = "pair" in item.classes
    phrase = Phrase("this" if plural else "a", item, adjective(rng, item, 0.8), plural)
    size = between(rng, 36, 50)
    return f"Do you have {phrase.english()} in size {size}?", f"Haben Sie {phrase.german('acc')} in Größe {size}?"


def shopping_for(rng: random.Random) -> Pair:
    """I am looking for a blue shirt for my son."""
    item = pick(rng, nouns("clothes", "readable"))
    phrase, receiver = Phrase("a", item, adjective(rng, item, 0.8)), kin(rng, pick(rng, ("my", "our")))
    first = f"I am looking for {phrase.english()} for {receiver.english()}."
    return first, f"Ich suche {phrase.german('acc')} für {receiver.german('acc')}."


def too_expensive(rng: random.Random) -> Pair:
    """The black coat is too expensive for me, but I like it."""
    item = pick(rng, nouns("clothes", "furniture"))
    phrase = Phrase(pick(rng, ("the", "this")), item, adjective(rng, item, 0.6))
    it = {"m": "er", "f": "sie", "n": "es"}[item.gender]
    what, was = pick(rng, (("expensive", "teuer"), ("big", "groß"), ("small", "klein"), ("dark", "dunkel")))
    if phrase.adjective and "colour" not in phrase.adjective.classes:
        return too_expensive(rng)
    first = f"{capital(phrase.english())} is too {what}, but I like it."
    return first, f"{capital(phrase.german('nom'))} ist zu {was}, aber {it} gefällt mir."


def sum_of_numbers(rng: random.Random) -> Pair:
    """Twelve plus five is seventeen."""
    first, second = between(rng, 2, 60), between(rng, 2, 39)
    words = [english.cardinal(n) for n in (first, second, first + second)]
    worte = [german.cardinal(n) for n in (first, second, first + second)]
    if chance(rng, 0.4):
        words, worte = words[::-1], worte[::-1]
        return (
            f"{capital(words[0])} minus {words[1]} is {words[2]}.",
            f"{capital(worte[0])} minus {worte[1]} ist {worte[2]}.",
        )
    return f"{capital(words[0])} plus {words[1]} is {words[2]}.", f"{capital(worte[0])} plus {worte[1]} ist {worte[2]}."


CONSTRUCTIONS = (
    *((greeting, 14), (wish, 5), (farewell, 6), (introduction, 7), (this_is, 5), (age, 10), (has_relatives, 8)),
    *((profession, 10), (costs, 12), (price_question, 8), (order_of_drinks, 7), (weight, 4), (total, 4)),
    *((shop_question, 7), (shopping_for, 8), (too_expensive, 8), (sum_of_numbers, 5)),
)
