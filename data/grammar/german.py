"""German inflection for the sample corpus: articles, adjectives, nouns, verbs, numbers and clock times.

Cases are "nom", "acc", "dat", "gen"; columns of a declension are the genders "m", "f", "n" and the plural "p".
Persons are named by their pronoun: "ich", "du", "er" (also sie, es, any singular noun), "wir", "ihr", "Sie" (they too).
"""

from dataclasses import dataclass

COLUMNS = "mfnp"
PERSONS = ("ich", "du", "er", "wir", "ihr", "Sie")

# One row per case, one ending per column in the order of COLUMNS; "-" is no ending.
_DEFINITE = {"nom": "der die das die", "acc": "den die das die", "dat": "dem der dem den", "gen": "des der des der"}
_DER_WORD = {"nom": "er e es e", "acc": "en e es e", "dat": "em er em en", "gen": "es er es er"}
_EIN_WORD = {"nom": "- e - e", "acc": "en e - e", "dat": "em er em en", "gen": "es er es er"}
_ADJECTIVE = {
    "weak": {"nom": "e e e en", "acc": "en e e en", "dat": "en en en en", "gen": "en en en en"},
    "mixed": {"nom": "er e es en", "acc": "en e es en", "dat": "en en en en", "gen": "en en en en"},
    "strong": {"nom": "er e es e", "acc": "en e es e", "dat": "em er em en", "gen": "en er en er"},
}
# How nouns end that take -es: after a hissing sound it must be so, after the others it is better style.
_LONG_GENITIVE = ("s", "ß", "z", "x", "sch", "st", "nd", "nn", "rf", "urm", "zt", "hn")
_EIN_WORDS = ("ein", "kein", "mein", "dein", "sein", "ihr", "unser", "euer", "Ihr")
_DER_WORDS = {"dieser": "dies", "einige": "einig"}
_CONTRACTIONS = {
    "an dem": "am",
    "bei dem": "beim",
    "in dem": "im",
    "in das": "ins",
    "von dem": "vom",
    "zu dem": "zum",
    "zu der": "zur",
}
REFLEXIVE = {"ich": "mich", "du": "dich", "er": "sich", "wir": "uns", "ihr": "euch", "Sie": "sich"}
RELATIVE = {
    "nom": "der die das die",
    "acc": "den die das die",
    "dat": "dem der dem denen",
    "gen": "dessen deren dessen deren",
}


def _cell(table: dict[str, str], column: str, case: str) -> str:
    ending = table[case].split()[COLUMNS.index(column)]
    return "" if ending == "-" else ending


def adjective_ending(kind: str, column: str, case: str) -> str:
    """Return the ending of an adjective before a noun.

    Args:
        kind: "weak" after der-words, "mixed" after ein-words, "strong" where no word before shows the case.
        column: the noun's gender, or "p" in the plural.
        case: the noun's case.
    """
    return _cell(_ADJECTIVE[kind], column, case)


def determiner(word: str, column: str, case: str) -> str:
    """Return an inflected determiner; a numeral or an empty word comes back unchanged."""
    if word == "der":
        return _cell(_DEFINITE, column, case)
    if word in _DER_WORDS:
        return _DER_WORDS[word] + _cell(_DER_WORD, column, case)
    if word in _EIN_WORDS:
        ending = _cell(_EIN_WORD, column, case)
        return ("eur" if word == "euer" and ending else word) + ending
    return word


def declension(word: str) -> str:
    """Return which adjective declension a determiner asks for: "weak", "mixed" or "strong"."""
    if word == "einige":
        return "strong"
    if word == "der" or word in _DER_WORDS:
        return "weak"
    return "mixed" if word in _EIN_WORDS else "strong"


def relative_pronoun(column: str, case: str) -> str:
    """Return der, die, das as a relative pronoun."""
    return _cell(RELATIVE, column, case)


def contract(preposition: str, phrase: str) -> str:
    """Return preposition and noun phrase, with "in dem" as "im", "zu der" as "zur" and so on."""
    article, _, rest = phrase.partition(" ")
    short = _CONTRACTIONS.get(f"{preposition} {article}")
    return f"{short} {rest}" if short and rest else f"{preposition} {phrase}"


@dataclass(frozen=True)
class GermanNoun:
    """A noun with its gender "m", "f" or "n"; a ``weak`` noun has the plural's form in all cases but the nominative."""

    singular: str
    gender: str
    plural: str
    weak: bool = False

    def form(self, case: str, plural: bool) -> str:
        """Return the noun alone in one case and number."""
        if plural:
            return self.plural + "n" if case == "dat" and self.plural[-1] not in "ns" else self.plural
        if self.weak:
            return self.singular if case == "nom" else self.plural
        if case != "gen" or self.gender == "f":
            return self.singular
        return self.singular + ("es" if self.singular.endswith(_LONG_GENITIVE) else "s")


@dataclass(frozen=True)
class GermanVerb:
    """A verb: "ab|holen" has a separable prefix, ``third`` is its form after er, without the prefix."""

    infinitive_parts: str
    third: str
    participle: str
    auxiliary: str = "haben"

    @property
    def prefix(self) -> str:
        """The separable prefix, or "" where there is none; "spazieren " keeps its blank."""
        return self.infinitive_parts.rpartition("|")[0]

    @property
    def base(self) -> str:
        """The infinitive without the separable prefix."""
        return self.infinitive_parts.rpartition("|")[2]

    @property
    def infinitive(self) -> str:
        """The infinitive as it is written."""
        return self.prefix + self.base

    @property
    def zu_infinitive(self) -> str:
        """The infinitive with zu: "zu lesen", "abzuholen"."""
        if self.prefix and not self.prefix.endswith(" "):
            return f"{self.prefix}zu{self.base}"
        return f"{self.prefix}zu {self.base}"

    @property
    def _stem(self) -> str:
        return self.base[:-2] if self.base.endswith("en") else self.base[:-1]

    @property
    def _needs_e(self) -> bool:
        """Whether t and st need an e before them: arbeitest, öffnet."""
        return self._stem.endswith(("t", "d", "ffn", "chn"))

    def present(self, person: str) -> str:
        """Return the finite present form, without a separable prefix."""
        if self.base in IRREGULAR:
            return IRREGULAR[self.base][PERSONS.index(person)]
        if person == "ich":
            return self._stem + "e"
        if person == "er":
            return self.third
        if person == "du":
            if self.third[:-1].endswith(("s", "ß", "z")):
                return self.third
            return self.third[:-1] + "st"
        return self._stem + ("et" if self._needs_e else "t") if person == "ihr" else self.base

    def imperative(self, person: str) -> str:
        """Return the imperative for du, ihr or Sie (the last without its pronoun), without a separable prefix."""
        if person == "Sie":
            return self.base
        if person == "ihr":
            return self.present("ihr")
        vowel_changes = not self.third.startswith(self._stem) and not set("äöü") & set(self.third)
        if vowel_changes:
            return self.third[:-1]
        return self._stem + ("e" if self._needs_e else "")


IRREGULAR = {
    "sein": ("bin", "bist", "ist", "sind", "seid", "sind"),
    "haben": ("habe", "hast", "hat", "haben", "habt", "haben"),
    "werden": ("werde", "wirst", "wird", "werden", "werdet", "werden"),
    "wissen": ("weiß", "weißt", "weiß", "wissen", "wisst", "wissen"),
    "können": ("kann", "kannst", "kann", "können", "könnt", "können"),
    "müssen": ("muss", "musst", "muss", "müssen", "müsst", "müssen"),
    "wollen": ("will", "willst", "will", "wollen", "wollt", "wollen"),
    "dürfen": ("darf", "darfst", "darf", "dürfen", "dürft", "dürfen"),
    "sollten": ("sollte", "solltest", "sollte", "sollten", "solltet", "sollten"),
    "möchten": ("möchte", "möchtest", "möchte", "möchten", "möchtet", "möchten"),
    "könnten": ("könnte", "könntest", "könnte", "könnten", "könntet", "könnten"),
    "würden": ("würde", "würdest", "würde", "würden", "würdet", "würden"),
    "mussten": ("musste", "musstest", "musste", "mussten", "musstet", "mussten"),
    "wollten": ("wollte", "wolltest", "wollte", "wollten", "wolltet", "wollten"),
    "waren": ("war", "warst", "war", "waren", "wart", "waren"),
    "hatten": ("hatte", "hattest", "hatte", "hatten", "hattet", "hatten"),
    "hätten": ("hätte", "hättest", "hätte", "hätten", "hättet", "hätten"),
    "wurden": ("wurde", "wurdest", "wurde", "wurden", "wurdet", "wurden"),
}

_UNITS = ["null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"]
_TENS = {2: "zwanzig", 3: "dreißig", 4: "vierzig", 5: "fünfzig", 6: "sechzig", 7: "siebzig", 8: "achtzig", 9: "neunzig"}
_TEENS = {16: "sechzehn", 17: "siebzehn"}
_ORDINALS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


def cardinal(number: int) -> str:
    """Return a number from 2 to 999, or 0, in words; 1 is "eins"."""
    if number == 1:
        return "eins"
    if number >= 100:
        rest = cardinal(number % 100) if number % 100 else ""
        return _UNITS[number // 100] + "hundert" + rest
    if number <= 12:
        return _UNITS[number]
    if number < 20:
        return _TEENS.get(number, _UNITS[number % 10] + "zehn")
    unit, ten = number % 10, _TENS[number // 10]
    return f"{_UNITS[unit]}und{ten}" if unit else ten


def ordinal_stem(number: int) -> str:
    """Return an ordinal without its ending: "erst", "zweit", "zwanzigst"; it is declined as an adjective."""
    return _ORDINALS.get(number, cardinal(number) + ("st" if number >= 20 else "t"))


def figures(text: str) -> str:
    """Return English figures as German ones: "1,250.5" is "1.250,5"."""
    return text.translate({ord(","): ".", ord("."): ","})


def clock(hour: int, minute: int) -> str:
    """Return a time of day in words, hours 1 to 12: (3, 30) is "halb vier"."""
    following = hour % 12 + 1
    if minute == 30:
        return f"halb {cardinal(following)}"
    if minute in (15, 45):
        return f"Viertel nach {cardinal(hour)}" if minute == 15 else f"Viertel vor {cardinal(following)}"
    if minute == 0:
        return f"{'ein' if hour == 1 else cardinal(hour)} Uhr"
    if minute < 30:
        return f"{cardinal(minute)} nach {cardinal(hour)}"
    return f"{cardinal(60 - minute)} vor {cardinal(following)}"
