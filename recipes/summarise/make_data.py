"""Write a small corpus of news articles and their headlines, made from a grammar.

An article is four sentences about one event: what happened where, and details, of which one is the outcome. The
headline says what, where and how it ended, in other words than the article. The same bytes come out on every machine:
all choices are drawn from ``random.Random(SEED).random()``.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

SEED = 11
SIZES = {"test": 500, "valid": 300, "train": 12000}

TOWNS = [
    "Oslo",
    "Rome",
    "Lima",
    "Cairo",
    "Paris",
    "Delhi",
    "Quito",
    "Seoul",
    "Tunis",
    "Vienna",
    "Bern",
    "Accra",
    "Riga",
    "Sofia",
    "Porto",
    "Turin",
    "Kiel",
    "Graz",
    "Bergen",
    "Malmo",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
TIMES = ["in the morning", "at noon", "in the afternoon", "in the evening", "late at night"]
WHO = ["The police", "The mayor", "A speaker of the city", "A witness", "The local radio"]
NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
EVENTS = {
    "Fire at {place}": "A fire broke out at {place} of {town} on {day} {time}.",
    "Flood at {place}": "Water ran into {place} of {town} after heavy rain on {day} {time}.",
    "Theft at {place}": "Thieves broke into {place} of {town} on {day} {time} and took what they could carry.",
    "Blackout at {place}": "The lights went out at {place} of {town} on {day} {time}.",
    "Strike at {place}": "The workers of {place} of {town} laid down their tools on {day} {time}.",
    "Storm damages {place}": "Strong winds tore parts of the roof off {place} of {town} on {day} {time}.",
}
"""The beginning of the headline, and the sentence of the article that says the same."""

PLACES = [
    "the harbour",
    "the market hall",
    "the station",
    "the museum",
    "the town hall",
    "the theatre",
    "the school",
    "the library",
]
OUTCOMES = {
    "nobody hurt": "Nobody was injured, and all people left the building in time.",
    "{n} people hurt": "{n} people were injured and taken to a hospital.",
    "one arrested": "One person was arrested near the place a little later.",
    "costs unknown": "It is not known yet how much the damage will cost.",
    "opens again tomorrow": "Everything is to be open as usual on the next day.",
}
"""The end of the headline, and the sentence of the article that says the same."""

DETAILS = [
    "{who} said that it had begun without any warning.",
    "{n} cars that stood nearby were moved away.",
    "The street in front of it was closed for {n} hours.",
    "{who} asked people to stay at home.",
    "It was the first time in {n} years that something like this happened.",
    "{n} neighbours came to help and brought tea.",
]

Choice = TypeVar("Choice")


def pick(rng: random.Random, choices: Sequence[Choice]) -> Choice:
    """One of several, each as likely; ``random.choice`` differs between versions of Python."""
    return choices[int(rng.random() * len(choices))]


def make_pair(rng: random.Random) -> tuple[str, str]:
    """An article and its headline."""
    what, place, town = pick(rng, list(EVENTS)), pick(rng, PLACES), pick(rng, TOWNS)
    ending = pick(rng, list(OUTCOMES))
    n = pick(rng, NUMBERS)
    first = EVENTS[what].format(place=place, town=town, day=pick(rng, DAYS), time=pick(rng, TIMES))
    outcome = OUTCOMES[ending].format(n=n.capitalize())
    details = list(DETAILS)
    rest = [details.pop(int(rng.random() * len(details))) for _ in range(2)]
    rest = [each.format(who=pick(rng, WHO), n=pick(rng, NUMBERS)) for each in rest]
    rest.insert(int(rng.random() * 3), outcome)
    article = " ".join([first, *(each[0].upper() + each[1:] for each in rest)])
    return article, f"{what.format(place=place.removeprefix('the '))} in {town}: {ending.format(n=n)}"


def make_pairs(count: int, seed: int = SEED) -> list[tuple[str, str]]:
    """Pairs of which no article occurs twice."""
    rng = random.Random(seed)
    pairs: dict[str, str] = {}
    while len(pairs) < count:
        article, headline = make_pair(rng)
        pairs[article] = headline
    return list(pairs.items())


def write_data(directory: Path) -> None:
    """Write train, valid and test as ``<part>.article`` and ``<part>.headline``, one a line."""
    directory.mkdir(parents=True, exist_ok=True)
    pairs = make_pairs(sum(SIZES.values()))
    for part, size in SIZES.items():
        chosen, pairs = pairs[:size], pairs[size:]
        for column, ending in enumerate(("article", "headline")):
            text = "".join(pair[column] + "\n" for pair in chosen)
            (directory / f"{part}.{ending}").write_bytes(text.encode())


def main() -> None:
    """Parse the command line and write the corpus."""
    parser = argparse.ArgumentParser(description="Write the articles and headlines of recipes/summarise.")
    folder = Path(__file__).parent / "data"
    parser.add_argument("-o", "--output", type=Path, default=folder, help="folder to write to (default: %(default)s)")
    write_data(parser.parse_args().output)


if __name__ == "__main__":
    main()
