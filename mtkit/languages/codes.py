"""Codes of languages, as recipes and -l name them: what is meant, and what is not a code."""

import re

CODE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
"""What a code looks like, perhaps with a script or region: en, deu, zh-Hant, pt-BR, sr_Latn. Which letters is not
asked: codes that are made up are of use too."""

# ISO 639-1, with "he", "id", "yi" and "sh" under their older codes too.
_TWO_LETTERS = frozenset(
    """aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it iu iw ja
    ji jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr
    ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()  # noqa: SIM905  # a list of 190 would fill pages
)

# ISO 639-2 (of which some languages have two) and 639-3, of the languages that are translated most.
_THREE_LETTERS = {
    "ara": "ar", "ben": "bn", "bul": "bg", "cat": "ca", "ces": "cs", "chi": "zh", "cmn": "zh", "cze": "cs",
    "dan": "da", "deu": "de", "dut": "nl", "ell": "el", "eng": "en", "est": "et", "eus": "eu", "fas": "fa",
    "fin": "fi", "fra": "fr", "fre": "fr", "ger": "de", "gle": "ga", "glg": "gl", "gre": "el", "hau": "ha",
    "heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu", "hye": "hy", "ice": "is", "ind": "id", "isl": "is",
    "ita": "it", "jpn": "ja", "kat": "ka", "kaz": "kk", "khm": "km", "kor": "ko", "lao": "lo", "lav": "lv",
    "lit": "lt", "mkd": "mk", "mlt": "mt", "mon": "mn", "msa": "ms", "mya": "my", "nep": "ne", "nld": "nl",
    "nob": "nb", "nno": "nn", "nor": "no", "per": "fa", "pol": "pl", "por": "pt", "ron": "ro", "rum": "ro",
    "rus": "ru", "slk": "sk", "slo": "sk", "slv": "sl", "spa": "es", "sqi": "sq", "srp": "sr", "swa": "sw",
    "swe": "sv", "tam": "ta", "tel": "te", "tha": "th", "tur": "tr", "ukr": "uk", "urd": "ur", "uzb": "uz",
    "vie": "vi", "yor": "yo", "zho": "zh", "zul": "zu",
}  # fmt: skip

# Countries and names that are typed for languages.
_MISTAKEN = {
    "arabic": "ar", "bengali": "bn", "chinese": "zh", "cn": "zh", "cz": "cs", "czech": "cs", "danish": "da",
    "dk": "da", "dutch": "nl", "english": "en", "finnish": "fi", "french": "fr", "gb": "en", "german": "de",
    "gr": "el", "greek": "el", "hindi": "hi", "indonesian": "id", "italian": "it", "japanese": "ja", "jp": "ja",
    "korean": "ko", "mandarin": "zh", "persian": "fa", "polish": "pl", "portuguese": "pt", "romanian": "ro",
    "russian": "ru", "spanish": "es", "swahili": "sw", "swedish": "sv", "turkish": "tr", "ua": "uk", "ukrainian": "uk",
    "us": "en", "vietnamese": "vi",
}  # fmt: skip


def base_language(code: str | None) -> str:
    """``zh`` of ``zh-TW``, ``zh_Hant`` and ``zho``; empty for none."""
    base = (code or "").replace("_", "-").partition("-")[0].lower()
    return _THREE_LETTERS.get(base, base)


def meant_by(code: str) -> str | None:
    """The code that is meant by a country's or by a name: ``zh`` by ``cn`` and by ``Chinese``."""
    return _MISTAKEN.get(base_language(code))


def language_mistake(code: str) -> str | None:
    """What is wrong with a code: ``cn is not a language code: did you mean zh?``; None where it may be one.

    Three letters that are not known here may be a rarer language's.
    """
    base = base_language(code)
    if base in _TWO_LETTERS or (len(base) == 3 and base.isalpha()):
        return None
    meant = meant_by(code)
    return f"{code} is not a language code" + (f": did you mean {meant}?" if meant else "; use en, de, zh, ...")
