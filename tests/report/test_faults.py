import pytest

from mtkit.report.faults import FAULTS, faults

TABLE: list[tuple[str | None, str, str, list[str]]] = [
    ("A cat.", "Eine Katze.", "Eine Katze.", []),
    ("A cat.", "Eine Katze.", "  ", ["empty"]),
    ("", "", "", []),
    ("so", "so", "ja ja ja", ["repetition"]),
    ("so", "so", "ja ja", []),
    ("no no no", "nein nein nein", "nein nein nein", []),
    ("wait", "warte", "warte . . . . .", []),
    ("为", "为什么", "为为为", ["repetition"]),
    ("A cat.", "Eine Katze.", "A cat!", ["untranslated"]),
    ("Berlin", "Berlin", "Berlin", []),
    (None, "Eine Katze.", "A cat.", []),
    ("1,000 men", "1.000 Mann", "1000 Mann", ["number"]),
    ("1,000 men", "1.000 Mann", "1 000 Mann", []),
    ("3 men", "drei Mann", "drei Mann", []),
    ("3 men", "drei Mann", "3 Mann", []),
    (None, "drei Mann", "3 Mann", ["number"]),
    ("Hi {name}", "Hallo {name}", "Hallo {Name}", ["placeholder"]),
    ("<b>x</b>", "<b>x</b>", "<b>x", ["placeholder"]),
    ("x", "kurz", "ein sehr langer Satz voller Wörter", ["too long"]),
    ("x", "ein sehr langer Satz voller Wörter", "ein Satz", ["too short"]),
    ("x", "ja", "ja doch", []),
]


@pytest.mark.parametrize(("src", "ref", "hyp", "expected"), TABLE)
def test_the_faults_of_a_translation(src: str | None, ref: str, hyp: str, expected: list[str]) -> None:
    assert faults(src, ref, hyp) == expected


def test_every_fault_is_in_the_table() -> None:
    assert {name for *_, names in TABLE for name in names} == set(FAULTS)
