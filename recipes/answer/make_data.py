"""Write a small corpus of questions, passages and answers, made from a grammar.

A passage is four facts about four people; the question asks for one of them, and the answer is in the passage. The same
bytes come out on every machine: all choices are drawn from ``random.Random(SEED).random()``.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

SEED = 7
SIZES = {"test": 500, "valid": 300, "train": 12000}
N_FACTS = 4
HEAD = "question\tpassage\tanswer\n"

NAMES = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Greta",
    "Hugo",
    "Ida",
    "Jonas",
    "Karla",
    "Leo",
    "Mia",
    "Nina",
    "Oskar",
    "Paula",
    "Quentin",
    "Rosa",
    "Simon",
    "Tara",
    "Ulf",
    "Vera",
    "Willem",
    "Xenia",
    "Yusuf",
    "Zoe",
]
CITIES = [
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
]
JOBS = [
    "baker",
    "pilot",
    "doctor",
    "farmer",
    "singer",
    "lawyer",
    "sailor",
    "teacher",
    "tailor",
    "painter",
    "nurse",
    "driver",
]
THINGS = ["bicycle", "lamp", "piano", "boat", "camera", "kite", "drum", "carpet", "mirror", "clock"]
COLOURS = ["red", "blue", "green", "black", "white", "yellow", "grey", "brown"]
ANIMALS = ["dog", "cat", "horse", "parrot", "goat", "rabbit", "turtle", "hamster"]
RELATIONS: dict[str, tuple[str, str, Sequence[str]]] = {
    "home": ("{name} lives in {value}.", "Where does {name} live?", CITIES),
    "job": ("{name} works as a {value}.", "What does {name} work as?", JOBS),
    "pet": ("{name} feeds a {value}.", "What does {name} feed?", ANIMALS),
    "colour": ("{name} likes the colour {value}.", "Which colour does {name} like?", COLOURS),
    "thing": ("{name} repairs the {value}.", "What does {name} repair?", THINGS),
}
"""Of each relation: a sentence that states it, the question, and what may be the answer."""

Choice = TypeVar("Choice")


def pick(rng: random.Random, choices: Sequence[Choice]) -> Choice:
    """One of several, each as likely; ``random.choice`` differs between versions of Python."""
    return choices[int(rng.random() * len(choices))]


def pick_some(rng: random.Random, choices: Sequence[Choice], n: int) -> list[Choice]:
    """Several different ones, in random order."""
    left = list(choices)
    return [left.pop(int(rng.random() * len(left))) for _ in range(n)]


def make_row(rng: random.Random) -> tuple[str, str, str]:
    """A question, a passage and the answer; the other facts share a name or a relation with the one in question."""
    names = pick_some(rng, NAMES, 2)
    kinds = pick_some(rng, list(RELATIONS), 2)
    facts = []
    for name in names:
        for kind in kinds:
            statement, question, values = RELATIONS[kind]
            value = pick(rng, values)
            facts.append((statement.format(name=name, value=value), question.format(name=name), value))
    _, question, answer = pick(rng, facts)
    return question, " ".join(statement for statement, *_ in pick_some(rng, facts, N_FACTS)), answer


def make_rows(count: int, seed: int = SEED) -> list[tuple[str, str, str]]:
    """Rows that all differ in question or passage."""
    rng = random.Random(seed)
    rows: dict[tuple[str, str], str] = {}
    while len(rows) < count:
        question, passage, answer = make_row(rng)
        rows[question, passage] = answer
    return [(*asked, answer) for asked, answer in rows.items()]


def write_data(directory: Path) -> None:
    """Write train, valid and test as ``<part>.tsv`` with the columns question, passage and answer."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = make_rows(sum(SIZES.values()))
    for part, size in SIZES.items():
        chosen, rows = rows[:size], rows[size:]
        (directory / f"{part}.tsv").write_bytes((HEAD + "".join("\t".join(row) + "\n" for row in chosen)).encode())


def main() -> None:
    """Parse the command line and write the corpus."""
    parser = argparse.ArgumentParser(description="Write the questions and answers of recipes/answer.")
    folder = Path(__file__).parent / "data"
    parser.add_argument("-o", "--output", type=Path, default=folder, help="folder to write to (default: %(default)s)")
    write_data(parser.parse_args().output)


if __name__ == "__main__":
    main()
