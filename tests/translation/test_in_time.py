"""Translating against a clock of the test's own, with an engine that needs so many of its seconds for each token."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.engines.batching import BatchType
from mtkit.engines.engine import Pending
from mtkit.search.hypothesis import Hypothesis, SearchOptions
from mtkit.settings.decoding import DecodingConfig
from mtkit.translation.in_time import Deadline, TranslatedPart, translate_in_time
from mtkit.translation.translator import Translator

TEXTS = ["The cat sat on the mat.", "Do birds sing?", "The mat is red, the bird is blue.", "a bird"] * 100


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Parrot:
    """An engine that repeats the source, or writes on until it is cut off."""

    clock: Clock
    seconds_per_token: float
    is_endless: bool = False
    slower_after: float = float("inf")
    """From that moment on everything takes ten times as long."""

    lengths: list[int] = field(default_factory=list)
    """Of all that it has written."""

    description: str = "parrot"
    n_parameters: int = 1
    max_length: int = 1000

    def begin(
        self,
        sources: Sequence[Sequence[int]],
        options: SearchOptions,
        *,
        batch_size: int,  # noqa: ARG002
        batch_type: BatchType,  # noqa: ARG002
        tgt_prefix: Sequence[int] = (),  # noqa: ARG002
    ) -> Pending:
        found = []
        for ids in sources:
            longest = options.max_length(len(ids) + 1, self.max_length)
            written = [ids[-1]] * longest if self.is_endless else list(ids)
            found.append([Hypothesis(written, -1.0, -1.0, finished=not self.is_endless)])
            self.lengths.append(len(written))
            factor = 10 if self.clock() > self.slower_after else 1
            self.clock.now += factor * len(written) * self.seconds_per_token
        return lambda: found


def translate(
    tokenizer: Tokenizer, seconds: float, *parrots: Parrot, texts: Sequence[str] = TEXTS, least: int = 50
) -> TranslatedPart | None:
    translators = [Translator(parrot, tokenizer, DecodingConfig(beam_size=1)) for parrot in parrots]
    return translate_in_time(translators, texts, Deadline(parrots[0].clock() + seconds, parrots[0].clock), least=least)


@pytest.fixture
def tokenizer(translator: Translator) -> Tokenizer:
    return translator.tokenizer


@pytest.fixture
def seconds_for_all(tokenizer: Tokenizer) -> float:
    """At one second a token."""
    return float(sum(len(ids) for ids in tokenizer.encode_src(TEXTS)))


def test_where_there_is_time_all_lines_are_translated_in_their_order(
    tokenizer: Tokenizer, seconds_for_all: float
) -> None:
    clock = Clock()
    part = translate(tokenizer, 1.5 * seconds_for_all, Parrot(clock, 1.0))
    assert part is not None
    assert part.rows == list(range(400))
    assert part.hyp_texts == [TEXTS]
    assert not part.is_short
    assert clock() == 1000 + seconds_for_all


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_part_that_stands_for_the_whole_is_translated_in_time(
    tokenizer: Tokenizer, seconds_for_all: float, share: float
) -> None:
    clock = Clock()
    part = translate(tokenizer, share * seconds_for_all, Parrot(clock, 1.0))
    assert part is not None
    assert 0.85 * share * 400 < len(part.rows) <= 1.1 * share * 400
    assert clock() - 1000 <= share * seconds_for_all + 30
    assert part.rows == sorted(set(part.rows))
    assert part.hyp_texts == [[TEXTS[row] for row in part.rows]]
    quarters = [sum(row // 100 == quarter for row in part.rows) for quarter in range(4)]
    assert min(quarters) > 0.6 * len(part.rows) / 4
    again = translate(tokenizer, share * seconds_for_all, Parrot(Clock(), 1.0))
    assert again == part


def test_a_machine_that_becomes_slower_is_noticed(tokenizer: Tokenizer, seconds_for_all: float) -> None:
    clock = Clock()
    seconds = seconds_for_all / 2
    part = translate(tokenizer, seconds, Parrot(clock, 1.0, slower_after=1000 + seconds / 2))
    assert part is not None
    assert 50 < len(part.rows) < 200
    assert clock() - 1000 < 1.7 * seconds  # what was begun just before, a quarter of the time left, took ten times that


def test_two_translators_get_the_same_lines_and_share_the_time(tokenizer: Tokenizer, seconds_for_all: float) -> None:
    clock = Clock()
    part = translate(tokenizer, seconds_for_all, Parrot(clock, 1.0), Parrot(clock, 1.0))
    assert part is not None
    assert 170 < len(part.rows) <= 210
    assert part.hyp_texts == [[TEXTS[row] for row in part.rows]] * 2


def test_too_few_lines_are_none(tokenizer: Tokenizer, seconds_for_all: float) -> None:
    clock = Clock()
    assert translate(tokenizer, seconds_for_all / 10, Parrot(clock, 1.0)) is None
    assert clock() - 1000 < seconds_for_all / 10 + 150
    part = translate(tokenizer, seconds_for_all / 10, Parrot(Clock(), 1.0), least=20)
    assert part is not None
    assert 20 <= len(part.rows) < 50


def test_all_of_a_small_text_are_enough(tokenizer: Tokenizer, seconds_for_all: float) -> None:
    part = translate(tokenizer, seconds_for_all, Parrot(Clock(), 1.0), texts=TEXTS[:20])
    assert part is not None
    assert part.rows == list(range(20))


def test_without_time_nothing_is_begun(tokenizer: Tokenizer) -> None:
    parrot = Parrot(Clock(), 1.0)
    assert translate(tokenizer, 0.0, parrot) is None
    assert translate(tokenizer, -5.0, parrot) is None
    assert parrot.lengths == []


def test_lines_without_end_are_cut_where_time_is_short(tokenizer: Tokenizer, seconds_for_all: float) -> None:
    parrot = Parrot(Clock(), 1.0, is_endless=True)
    part = translate(tokenizer, 2 * seconds_for_all, parrot)
    assert part is not None
    assert part.is_short
    lengths = [int(1.5 * (len(ids) + 1) + 5) for ids in tokenizer.encode_src(TEXTS)]
    assert max(parrot.lengths[8:]) <= max(lengths)  # the first lines tell that it is endless
    assert max(parrot.lengths[:8]) > max(lengths)
    assert 50 < len(part.rows) < 400


def test_lines_without_end_are_as_long_as_the_model_makes_them_where_there_is_time(
    tokenizer: Tokenizer, seconds_for_all: float
) -> None:
    part = translate(tokenizer, 9 * seconds_for_all, Parrot(Clock(), 1.0, is_endless=True))
    assert part is not None
    assert not part.is_short
    assert len(part.rows) == 400
