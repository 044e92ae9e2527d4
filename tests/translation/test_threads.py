"""Several threads may ask one translator at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mtkit.engines.engine_choice import EngineName
from mtkit.translation.translator import Translator
from tests.tiny import LINES

_CALLS = 80


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("engine", ["ctranslate2", "torch"])
def test_threads_find_what_one_finds(bundle_directory: Path, engine: EngineName, threads: int) -> None:
    translator = Translator.load(bundle_directory, engine=engine, device="cpu", precision="fp32", threads=threads)
    words = " ".join(LINES).split()
    calls = [[" ".join(words[n % 7 : n % 7 + k + 1]) for k in range(n % 4 + 1)] for n in range(_CALLS)]
    expected = [[t.text for t in translator.translate(texts)] for texts in calls]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(translator.translate, calls))
    assert [[t.text for t in each] for each in found] == expected


def test_threads_may_read_ahead_at_once(bundle_directory: Path) -> None:
    translator = Translator.load(bundle_directory, device="cpu", threads=2)
    options = translator.search_options()

    def translate(_: int) -> list[str]:
        found = translator.translate_ahead([LINES[:2], LINES[2:]] * 3, options, n_ahead=2, batch_size=1)
        return [t.text for each in found for t in each]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(translate, range(24)))
    assert all(each == [t.text for t in translator.translate(LINES)] * 3 for each in found)


def test_a_list_is_wanted_and_not_one_text(translator: Translator) -> None:
    with pytest.raises(TypeError, match="texts: expected a list of texts, not one text"):
        translator.translate("One text.")


def test_texts_may_come_from_a_generator(translator: Translator) -> None:
    found = translator.translate(line for line in LINES)
    assert [t.text for t in found] == [t.text for t in translator.translate(tuple(LINES))]
    assert translator.translate(iter(())) == []
