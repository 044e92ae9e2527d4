import pytest

from mtkit.forge.corpus import Kind, _warn_of_language
from mtkit.settings.data import DataConfig

GERMAN = [f"Das Wetter war am {n}. Tag sehr schlecht." for n in range(60)]


@pytest.mark.parametrize(("kind", "told"), [("backtranslate", False), ("distill", True)])
def test_a_text_in_another_language_is_told(kind: Kind, told: bool, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("py3langid")
    data = DataConfig.model_validate({"src_lang": "en", "tgt_lang": "de", "train": "a.tsv", "valid": "b.tsv"})
    _warn_of_language(kind, data, iter(GERMAN))
    assert caplog.messages == ["most lines are in de, but the model translates from en"] * told
