import logging
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mtkit.data.sources.formats.xliff import languages_of_xliff
from mtkit.errors import DataError
from tests.data.conftest import pairs_of, source_of
from tests.data.sources.formats.documents import tmx_of, xliff_1, xliff_1_of, xliff_2_of

NAMESPACE = "{urn:oasis:names:tc:xliff:document:1.2}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.xlf"


def unit(source: str, target: str = "<target>T</target>", attributes: str = "") -> str:
    return f"<trans-unit {attributes}><source>{source}</source>{target}</trans-unit>"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('a <g id="1">linked <mrk mtype="term">word</mrk></g> b', "a linked word b"),
        ('Hello <x id="N" equiv-text="{{name}}"/>!', "Hello {{name}}!"),
        ('Hello <x id="N"/>!', "Hello !"),
        ('<bpt id="1">&lt;b&gt;</bpt>bold<ept id="1">&lt;/b&gt;</ept>', "bold"),
        ('a<ph id="1" equiv-text="%s">code<sub>alt</sub></ph><it id="2" pos="open">&lt;i&gt;</it>b', "a%sb"),
        ("Save %1$@ in\n   %@", "Save %1$@ in %@"),
        (
            'Delete <ph id="1">%d</ph> of <ph id="2">{count}</ph> <ph id="3">&lt;b&gt;</ph>files',
            "Delete %d of {count} files",
        ),
        ('cats<x id="1" ctype="lb"/>dogs<ph id="2">&lt;br/&gt;</ph>cows<x id="3"/>', "cats dogs cows"),
        ('<ph id="1">x<ph id="2">%s</ph></ph>a<ph id="3" equiv-text="X">%s</ph>b', "aXb"),
    ],
)
def test_a_segment_is_what_a_translator_sees(source: str, expected: str, path: Path) -> None:
    path.write_text(xliff_1_of(unit(source)))
    assert pairs_of(source_of(str(path))) == [(expected, "T")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('a <pc id="1">linked <mrk id="m">word</mrk></pc> b', "a linked word b"),
        ('<pc id="1" equivStart="&lt;b&gt;" equivEnd="&lt;/b&gt;">x<pc id="2">y</pc></pc>', "<b>xy</b>"),
        ('<pc id="1" equivStart="BOLD" dispStart="&lt;b&gt;" equivEnd="X" dispEnd="&lt;/b&gt;">x</pc>', "<b>x</b>"),
        ('Hello <ph id="1" equiv="NAME" disp="{{ n }}"/>, <ph id="2" disp="" equiv="%s"/>', "Hello {{ n }}, %s"),
        ('<ph dataRef="d1"/> files<ph dataRef="d2"/>of <pc dataRefStart="d3" dataRefEnd="d3">x</pc>', "%d files of x"),
        ('<pc dataRefStart="d4" dataRefEnd="d5">a</pc><pc dataRefStart="d4" equivEnd="X">b</pc>', "{b}a{/b}{b}bX"),
        ('<pc dispStart="I" dataRefStart="d4" dataRefEnd="d5">a</pc>', "Ia{/b}"),
        ('<sc id="1" dataRef="d4"/>a<ec startRef="1" dataRef="d5"/><sc id="2" dataRef="d3"/>', "{b}a{/b}"),
        ('a<cp hex="001B"/>b<cp hex="fffe"/><ph dataRef="d1"><cp hex="0001"/></ph>', "a\x1bb\ufffe%d"),
        ('a<ph id="1" subType="xlf:lb"/>b<mrk id="m" translate="no">Name</mrk>', "a bName"),
        ('Hello <ph id="1" equiv="%d"/><sc id="2"/>!<ec startRef="2"/><sm id="3"/><em startRef="3"/>', "Hello %d!"),
    ],
)
def test_a_segment_of_version_2_is_what_a_translator_sees(source: str, expected: str, path: Path) -> None:
    codes = {"d1": "%d", "d2": "&lt;br/&gt;", "d3": "&lt;i&gt;", "d4": "{b}", "d5": "{/b}"}
    data = "".join(f'<data id="{name}">{code}</data>' for name, code in codes.items())
    segment = f"<segment><source>{source}</source><target>T</target></segment>"
    path.write_text(xliff_2_of(f"<unit><originalData>{data}</originalData>{segment}</unit>"))
    assert pairs_of(source_of(str(path))) == [(expected, "T")]


def test_suggestions_and_notes_are_no_pairs(path: Path) -> None:
    suggestion = "<source>not</source><target>this</target>"
    path.write_text(
        xliff_1_of(
            unit(
                "one",
                f"<seg-source><mrk mtype='seg'>x</mrk></seg-source><alt-trans>{suggestion}</alt-trans>"
                f"<note>n</note><target>eins</target><alt-trans>{suggestion}</alt-trans>",
            )
        )
    )
    assert pairs_of(source_of(str(path))) == [("one", "eins")]
    matches = f'<m:matches xmlns:m="urn:oasis:names:tc:xliff:matches:2.0"><m:match>{suggestion}</m:match></m:matches>'
    between = "<ignorable><source> </source><target> </target></ignorable>"
    segments = [f"<segment><source>{s}</source><target>{t}</target></segment>" for s, t in (("a", "A"), ("b", "B"))]
    path.write_text(xliff_2_of(f"<unit>{matches}<notes><note>n</note></notes>{between.join(segments)}</unit>"))
    assert pairs_of(source_of(str(path))) == [("a", "A"), ("b", "B")]


def mrk(**segments: str) -> str:
    return " ".join(f'<mrk mtype="seg" mid="{mid}">{text}</mrk>' for mid, text in segments.items())


@pytest.mark.parametrize(
    ("segments", "target", "expected"),
    [
        (mrk(a="One.", b="Two."), mrk(a="Eins.", b="Zwei."), [("One.", "Eins."), ("Two.", "Zwei.")]),
        (mrk(a="One.", b="Two."), mrk(b="Zwei.", a="Eins.", c="Drei."), [("One.", "Eins."), ("Two.", "Zwei.")]),
        (mrk(a="One.", b="Two."), mrk(a="Eins.", b=""), [("One.", "Eins.")]),
        (mrk(a="One.", b="Two."), mrk(b="Zwei."), [("Two.", "Zwei.")]),
        (mrk(a="One.", b="Two."), "Eins und zwei.", [("One. Two.", "Eins und zwei.")]),
        (mrk(a="One.", b="Two."), "", []),
        (
            f'<g id="1">{mrk(a="One <g>1</g>.")}</g>{mrk(b="Two.")}',
            mrk(a="E<x/>ins.", b="Zwei."),
            [("One 1.", "Eins."), ("Two.", "Zwei.")],
        ),
        (
            mrk(a="A <mrk mtype='x-term'>term</mrk>.", b="Two."),
            mrk(a="Ein <mrk mtype='x-term'>Wort</mrk>."),
            [("A term.", "Ein Wort.")],
        ),
    ],
)
def test_segments_of_a_unit_are_pairs_by_their_names(
    segments: str, target: str, expected: list[tuple[str, str]], path: Path
) -> None:
    seg_source = f"<seg-source>{segments}</seg-source>"
    path.write_text(xliff_1_of(unit("One. Two.", f"{seg_source}<target>{target}</target>")))
    assert pairs_of(source_of(str(path))) == expected
    assert pairs_of(source_of(str(path), src_lang="de", tgt_lang="en")) == [(tgt, src) for src, tgt in expected]
    path.write_text(xliff_1_of(unit("One. Two.", f"<target>{target}</target>{seg_source}")))
    assert pairs_of(source_of(str(path))) == expected


def test_segments_without_names_go_by_their_order(path: Path) -> None:
    segments = "<mrk mtype='seg'>{}</mrk> <mrk mtype='seg'>{}</mrk>"
    target = f"<target>{segments.format('Eins.', 'Zwei.')}</target>"
    path.write_text(xliff_1_of(unit(segments.format("One.", "Two."), target)))
    assert pairs_of(source_of(str(path))) == [("One.", "Eins."), ("Two.", "Zwei.")]


def test_the_order_of_targets_does_not_pair_them_otherwise(path: Path) -> None:
    segments = [("a", "A", 3), ("b", "B", 1)]
    text = "<ignorable><source> </source></ignorable>".join(
        f'<segment><source>{src}</source><target order="{n}">{tgt}</target></segment>' for src, tgt, n in segments
    )
    path.write_text(xliff_2_of(f"<unit>{text}</unit>"))
    assert pairs_of(source_of(str(path))) == [("a", "A"), ("b", "B")]


def test_what_is_not_to_be_translated_is_inherited(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inside = "<group>" + unit("b") + unit("c", attributes='translate="yes"') + "</group>"
    path.write_text(xliff_1_of(f'{unit("a")}<group translate="no">{inside}</group>{unit("d")}'))
    source = source_of(str(path))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source) == [("a", "T"), ("c", "T"), ("d", "T")]
    assert "skipped some of 4 units: 1 marked as not to be translated" in caplog.text
    segment = "<segment><source>{0}</source><target>{0}</target></segment>"
    units = f"<unit>{segment.format('a')}</unit><group translate='yes'><unit>{segment.format('b')}</unit></group>"
    path.write_text(xliff_2_of(units).replace("<file>", '<file translate="no">'))
    assert pairs_of(source_of(str(path))) == [("b", "b")]


def test_what_is_not_translated_is_skipped_and_counted_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    skipped = [
        unit("a", ""),
        unit("a", "<target/>"),
        unit("", "<target>A</target>"),
        *(
            unit("a", f'<target state="{state}">A</target>')
            for state in ("new", "needs-translation", "needs-adaptation")
        ),
        unit("a", "<target>A</target>", 'translate="no"'),
    ]
    kept = [
        unit("b", '<target state="translated">B</target>', 'approved="no"'),
        unit("c", '<target state="needs-review-translation">C</target>'),
        unit("d", "<target>D</target>", 'approved="yes" translate="yes"'),
    ]
    path.write_text(xliff_1_of("".join(skipped + kept)))
    source = source_of(str(path))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source) == pairs_of(source) == [("b", "B"), ("c", "C"), ("d", "D")]
    assert [record.message for record in caplog.records] == [
        f"{path}: skipped some of 10 units: 6 without a translation, 1 marked as not to be translated"
    ]


def test_states_of_version_2(path: Path) -> None:
    def segment(state: str, text: str) -> str:
        attribute = state and f'state="{state}"'
        return f"<segment {attribute}><source>{text}</source><target>{text.upper()}</target></segment>"

    segments = [segment("", "a"), segment("initial", "b"), segment("final", "c")]
    units = [
        f"<unit>{''.join(segments)}</unit>",
        f'<unit translate="no">{segments[0]}</unit>',
        f"<unit>{segments[0]}</unit>",
    ]
    path.write_text(xliff_2_of("".join(units)))
    assert pairs_of(source_of(str(path))) == [("a", "A"), ("c", "C"), ("a", "A")]


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        ('source-language="en-US" target-language="de"', ("S", "T")),
        ('source-language="DE" target-language="en"', ("T", "S")),
        ('source-language="en"', ("S", "T")),
        ('source-language="de"', ("T", "S")),
    ],
)
def test_a_file_may_go_the_other_way(languages: str, expected: tuple[str, str], path: Path) -> None:
    path.write_text(xliff_1_of(unit("S"), languages))
    assert pairs_of(source_of(str(path))) == [expected]


@pytest.mark.parametrize("number", ["D800", "110000", "", "x", "-1", "1_0"])
def test_a_unit_with_what_is_no_character_is_skipped_and_counted(
    number: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    units = [f"<segment><source>{a}</source><target>T</target></segment>" for a in (f'a<cp hex="{number}"/>', "b")]
    path.write_text(xliff_2_of("".join(f"<unit>{unit}</unit>" for unit in units)))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source_of(str(path))) == [("b", "T")]
    assert "skipped some of 2 units: 1 with a number in <cp> that is not a character" in caplog.text


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"fr": "F", "de": "D"}, "D"),
        ({"de": "D", "fr": "F"}, "D"),
        ({"de-AT": "A", "de": "D", "de-CH": "C"}, "D"),
        ({"": "N", "de": "D", "fr": "F"}, "D"),  # without one it is that of the file, which is less close
        ({"fr": "F"}, None),
        ({"DE": "D"}, "D"),
    ],
)
def test_of_several_targets_that_in_the_language_of_the_recipe_is_taken(
    targets: dict[str, str], expected: str | None, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = {code: f'xml:lang="{code}"' if code else "" for code in targets}
    elements = "".join(f"<target {names[code]}>{text}</target>" for code, text in targets.items())
    path.write_text(xliff_1_of(unit("S", elements) + unit("O"), 'source-language="en" target-language="de-DE"'))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source_of(str(path))) == [*([("S", expected)] if expected else []), ("O", "T")]
    assert ("skipped some of 2 units: 1 in other languages" in caplog.text) == (expected is None)


def test_a_target_of_another_language_is_not_taken_for_that_of_the_recipe(path: Path) -> None:
    path.write_text(xliff_1_of(unit("S", '<target xml:lang="fr">F</target>')))
    with pytest.raises(DataError, match=r"a\.xlf: goes from en to fr, neither way between en and de; name its"):
        pairs_of(source_of(str(path)))
    assert pairs_of(source_of({"xliff": str(path), "tgt_lang": "fr"})) == [("S", "F")]


def test_a_target_taken_later_has_a_state_and_direction_of_its_own(path: Path) -> None:
    first = '<target xml:lang="fr" state="new">F</target>'
    swapped = unit("S").replace("<source>", '<source xml:lang="de">').replace("<target>", '<target xml:lang="en">')
    path.write_text(xliff_1_of(unit("S", f'{first}<target xml:lang="de">D</target>') + swapped))
    assert pairs_of(source_of(str(path))) == [("S", "D"), ("T", "S")]


def test_version_2_names_its_languages_at_its_beginning(path: Path) -> None:
    text = "<unit><segment><source>S</source><target>T</target></segment></unit>"
    path.write_text(xliff_2_of(text, 'srcLang="de-AT" trgLang="en"'))
    assert pairs_of(source_of(str(path))) == [("T", "S")]
    path.write_text(xliff_2_of(text, 'srcLang="fr" trgLang="en"'))
    with pytest.raises(DataError, match=r"a\.xlf: goes from fr to en, neither way between en and de; name its"):
        pairs_of(source_of(str(path)))
    assert pairs_of(source_of({"xliff": str(path), "src_lang": "en", "tgt_lang": "fr"})) == [("T", "S")]


def test_files_of_other_languages_in_a_document_are_skipped(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = '<file source-language="en" target-language="fr"><body>' + unit("o") + "</body></file></xliff>"
    path.write_text(xliff_1_of(unit("S")).replace("</xliff>", other))
    with caplog.at_level(logging.WARNING, logger="mtkit"):
        assert pairs_of(source_of(str(path))) == [("S", "T")]
    assert "skipped some of 2 units: 1 in other languages" in caplog.text


@pytest.mark.parametrize("encoding", ["idna", "undefined", "punycode", "klingon", "rot13", "utf-7", "big5"])
@pytest.mark.parametrize("ending", ["xlf", "tmx"])
def test_an_encoding_that_the_parser_lacks_is_one_line(encoding: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    text = xliff_1([("one", "eins")]) if ending == "xlf" else tmx_of("")
    path.write_text(f'<?xml version="1.0" encoding="{encoding}"?>{text}')
    for read in (lambda: pairs_of(source_of(str(path))), lambda: languages_of_xliff(path)):
        with pytest.raises(DataError, match=rf"a\.{ending}:1: "):
            read()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (xliff_1([("one", "eins")])[:-40], ":1: the file breaks off"),
        ("<tmx/>", ":1: begins with <tmx> where <xliff> is expected"),
        ('<!DOCTYPE xliff [<!ENTITY e "v">]>' + xliff_1([("one", "&e;")]), ":1: declares the entity e"),
    ],
)
def test_a_bad_file_is_one_line(content: str, reason: str, path: Path) -> None:
    path.write_text(content)
    with pytest.raises(DataError, match=rf"a\.xlf{reason}"):
        pairs_of(source_of(str(path)))


def test_real_strings_are_read_whole(corpora: Path) -> None:
    path = corpora / "l10n" / "focus-ios.de.xliff"
    units = list(ElementTree.parse(path).iter(f"{NAMESPACE}trans-unit"))
    texts = [[unit.findtext(f"{NAMESPACE}{side}") or "" for side in ("source", "target")] for unit in units]
    found = pairs_of(source_of(str(path)))
    assert len(found) == 258
    # Nothing is inside these segments but text, so that only line breaks are not as they stand there.
    assert [(src.split(), tgt.split()) for src, tgt in found] == [(src.split(), tgt.split()) for src, tgt in texts]
