"""What the doctor prescribes is a valid setting of preprocessing, and takes the finding away."""

import pytest
import yaml

from mtkit.data.cleaning.pipeline import build_pipeline
from mtkit.data.sources.pairs import Pairs
from mtkit.doctor.chunks import Chunk, Inspection
from mtkit.doctor.findings import KINDS
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
