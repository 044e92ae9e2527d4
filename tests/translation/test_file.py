import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mtkit.errors import DataError
from mtkit.translation.file import FileOptions, beginning, format_by_name, translate_file
from mtkit.translation.translator import Translator
from tests.tiny import LINES


def test_a_file_is_translated_as_its_texts_are(translator: Translator, tmp_path: Path) -> None:
    texts = [LINES[0], "", f"  {LINES[1]}"]
    source, output = tmp_path / "in", tmp_path / "out"
    source.write_text("".join(f"{text}\n" for text in texts))
    tally = translate_file(translator, source, output, options=FileOptions(buffer=2, split="never"))
    assert tally.n_lines == 3
    assert output.read_text().splitlines() == [each.text for each in translator.translate(texts)]


def test_an_object_keeps_its_fields(translator: Translator, tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.write_text('{"source": "ab", "id": 7}\n')
    translate_file(translator, source, output, options=FileOptions(input_format="jsonl", as_json=True, n_best=2))
    found = json.loads(output.read_text())
    assert (found["id"], found["source"], len(found["n_best"])) == (7, "ab", 2)


def test_objects_that_are_translated_as_text_are_told(
    translator: Translator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.write_text('{"source": "ab"}\n' * 3)
    translate_file(translator, source, output, options=FileOptions(buffer=1))
    told = [record for record in caplog.records if "JSON objects" in record.getMessage()]
    assert len({id(record) for record in told}) == 1  # two handlers may have seen it
    assert told[0].getMessage() == f"{source}: JSON objects are translated as text here; see --input-format jsonl"
    assert [format_by_name(name) for name in ("a.jsonl.gz", "a.txt", "-")] == ["jsonl", "text", "text"]


def test_a_text_in_the_target_language_is_told(
    translator: Translator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("py3langid")
    source = tmp_path / "in"
    source.write_text("Das Wetter war so schlecht wie lange nicht.\n" * 60)
    told = f"{source}: most lines are in de, but the model translates en to de"
    for languages, times in ((("en", "de"), 1), (("de", "en"), 0), (("en", "fr"), 0), (None, 0)):
        caplog.clear()
        options = FileOptions(buffer=60, split="never", beam_size=1, languages=languages)
        translate_file(translator, source, tmp_path / "out", options=options)
        assert len({id(record) for record in caplog.records if record.getMessage() == told}) == times


def test_nothing_is_put_in_place_when_the_source_is_wrong(translator: Translator, tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.write_text("[]\n")
    with pytest.raises(DataError, match=r"in:1: .* is not a JSON object"):
        translate_file(translator, source, output, options=FileOptions("jsonl"))
    assert not output.exists()


def test_the_beginning_of_what_cannot_be_read_is_empty(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_text('{"source": "ab"}\n')
    assert beginning(source, "jsonl") == ["ab"]
    assert beginning(source) == ['{"source": "ab"}']
    assert beginning("-") == beginning(tmp_path / "none") == beginning(tmp_path) == []


def test_few_frames_lie_between_a_file_and_the_model(
    bundle_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the function that a command calls to the encoder."""
    source = tmp_path / "in"
    source.write_text("ab\n")
    translator = Translator.load(bundle_directory, device="cpu", engine="torch")
    model: Any = translator.engine.model  # type: ignore[attr-defined]
    encode: Callable[..., Any] = model.encode
    names: list[str] = []

    def noted(*args: Any, **named: Any) -> Any:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not translate_file.__code__:
            if "mtkit" in frame.f_code.co_filename:
                names.append(frame.f_code.co_name)
            frame = frame.f_back
        return encode(*args, **named)

    monkeypatch.setattr(model, "encode", noted)
    translate_file(translator, source, tmp_path / "out")
    assert names[::-1] == ["translate_ahead", "search", "translate_ids", "beam_search"]
