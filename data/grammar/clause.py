"""A clause in both languages: who does what, when; English and German put its parts in their own order.

The German middle field is built as: pronouns, time, indefinite objects, or pronouns, definite objects, time, nicht or
schon; then prepositional complements and the verbs that are not finite.
"""

from dataclasses import dataclass, replace

from grammar import english, german
from grammar.phrases import Person

# German modal (its finite forms are in german.IRREGULAR), English modal, whether English needs do with it.
MODALS = {
    "can": ("können", "can", False),
    "must": ("müssen", "must", False),
    "should": ("sollten", "should", False),
    "may": ("dürfen", "may", False),
    "could": ("könnten", "could", False),
    "would": ("würden", "would", False),
    "would like to": ("möchten", "would like to", False),
    "want to": ("wollen", "want to", True),
    "have to": ("müssen", "have to", True),
    "had to": ("mussten", "have to", True),
    "wanted to": ("wollten", "want to", True),
}
_PAST_MODALS = {
    "had to": english.EnglishVerb("have to", "had to", "had to"),
    "wanted to": english.EnglishVerb("want to", "wanted to", "wanted to"),
}
BE = english.EnglishVerb("be", "was", "been")
SEIN = german.GermanVerb("sein", "ist", "gewesen", "sein")


def spaced(*parts: str) -> str:
    """Return the parts that are not empty, with blanks between them."""
    return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Predicate:
    """A verb in both languages with everything it governs; fields with ``_negated`` replace their twins under negation.

    ``first`` is what stands before the time in German: a pronoun, or a dative beside an accusative.
    """

    english: english.EnglishVerb
    german: german.GermanVerb
    rest: str = ""
    rest_negated: str = ""
    objects: str = ""
    objects_negated: str = ""
    definite: bool = False
    complement: str = ""
    first: str = ""
    reflexive: bool = False
    stative: bool = False


@dataclass(frozen=True)
class Clause:
    """One clause. ``tense`` is present, progressive, past, future, perfect or a key of MODALS.

    ``time`` and ``adverb`` are pairs of English and German; ``already`` adds already, or not yet where negated.
    """

    subject: Person
    predicate: Predicate
    tense: str = "present"
    time: tuple[str, str] = ("", "")
    adverb: tuple[str, str] = ("", "")
    negated: bool = False
    already: bool = False

    def pronominal(self) -> "Clause":
        """Return the clause with a pronoun as its subject."""
        return replace(self, subject=self.subject.as_pronoun())

    def english(self, time_first: bool = False) -> str:
        """Return the English statement, without capital and full stop."""
        auxiliary, verb = self._english_verbs(do=self.negated)
        words = self._english_words(auxiliary, verb, self.subject.english)
        return spaced(self.time[0], words) if time_first else spaced(words, self.time[0])

    def english_question(self) -> str:
        """Return the English words of a question, from the auxiliary on."""
        auxiliary, verb = self._english_verbs(do=True)
        head = spaced(auxiliary, self.subject.english, "not" if self.negated else "")
        return spaced(head, self.adverb[0], verb, self._rest(), self.time[0])

    def english_relative(self, gap_object: bool = False) -> str:
        """Return the English words after a relative pronoun: without the subject, or without the object."""
        auxiliary, verb = self._english_verbs(do=self.negated)
        if gap_object:
            bare = replace(self, predicate=replace(self.predicate, rest="", rest_negated=""))
            return spaced(bare._english_words(auxiliary, verb, self.subject.english), self.time[0])
        return spaced(self._english_words(auxiliary, verb, ""), self.time[0])

    def _rest(self) -> str:
        rest = self.predicate.rest_negated or self.predicate.rest if self.negated else self.predicate.rest
        return spaced(rest, "yet" if self.already and self.negated else "")

    def _english_words(self, auxiliary: str, verb: str, subject: str) -> str:
        middle = "not" if self.negated else "already" if self.already else ""
        if (auxiliary, middle) == ("can", "not"):
            auxiliary, middle = "cannot", ""
        return spaced(subject, auxiliary, middle, self.adverb[0], verb, self._rest())

    def _english_verbs(self, do: bool) -> tuple[str, str]:
        """Return the auxiliary ("" where there is none) and the rest of the verb group."""
        verb, agreement, tense = self.predicate.english, self.subject.agreement, self.tense
        third = agreement == "he"
        if tense in MODALS:
            return self._english_modal(do)
        if tense == "future":
            return "will", verb.base
        if tense == "perfect":
            return "has" if third else "have", verb.participle
        if verb is BE:
            return (english.BE if tense == "present" else english.WAS)[agreement], ""
        if tense == "progressive":
            return english.BE[agreement], verb.ing
        if tense == "past":
            return ("did", verb.base) if do else ("", verb.past)
        if do:
            return "does" if third else "do", verb.base
        return "", verb.third if third else verb.base

    def _english_modal(self, do: bool) -> tuple[str, str]:
        base, agreement = self.predicate.english.base, self.subject.agreement
        _, modal, with_do = MODALS[self.tense]
        if not with_do:
            auxiliary, _, rest = modal.partition(" ")
            return auxiliary, spaced(rest, base)
        if self.tense in _PAST_MODALS:
            return ("did", f"{modal} {base}") if do else ("", f"{_PAST_MODALS[self.tense].past} {base}")
        if do:
            return "does" if agreement == "he" else "do", f"{modal} {base}"
        inflected = english.EnglishVerb(modal, "", "").third if agreement == "he" else modal
        return "", f"{inflected} {base}"

    def german(self, front: str = "") -> str:
        """Return the German main clause: the subject first, or ``front`` first and the subject after the verb."""
        finite, prefix, infinite = self._german_verbs()
        if front:
            time_is_front = front == self.time[1]
            return spaced(front, finite, self._subject_and_middle(not time_is_front), infinite, prefix)
        return spaced(self.subject.german, finite, self._middle(), infinite, prefix)

    def german_question(self) -> str:
        """Return the German question from the finite verb on."""
        finite, prefix, infinite = self._german_verbs()
        return spaced(finite, self._subject_and_middle(), infinite, prefix)

    def german_final(self) -> str:
        """Return the German subordinate clause after its conjunction: the finite verb last."""
        return spaced(self._subject_and_middle(), self._final_verbs())

    def german_relative(self, gap_object: bool = False) -> str:
        """Return the German words after a relative pronoun: without the subject, or without the object."""
        if gap_object:
            bare = replace(self, predicate=replace(self.predicate, objects="", objects_negated=""))
            return bare.german_final()
        return spaced(self._middle(), self._final_verbs())

    def german_zu(self) -> str:
        """Return the German infinitive clause with zu."""
        return spaced(self._middle(), self.predicate.german.zu_infinitive)

    def english_rest(self) -> str:
        """Return what follows the verb in English."""
        return self._rest()

    def german_command(self) -> str:
        """Return the German imperative for the subject du, ihr or Sie."""
        verb, person = self.predicate.german, self.subject.person
        subject = "Sie" if person == "Sie" else ""
        return spaced(verb.imperative(person), subject, self._middle(), verb.prefix.strip())

    def german_infinitive(self) -> str:
        """Return the German infinitive with all that stands before it."""
        return spaced(self._middle(), self.predicate.german.infinitive)

    def _german_verbs(self) -> tuple[str, str, str]:
        """Return the finite verb, the separated prefix and the verb form at the end."""
        verb, person = self.predicate.german, self.subject.person
        column = german.PERSONS.index(person)
        if self.tense in MODALS:
            return german.IRREGULAR[MODALS[self.tense][0]][column], "", verb.infinitive
        if self.tense == "future":
            return german.IRREGULAR["werden"][column], "", verb.infinitive
        if self.tense == "past" and verb is SEIN:
            return german.IRREGULAR["waren"][column], "", ""
        if self.tense in ("past", "perfect"):
            return german.IRREGULAR[verb.auxiliary][column], "", verb.participle
        return verb.present(person), verb.prefix.strip(), ""

    def _final_verbs(self) -> str:
        finite, prefix, infinite = self._german_verbs()
        blank = self.predicate.german.prefix.endswith(" ")
        return spaced(infinite, f"{prefix} {finite}" if blank and prefix else prefix + finite)

    def _subject_and_middle(self, with_time: bool = True) -> str:
        """Return subject and middle field; a reflexive pronoun stands before a subject that is a noun."""
        if self.predicate.reflexive and not self.subject.is_pronoun:
            reflexive = german.REFLEXIVE[self.subject.person]
            return spaced(reflexive, self.subject.german, self._middle(with_time, with_reflexive=False))
        return spaced(self.subject.german, self._middle(with_time))

    def _middle(self, with_time: bool = True, with_reflexive: bool = True) -> str:
        predicate = self.predicate
        reflexive = german.REFLEXIVE[self.subject.person] if predicate.reflexive and with_reflexive else ""
        time = spaced(self.time[1] if with_time else "", self.adverb[1])
        if self.tense == "progressive" and not self.time[1]:
            time = "gerade"
        objects, particle = predicate.objects, "schon" if self.already else ""
        if self.negated:
            particle = "noch" if self.already else ""
            if predicate.objects_negated:
                objects = predicate.objects_negated
            else:
                particle = spaced(particle, "nicht")
        known_first = predicate.definite and particle
        middle = (objects, time, particle) if known_first else (time, particle, objects)
        return spaced(reflexive, predicate.first, *middle, predicate.complement)
