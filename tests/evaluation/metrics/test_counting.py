import random
from collections.abc import Iterator

import pytest
import sacrebleu

from mtkit.evaluation.metrics.counting import count
from mtkit.evaluation.metrics.metrics import TerDetails, score, score_and_count
from mtkit.evaluation.metrics.scorers import ScoringSettings
from mtkit.machine.workers import Workers

WORDS = [f"w{n}" for n in range(64)]
SIGNS = [chr(n) for n in range(0x4E00, 0x4E40)]
TER = {"de": sacrebleu.TER(), "zh": sacrebleu.TER(normalized=True, asian_support=True)}


@pytest.fixture(scope="module", params=["de", "zh"])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[str, Workers]]:
    """A target language, and two processes that have started for it."""
    with Workers(2) as workers:
        count(TER[request.param], *corpus(request.param, 3), workers, seconds_here=0)
        assert workers.running
        yield request.param, workers


def corpus(tgt_lang: str, n_refs: int) -> tuple[list[str], list[list[str]]]:
    """Output and references, lines of 25 to 40 words, or of as many signs; some are empty."""
    draw, known, between = random.Random(1), *((SIGNS, "") if tgt_lang == "zh" else (WORDS, " "))

    def slip(line: list[str]) -> str:
        words = [draw.choice(known) if draw.random() < 0.1 else word for word in line]
        if draw.random() < 0.3:
            words[10:13], words[13:16] = words[13:16], words[10:13]
        return between.join(words)

    lines = [[draw.choice(known) for _ in range(draw.randint(25, 40))] for _ in range(20)]
    hyp, *refs = ([slip(line) for line in lines] for _ in range(1 + n_refs))
    hyp[3] = hyp[4] = refs[0][4] = refs[-1][5] = ""
    return hyp, refs


@pytest.mark.parametrize("n_refs", [1, 3])
def test_ter_of_several_processes_is_sacrebleus_to_the_last_digit(n_refs: int, started: tuple[str, Workers]) -> None:
    tgt_lang, workers = started
    hyp, refs = corpus(tgt_lang, n_refs)
    expected = TER[tgt_lang].corpus_score(hyp, refs)
    settings = ScoringSettings(["ter"], tgt_lang)
    (found,), counts = score_and_count(hyp, refs, settings, workers)
    assert found.value == expected.score
    assert found.details == TerDetails(expected.num_edits, expected.ref_length)
    assert found.signature == str(TER[tgt_lang].get_signature())
    of_lines = [TER[tgt_lang].sentence_score(*line) for line in zip(hyp, zip(*refs, strict=True), strict=True)]
    assert counts["ter"] == [[line.num_edits, line.ref_length] for line in of_lines]
    assert score(hyp, refs, ["ter"], tgt_lang=tgt_lang) == [found]


def test_little_is_counted_in_this_process() -> None:
    with Workers(2) as workers:
        (found,), _ = score_and_count(["a x c d e"], [["a b c d"]], ScoringSettings(["ter"]), workers)
        assert not workers.running
    assert found.value == 50
