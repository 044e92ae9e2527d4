import importlib
import itertools
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DATA = Path(__file__).parents[1] / "data"
SIZES = {"train": 12000, "valid": 500, "test": 500}


def load(name: str) -> ModuleType:
    """The program's modules lie beside it and import each other by their bare names."""
    if str(DATA) not in sys.path:
        sys.path.append(str(DATA))
    return importlib.import_module(name)


def lines(part: str, language: str) -> list[str]:
    return (DATA / f"{part}.{language}").read_bytes().decode("utf-8").split("\n")[:-1]


def phrase(determiner: str, adjective: str, noun: str, plural: bool = False) -> Any:
    phrases = load("grammar.phrases")
    word = next((word for word in phrases.ADJECTIVES if word.english == adjective), None)
    return phrases.Phrase(determiner, phrases.noun(noun), word, plural)


def verb(english: str) -> Any:
    return next(entry.german for entry in load("grammar.predicates").VERBS if entry.english.base == english)


def test_the_program_writes_the_committed_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DATA / "make_sample.py", "-o", tmp_path], check=True)
    names = sorted(f"{part}.{language}" for part in SIZES for language in ("en", "de"))
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


@pytest.mark.parametrize("part", SIZES)
def test_both_sides_have_the_same_number_of_clean_lines(part: str) -> None:
    for language in ("en", "de"):
        found = lines(part, language)
        assert len(found) == SIZES[part]
        for line in found:
            assert line == " ".join(line.split()), line
            assert line[-1] in ".!?", line
            assert line[0].isupper(), line


def test_no_source_is_repeated_within_or_between_the_parts() -> None:
    sources = [line for part in SIZES for line in lines(part, "en")]
    assert len(sources) == len(set(sources)) == 13000


def test_the_corpus_is_varied() -> None:
    words = {word.strip(".,!?") for part in SIZES for line in lines(part, "de") for word in line.split()}
    assert len([word for word in words if word.isalpha()]) >= 1500
    assert len(load("make_sample").CONSTRUCTIONS) >= 60


def test_two_translations_of_one_sentence_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program = load("make_sample")
    sources = itertools.cycle(["Yes.", "Yes.", "No."])
    monkeypatch.setattr(program, "CONSTRUCTIONS", [(lambda rng: (next(sources), str(rng.random())), 1)])
    with pytest.raises(ValueError, match=r"two translations of 'Yes\."):
        program.make_pairs(2)


@pytest.mark.parametrize(
    ("kind", "endings"),
    [  # masculine, feminine, neuter, plural; nominative, accusative, dative, genitive
        ("weak", ["e e e en", "en e e en", "en en en en", "en en en en"]),
        ("mixed", ["er e es en", "en e es en", "en en en en", "en en en en"]),
        ("strong", ["er e es e", "en e es e", "em er em en", "en er en er"]),
    ],
)
def test_adjective_endings(kind: str, endings: list[str]) -> None:
    german = load("grammar.german")
    for case, row in zip(("nom", "acc", "dat", "gen"), endings, strict=True):
        assert [german.adjective_ending(kind, column, case) for column in "mfnp"] == row.split(), case


@pytest.mark.parametrize(
    ("words", "case", "english", "german"),
    [
        (("the", "old", "man"), "nom", "the old man", "der alte Mann"),
        (("the", "old", "man"), "gen", "the old man", "des alten Mannes"),
        (("a", "old", "man"), "nom", "an old man", "ein alter Mann"),
        (("a", "old", "man"), "acc", "an old man", "einen alten Mann"),
        (("a", "red", "dress"), "acc", "a red dress", "ein rotes Kleid"),
        (("my", "new", "lamp"), "dat", "my new lamp", "meiner neuen Lampe"),
        (("this", "expensive", "coat"), "acc", "this expensive coat", "diesen teuren Mantel"),
        (("", "cold", "water"), "acc", "cold water", "kaltes Wasser"),
        (("", "cold", "milk"), "dat", "cold milk", "kalter Milch"),
        (("the", "dark", "room"), "dat", "the dark room", "dem dunklen Zimmer"),
        (("the", "young", "student"), "dat", "the young student", "dem jungen Studenten"),
        (("our", "", "neighbour"), "gen", "our neighbour", "unseres Nachbarn"),
        (("the", "", "child", True), "dat", "the children", "den Kindern"),
        (("this", "big", "house", True), "nom", "these big houses", "diese großen Häuser"),
        (("some", "green", "apple", True), "acc", "some green apples", "einige grüne Äpfel"),
        (("his", "", "car", True), "dat", "his cars", "seinen Autos"),
        (("the", "", "doctor"), "gen", "the doctor", "des Arztes"),
        (("the", "", "university"), "nom", "the university", "die Universität"),
        (("a", "", "university"), "acc", "a university", "eine Universität"),
        (("no", "good", "idea"), "acc", "no good idea", "keine gute Idee"),
    ],
)
def test_noun_phrases(words: tuple[Any, ...], case: str, english: str, german: str) -> None:
    assert (phrase(*words).english(), phrase(*words).german(case)) == (english, german)


@pytest.mark.parametrize(
    ("english", "forms", "imperatives"),
    [  # ich, du, er, wir, ihr, Sie; du, ihr, Sie
        ("read", "lese liest liest lesen lest lesen", "lies lest lesen"),
        ("wait", "warte wartest wartet warten wartet warten", "warte wartet warten"),
        ("carry", "trage trägst trägt tragen tragt tragen", "trag tragt tragen"),
        ("take", "nehme nimmst nimmt nehmen nehmt nehmen", "nimm nehmt nehmen"),
        ("open", "öffne öffnest öffnet öffnen öffnet öffnen", "öffne öffnet öffnen"),
        ("clean", "putze putzt putzt putzen putzt putzen", "putz putzt putzen"),
        ("invite", "lade lädst lädt laden ladet laden", "lade ladet laden"),
    ],
)
def test_verb_forms(english: str, forms: str, imperatives: str) -> None:
    persons = ("ich", "du", "er", "wir", "ihr", "Sie")
    assert [verb(english).imperative(person) for person in ("du", "ihr", "Sie")] == imperatives.split()
    assert [verb(english).present(person) for person in persons] == forms.split()


def test_separable_verbs_take_zu_inside() -> None:
    assert verb("call").zu_infinitive == "anzurufen"
    assert verb("sell").zu_infinitive == "zu verkaufen"


@pytest.mark.parametrize(
    ("hour", "minute", "english", "german"),
    [
        (3, 30, "half past three", "halb vier"),
        (12, 30, "half past twelve", "halb eins"),
        (1, 0, "one o'clock", "ein Uhr"),
        (3, 45, "a quarter to four", "Viertel vor vier"),
        (12, 15, "a quarter past twelve", "Viertel nach zwölf"),
        (5, 50, "ten to six", "zehn vor sechs"),
        (1, 20, "twenty past one", "zwanzig nach eins"),
    ],
)
def test_clock_times(hour: int, minute: int, english: str, german: str) -> None:
    assert load("grammar.english").clock(hour, minute) == english
    assert load("grammar.german").clock(hour, minute) == german


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (1, "one", "eins"),
        (16, "sixteen", "sechzehn"),
        (17, "seventeen", "siebzehn"),
        (21, "twenty-one", "einundzwanzig"),
        (30, "thirty", "dreißig"),
        (176, "one hundred and seventy-six", "einhundertsechsundsiebzig"),
    ],
)
def test_numbers_in_words(number: int, english: str, german: str) -> None:
    assert (load("grammar.english").cardinal(number), load("grammar.german").cardinal(number)) == (english, german)


def test_figures_contractions_and_relative_pronouns() -> None:
    german = load("grammar.german")
    assert german.figures("1,250.5") == "1.250,5"
    assert german.contract("zu", "der Post") == "zur Post"
    assert german.contract("in", "dem alten Haus") == "im alten Haus"
    assert german.contract("in", "den Garten") == "in den Garten"
    assert german.contract("auf", "das Regal") == "auf das Regal"
    assert [german.relative_pronoun(column, "dat") for column in "mfnp"] == ["dem", "der", "dem", "denen"]
    assert [german.ordinal_stem(number) for number in (1, 3, 7, 8, 12)] == ["erst", "dritt", "siebt", "acht", "zwölft"]


def clause(tense: str, **changes: Any) -> Any:
    """My brother, him calling his boss."""
    phrases, clauses = load("grammar.phrases"), load("grammar.clause")
    brother = phrases.of_phrase(phrase("my", "", "brother"))
    entry = next(entry for entry in load("grammar.predicates").VERBS if entry.english.base == "call")
    boss = phrase("his", "", "boss")
    objects = {"rest": boss.english(), "objects": boss.german("acc"), "definite": True}
    return clauses.Clause(brother, clauses.Predicate(entry.english, entry.german, **objects), tense, **changes)


@pytest.mark.parametrize(
    ("tense", "negated", "english", "main", "final"),
    [
        ("present", False, "calls", "ruft seinen Chef an", "seinen Chef anruft"),
        ("progressive", False, "is calling", "ruft gerade seinen Chef an", "gerade seinen Chef anruft"),
        ("past", False, "called", "hat seinen Chef angerufen", "seinen Chef angerufen hat"),
        ("past", True, "did not call", "hat seinen Chef nicht angerufen", "seinen Chef nicht angerufen hat"),
        ("future", False, "will call", "wird seinen Chef anrufen", "seinen Chef anrufen wird"),
        ("can", True, "cannot call", "kann seinen Chef nicht anrufen", "seinen Chef nicht anrufen kann"),
        ("want to", False, "wants to call", "will seinen Chef anrufen", "seinen Chef anrufen will"),
        ("had to", False, "had to call", "musste seinen Chef anrufen", "seinen Chef anrufen musste"),
    ],
)
def test_word_order(tense: str, negated: bool, english: str, main: str, final: str) -> None:
    found = clause(tense, negated=negated)
    assert found.english() == f"my brother {english} his boss"
    assert found.german() == f"mein Bruder {main}"
    assert found.german_final() == f"mein Bruder {final}"


def test_the_subject_follows_the_verb_after_a_fronted_time_and_in_questions() -> None:
    found = clause("past", time=("yesterday", "gestern"))
    assert found.english(time_first=True) == "yesterday my brother called his boss"
    assert found.german(front="gestern") == "gestern hat mein Bruder seinen Chef angerufen"
    assert found.english_question() == "did my brother call his boss yesterday"
    assert found.german_question() == "hat mein Bruder gestern seinen Chef angerufen"
