"""How findings are shown; what is prescribed is a valid setting and takes the finding away."""

import pytest
import yaml

from mtkit.data.cleaning.pipeline import build_pipeline
from mtkit.data.sources.pairs import Pairs
from mtkit.doctor.chunks import Chunk, Inspection
from mtkit.doctor.findings import KINDS, Sample, names_of_unseen, shown
from mtkit.settings.cleaning import CleaningConfig

_SETTING = "data.cleaning.steps: "


def steps_of(name: str) -> list[object]:
    """The list of steps that a finding's cure names; empty where it is none."""
    cure = KINDS[name].cure
    if not cure.startswith(_SETTING):
        return []
    return list(yaml.safe_load(cure.removeprefix(_SETTING)))


@pytest.mark.parametrize("name", [name for name in KINDS if steps_of(name)])
def test_every_cure_is_a_setting(name: str) -> None:
    assert CleaningConfig.model_validate({"steps": steps_of(name)}).steps


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("copied", ("The green door.", "The green door.")),
        ("mojibake", ("The green door.", "Die grÃ¼ne Tür.")),
        ("replacement", ("The green door.", "Die gr\ufffdne Tür.")),
        ("entities", ("Cats &amp; dogs.", "Katzen & Hunde.")),
        ("zero_width", ("The\u200b door.", "Die Tür.")),
        ("control", ("The\x07 door.", "Die Tür.")),
        ("long", ("word " * 300, "Wort " * 300)),
        ("wrong_script_tgt", ("The green door.", "Зелёная дверь.")),
        ("numbers", ("Room 5 is free.", "Zimmer 6 ist frei.")),
        ("urls", ("See www.a.org/x now.", "Siehe www.b.org/x jetzt.")),
        ("placeholders", ("Delete %s?", "Löschen?")),
        ("tags", ("A <b>bold</b> word.", "Ein fettes Wort.")),
        ("repeated", ("ha ha ha ha ha", "ha ha ha ha ha!")),
    ],
)
def test_a_cure_takes_away_what_was_found(name: str, pair: tuple[str, str]) -> None:
    look = Inspection((frozenset({"LATIN"}), frozenset({"LATIN"})))
    src, tgt = [pair[0]], [pair[1]]
    assert name in look(Chunk(0, 0, src, tgt)).hits
    config = CleaningConfig.model_validate({"steps": steps_of(name)})
    judged = build_pipeline([], config, src_lang="en", tgt_lang="de", held_out=lambda _: [])(Pairs(src, tgt))
    assert name not in look(Chunk(0, 0, judged.pairs.src, judged.pairs.tgt)).hits


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("durer\u00a0? 1\u202f%", "durer\u00a0? 1\u202f%"),  # French
        ("\u00a0", "\\u00a0"),
        ("a\u200bd'importance", "a\\u200bd'importance"),
        ("tag\U000e0041 x", "tag\\U000e0041 x"),
        ("x" * 200, "x" * 159 + "…"),
    ],
)
def test_what_cannot_be_seen_is_spelt_out(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_a_code_ends_where_the_text_goes_on() -> None:
    samples = [Sample("s", 1, shown("a\u200bd\u200b20"), shown("\U000e0041ff\u0085"), "")]
    assert names_of_unseen(samples) == [
        "\\u200b is a zero width space",
        "\\U000e0041 is a tag latin capital letter a",
        "\\u0085 is a control character",
    ]
