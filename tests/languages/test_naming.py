import pytest

from mtkit.languages.naming import called, english_name, matching, near
from mtkit.languages.table import codes, english_names, names

NLLB = [
    "ace_Arab", "ace_Latn", "arb_Arab", "arb_Latn", "ary_Arab", "bel_Cyrl", "deu_Latn", "eng_Latn", "est_Latn",
    "pes_Arab", "fra_Latn", "kas_Arab", "kas_Deva", "kmr_Latn", "ckb_Arab", "lvs_Latn", "nld_Latn", "nno_Latn",
    "nob_Latn", "por_Latn", "prs_Arab", "als_Latn", "srp_Cyrl", "swh_Latn", "tgl_Latn", "yue_Hant", "zho_Hans",
    "zho_Hant", "zsm_Latn",
]  # fmt: skip
M2M = ["af", "ar", "de", "en", "et", "fa", "he", "id", "jv", "lv", "ms", "no", "ns", "pt", "sr", "sw", "tl", "yi", "zh"]
MBART = ["ar_AR", "de_DE", "en_XX", "et_EE", "fr_XX", "he_IL", "pt_XX", "tl_XX", "zh_CN"]
OPUS = ["deu", "eng", "fra", "nob", "por", "srp_Cyrl", "srp_Latn", "zho_Hans", "zho_Hant"]


@pytest.mark.parametrize("known", [NLLB, M2M, MBART, OPUS, ["de"], ["de-DE"], ["__de__", "__en__"], [">>deu<<"]])
@pytest.mark.parametrize(
    "name",
    [
        "de",
        "DE",
        "deu",
        "ger",
        "deu_Latn",
        "deu-latn",
        "de_DE",
        "de-DE",
        ">>deu<<",
        "__de__",
        "<2de>",
        "[de]",
        "German",
    ],
)
def test_german_has_many_names(name: str, known: list[str]) -> None:
    [found] = matching(name, known)
    assert "de" in found.lower()


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("zh", NLLB, "zho_Hans"),
        ("zho", NLLB, "zho_Hans"),
        ("cmn", NLLB, "zho_Hans"),
        ("zh-TW", NLLB, "zho_Hant"),
        ("zh_CN", NLLB, "zho_Hans"),
        ("zh-Hant-HK", NLLB, "zho_Hant"),
        ("Chinese", NLLB, "zho_Hans"),
        ("Chinese (Traditional)", NLLB, "zho_Hant"),
        ("traditional chinese", OPUS, "zho_Hant"),
        ("zho_Hans", MBART, "zh_CN"),
        ("zh_Hans", M2M, "zh"),
        ("yue", NLLB, "yue_Hant"),
        ("Cantonese", NLLB, "yue_Hant"),
        ("ar", NLLB, "arb_Arab"),
        ("ara", MBART, "ar_AR"),
        ("arb_Latn", NLLB, "arb_Latn"),
        ("arb_Arab", M2M, "ar"),
        ("Moroccan Arabic", NLLB, "ary_Arab"),
        ("ace", NLLB, "ace_Latn"),
        ("ks", NLLB, "kas_Arab"),
        ("fa", NLLB, "pes_Arab"),
        ("Farsi", NLLB, "pes_Arab"),
        ("pes_Arab", M2M, "fa"),
        ("ms", NLLB, "zsm_Latn"),
        ("lav", NLLB, "lvs_Latn"),
        ("et", NLLB, "est_Latn"),
        ("sq", NLLB, "als_Latn"),
        ("sw", NLLB, "swh_Latn"),
        ("ku", NLLB, "kmr_Latn"),
        ("sr", OPUS, "srp_Cyrl"),
        ("sr_Latn", OPUS, "srp_Latn"),
        ("Serbian (Latin)", OPUS, "srp_Latn"),
        ("sr", NLLB, "srp_Cyrl"),
        ("nb", M2M, "no"),
        ("no", NLLB, "nob_Latn"),
        ("nn", NLLB, "nno_Latn"),
        ("fil", M2M, "tl"),
        ("iw", M2M, "he"),
        ("nso", M2M, "ns"),
        ("pt_BR", M2M, "pt"),
        ("pt-BR", MBART, "pt_XX"),
        ("Brazilian Portuguese", NLLB, "por_Latn"),
        ("en_US", MBART, "en_XX"),
        ("pt_BR", ["pt_BR", "pt_PT"], "pt_BR"),
        ("pt", ["por", "pt_BR", "pt_PT"], "por"),
        ("de_AT", ["de_DE", "de"], "de"),
        ("xx", ["en", "xx"], "xx"),
    ],
)
def test_a_name_finds_the_models_own(name: str, known: list[str], found: str) -> None:
    assert matching(name, known) == [found]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("nn", M2M),
        ("deu_Cyrl", NLLB),
        ("pt_PT", ["pt_BR"]),
        ("Klingon", NLLB),
        ("", NLLB),
        ("xx", NLLB),
        ("prs", M2M),
        ("sr_Latn", NLLB),
        ("__", NLLB),
        ("de", []),
    ],
)
def test_another_language_is_not_found(name: str, known: list[str]) -> None:
    assert matching(name, known) == []


def test_a_name_that_leaves_the_region_open_finds_all() -> None:
    assert matching("pt", ["pt_BR", "en", "pt_PT"]) == ["pt_BR", "pt_PT"]


@pytest.mark.parametrize("known", [NLLB, M2M, MBART, OPUS])
def test_every_code_finds_itself(known: list[str]) -> None:
    for code in known:
        assert matching(code, known) == [code]
        assert matching(f">>{code.upper()}<<", known) == [code]


def test_near_ones_are_named() -> None:
    assert near("Germn", NLLB)[0] == "deu_Latn (German)"
    assert near("deu_Cyrl", NLLB)[0] == "deu_Latn (German)"
    assert near("nn", M2M) != []
    assert "pt_BR (Portuguese)" in near("pt_PT", ["pt_BR"])
    assert len(near("a", NLLB)) <= 5


def test_english_names() -> None:
    assert english_name("deu_Latn") == "German"
    assert english_name("__nb__") == "Norwegian Bokmål"
    assert english_name("madeup") is None
    assert called("madeup") == "madeup"


def test_the_table_is_whole() -> None:
    assert set(codes().values()) == set(english_names())
    assert set(names().values()) == set(english_names())
    assert sum(len(code) == 2 for code in english_names()) == 184
    for code in codes():
        assert code.islower()
        assert 2 <= len(code) <= 3
