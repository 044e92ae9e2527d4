from dataclasses import replace

import pytest

from mtkit.translation.tally import Tally
from mtkit.translation.translation import Translation

FINE = Translation("a", ["a"], -1.0, -1.0, finished=True, n_best=[], n_segments=1)


def said(caplog: pytest.LogCaptureFixture, *translations: Translation) -> list[str]:
    tally = Tally()
    with caplog.at_level("INFO", logger="mtkit"):
        for translation in translations:
            tally.add(translation)
        tally.log()
    return [record.getMessage() for record in caplog.records]


def test_of_fine_translations_only_their_number_and_time_are_said(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = said(caplog, FINE, FINE)
    assert line.startswith("2 lines in ")
    assert line.endswith(" lines/s")


def test_what_may_be_wrong_is_counted_with_the_first_line_of_each(caplog: pytest.LogCaptureFixture) -> None:
    lines = said(
        caplog,
        FINE,
        replace(FINE, finished=False),
        replace(FINE, n_segments=3, is_short=True),
        replace(FINE, is_short=True, missing=["%s", "<b>"]),
        replace(FINE, missing=["{x}"]),
        replace(FINE, n_segments=0),
    )
    assert lines[:4] == [
        "1 line translated in parts: sentence by sentence, or shorter",
        "1 translation cut off at the longest length allowed",
        "2 translations far shorter than the source, some of it may be missing; first: line 3",
        '2 translations without a placeholder, tag, address or symbol of the source; first: line 4 (missing "%s")',
    ]
    assert len(lines) == 5


def test_every_warning_says_whose_translations_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally()
    tally.add(replace(FINE, finished=False, is_short=True, missing=["{x}"]))
    tally.warn("int8")
    assert len(caplog.messages) == 3
    assert all(message.startswith("int8: 1 translation ") for message in caplog.messages)
