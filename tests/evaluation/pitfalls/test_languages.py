import sys

import pytest

from mtkit.evaluation.pitfalls.checks import Text
from mtkit.evaluation.pitfalls.languages import find_untranslated
from mtkit.languages.identification import _identifier

SRC = Text("src", [f"The number of this sentence is {n}, and it is an English one." for n in range(40)])
REF = Text("ref", [f"Die Nummer dieses Satzes ist {n}, und er ist ein deutscher." for n in range(40)])
GOOD = [f"Dieser Satz hat die Nummer {n} und ist auf Deutsch geschrieben." for n in range(40)]


def changed(lines: dict[int, str]) -> Text:
    """A good output, but for some lines, by their number from 1."""
    return Text("hyp", [lines.get(n, line) for n, line in enumerate(GOOD, 1)])


def findings(hyp: Text, refs: list[Text] | None = None, tgt_lang: str | None = None) -> list[str]:
    pair = ("en", tgt_lang) if tgt_lang else None
    return list(find_untranslated(hyp, refs or [REF], src=SRC, language_pair=pair))


def test_good_output_is_not_found_fault_with() -> None:
    assert findings(changed({}), tgt_lang="de") == []


@pytest.mark.parametrize("piece", ["<unk>", "⁇", "\ufffd"])
def test_unknown_pieces_are_counted(piece: str) -> None:
    (found,) = findings(changed({7: f"Ein {piece} Satz.", 9: f"{piece}"}))
    assert found.startswith("hyp: <unk>, ⁇ or \ufffd in 2 lines, line 7 first: what a system writes for words")


def test_unknown_piece_that_the_reference_has_too_is_no_fault() -> None:
    ref = Text("ref", [line.replace("Nummer 5", "⁇") if n == 5 else line for n, line in enumerate(REF.lines)])
    ref = Text("ref", [f"{line} ⁇" if n == 6 else line for n, line in enumerate(ref.lines)])
    assert findings(changed({7: "Ein ⁇ Satz."}), [ref]) == []


def test_copied_source_is_named() -> None:
    (found,) = findings(changed({3: SRC.lines[2]}))
    assert found == "hyp: the source copied, not translated, in line 3"


def test_reference_that_is_the_source_is_named_and_the_output_not_blamed() -> None:
    (found,) = findings(SRC, [SRC])
    assert found == "src equals the source src in 40 lines, line 1 first: is it the right file?"


def test_source_that_is_its_own_translation_is_no_copy() -> None:
    ref = Text("ref", [SRC.lines[n] if n in (2, 3) else line for n, line in enumerate(REF.lines)])
    assert findings(changed({3: SRC.lines[2]}), [ref]) == []


def test_another_script_is_named_and_the_references_say_which_is_right() -> None:
    (found,) = findings(changed({5: "Это предложение по-русски."}))
    assert found == "hyp: another script than the references' (mostly Cyrillic) in line 5"
    assert findings(changed({5: "абвгд abcde"})) == []  # neither one nor the other
    kana = Text("ref", ["これは日本語の文です。"] * 2)
    assert list(find_untranslated(Text("hyp", ["日本語文章", "日本語の文章です。"]), [kana])) == []


def test_name_that_only_the_output_writes_in_the_language_s_own_script_is_no_fault() -> None:
    ref = Text("ref", ["Microsoft Windows", "今天天气很好", "今天天气不好"])
    assert list(find_untranslated(Text("hyp", ["微软视窗系统", "今天天气很好", "今天天气不好"]), [ref])) == []


def test_another_language_is_named() -> None:
    pytest.importorskip("py3langid")
    french = {n: f"Cette phrase est écrite en français, et son numéro est le {n}." for n in range(1, 11)}
    (found,) = findings(changed(french), tgt_lang="de-AT")
    assert found == "hyp: looks like another language than de (mostly fr) in 10 of 40 lines looked at, line 1 first"
    assert findings(changed(french), [Text("ref", [french.get(n, "x") for n in range(1, 41)])], tgt_lang="de") == []


def test_languages_the_wrong_way_round_are_named() -> None:
    pytest.importorskip("py3langid")
    (found,) = find_untranslated(changed({}), [REF], language_pair=("deu", "en"))
    assert found == "the references look like de, not en: is -l deu-en the right way round?"
    assert list(find_untranslated(changed({}), [REF], language_pair=("en", "de"))) == []
    assert list(find_untranslated(changed({}), [REF], language_pair=("fr", "en"))) == []  # not clearly of either
    few = Text("hyp", GOOD[:9])
    assert list(find_untranslated(few, [Text("ref", REF.lines[:9])], language_pair=("de", "en"))) == []


def test_language_is_not_looked_at_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    _identifier.cache_clear()
    french = {n: f"Cette phrase est écrite en français, et son numéro est le {n}." for n in range(1, 11)}
    assert findings(changed(french), tgt_lang="de") == []


@pytest.mark.parametrize(("code", "shown"), [("zh", "zh"), ("cmn", "zh"), ("zh-TW", "zh"), ("yue", "yue")])
def test_languages_that_a_line_does_not_tell_apart_go_for_one(code: str, shown: str) -> None:
    pytest.importorskip("py3langid")
    ref = Text(
        "ref",
        [f"今天天气很好，我们一起去公园散步吧，然后去图书馆看书，晚上回家吃饭。这是第{n}句话。" for n in range(20)],
    )
    (found,) = find_untranslated(Text("hyp", SRC.lines[:20]), [ref], language_pair=("en", "de"))  # by its script alone
    assert "another script" in found
    _, found = find_untranslated(Text("hyp", SRC.lines[:20]), [ref], language_pair=("en", code))
    assert f"looks like another language than {shown} (mostly en) in 20 of 20 lines" in found
