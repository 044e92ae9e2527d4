import json
from pathlib import Path

from typer.testing import CliRunner

from mtkit.cli import app
from tests.tiny import save_tiny_bundle
from tests.tiny_foreign import MARIAN_LIKE, save_foreign_bundle


def said(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["languages", *map(str, arguments)])
    assert result.exit_code == 0, result.exception
    return result.stdout


def test_the_languages_of_a_model_are_listed(tmp_path: Path) -> None:
    bundle = save_foreign_bundle(tmp_path / "m", needed=True)
    assert said(bundle).splitlines() == [
        "direction by default: none: name both languages",
        "  deu_Latn  German",
        "  eng_Latn  English",
        "  fra_Latn  French",
    ]
    found = json.loads(said("-m", bundle, "--json"))
    assert found["default"] is None
    assert found["languages"][0] == {"code": "deu_Latn", "name": "German", "src": True, "tgt": True}


def test_sides_are_told_apart(tmp_path: Path) -> None:
    bundle = save_foreign_bundle(tmp_path / "m", languages=MARIAN_LIKE, direction=("en", "deu"))
    assert said(bundle).splitlines() == [
        "direction by default: en to deu",
        "  en   English                     source",
        "  deu  German                      target",
        "  fra  French                      target",
    ]
    assert said(save_tiny_bundle(tmp_path / "own")).splitlines()[0] == "direction by default: en to xx"


def test_a_model_is_needed() -> None:
    result = CliRunner().invoke(app, ["languages"])
    assert result.exit_code != 0
