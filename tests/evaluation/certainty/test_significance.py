import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mtkit.errors import ConfigError
from mtkit.evaluation.certainty.comparison import Test
from mtkit.evaluation.certainty.significance import Certainty, measure_certainty
from mtkit.evaluation.metrics.metrics import score_and_count
from mtkit.evaluation.metrics.scorers import ScoringSettings
from mtkit.machine.workers import Workers
from tests.evaluation.wmt import WMT17, read, system_path

WORDS = ["the", "a", "cat", "dog", "house", "sees", "finds", "old", "new", "green", "and", "or", "not", "under", "over"]
METRICS = ScoringSettings(("bleu", "chrf"))


def corpus(share_wrong: float, seed: int) -> list[str]:
    """Lines of which a share of the words is another than in ``corpus(0, ...)``."""
    draw, noise = random.Random(1), random.Random(seed)
    lines = []
    for _ in range(120):
        words = [draw.choice(WORDS) for _ in range(draw.randint(4, 12))]
        lines.append(" ".join(noise.choice(WORDS) if noise.random() < share_wrong else word for word in words))
    return lines


REF, GOOD, NEAR, BAD = corpus(0, 0), corpus(0.1, 1), corpus(0.12, 3), corpus(0.5, 2)


def certainty(
    systems: Sequence[tuple[str, Sequence[str]]],
    settings: ScoringSettings = METRICS,
    *,
    refs: Sequence[Sequence[str]] = (REF,),
    test: Test | None = None,
    n_samples: int | None = None,
    confidence: bool = True,
) -> Certainty:
    """What resampling says of outputs."""
    with Workers(1) as workers:
        counts = [(name, score_and_count(hyp, refs, settings, workers)[1]) for name, hyp in systems]
    scorers = settings.scorers(len(refs))
    return measure_certainty(counts, scorers, test=test, n_samples=n_samples, confidence=confidence)


def sacrebleu_json(directory: Path, *metrics: str, flags: Sequence[str]) -> list[dict[str, object]]:
    for name, lines in (("ref", REF), ("good", GOOD), ("near", NEAR), ("bad", BAD)):
        (directory / name).write_text("".join(f"{line}\n" for line in lines))
    command = [sys.executable, "-m", "sacrebleu", "ref", *flags, "-m", *metrics, "-w", "6", "-f", "json"]
    environment = os.environ | {"NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=directory, env=environment)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("test", "metrics"), [("bs", ("bleu",)), ("ar", ("bleu", "chrf", "ter"))])
def test_paired_tests_are_those_of_the_sacrebleu_command(test: Test, metrics: Sequence[str], tmp_path: Path) -> None:
    flags = (f"--paired-{test}", f"--paired-{test}-n", "200")
    expected = sacrebleu_json(tmp_path, *metrics, flags=("-i", "good", "near", "bad", *flags))
    found = certainty(
        [("good", GOOD), ("near", NEAR), ("bad", BAD)],
        ScoringSettings(metrics),
        test=test,
        n_samples=200,
        confidence=False,
    )
    by_system = {str(row["system"]): row for row in expected}
    assert len(found.comparisons) == 2 * len(metrics)
    for comparison in found.comparisons:
        theirs = by_system[comparison.system][comparison.name]
        assert isinstance(theirs, dict)
        assert comparison.p_value == pytest.approx(theirs["p_value"], abs=1e-9)
        assert comparison.value == pytest.approx(theirs["score"], abs=1e-9)
        assert comparison.significant == (comparison.p_value < 0.05)
    assert any(0.01 < comparison.p_value < 0.99 for comparison in found.comparisons)


def test_intervals_are_those_of_the_sacrebleu_command(tmp_path: Path) -> None:
    metrics = ("bleu", "chrf", "ter")
    expected = sacrebleu_json(tmp_path, *metrics, flags=("-i", "good", "--confidence", "--confidence-n", "300"))
    found = certainty([("good", GOOD)], ScoringSettings(metrics), n_samples=300)
    for theirs, (metric, interval) in zip(expected, found.intervals[0].items(), strict=True):
        assert interval.mean == pytest.approx(theirs["confidence_mean"], abs=1e-5)
        assert interval.half_width == pytest.approx(theirs["confidence_var"], abs=1e-5)
        assert interval.n_samples == 300
        assert interval.low < interval.mean < interval.high
        assert found.signatures[metric].split("|") == str(theirs["signature"]).split("|")


def test_intervals_of_a_system_do_not_depend_on_the_others() -> None:
    alone = certainty([("bad", BAD)], n_samples=100)
    beside = certainty([("good", GOOD), ("bad", BAD)], n_samples=100)
    assert beside.intervals[1] == alone.intervals[0]
    assert beside.intervals[0] != alone.intervals[0]
    assert beside.comparisons == []


@pytest.mark.parametrize("test", ["bs", "ar"])
def test_a_system_does_not_differ_from_itself(test: Test) -> None:
    found = certainty([("a", GOOD), ("b", GOOD)], test=test, n_samples=100)
    assert [comparison.p_value for comparison in found.comparisons] == [1.0, 1.0]
    assert not any(comparison.significant for comparison in found.comparisons)
    assert {comparison.difference for comparison in found.comparisons} == {0}


@pytest.mark.parametrize("test", [None, "bs", "ar"])
def test_interval_is_where_the_middle_of_the_samples_lies_whatever_the_test(test: Test | None) -> None:
    """The oracle draws and scores the samples by sacreBLEU's public functions alone."""
    found = certainty([("a", NEAR), ("b", GOOD)], test=test)
    draw = np.random.default_rng(12345)
    scorer, scores = METRICS.scorers()["bleu"], []
    for _ in range(1_000):
        lines = draw.choice(len(REF), size=len(REF))
        scores.append(scorer.corpus_score([GOOD[n] for n in lines], [[REF[n] for n in lines]]).score)
    interval = found.intervals[1]["bleu"]
    assert [interval.low, interval.high] == pytest.approx([sorted(scores)[25], sorted(scores)[-26]], abs=1e-4)


P_VALUES = {
    "FBK": 0.01267,
    "KIT": 0.02233,
    "LMU-nmt-reranked": 0.04383,
    "LMU-nmt-single": 0.20783,
    "online-B": 0.38100,
    "SYSTRAN": 0.20983,
    "xmu": 0.25483,
}
"""Of BLEU against LIUM-NMT on newstest2017, by the mean of many samples."""


@pytest.mark.slow
def test_systems_of_wmt17_differ_as_significantly_as_is_known(corpora: Path) -> None:
    outputs = [(name, read(system_path(corpora, name))) for name in ("LIUM-NMT", *P_VALUES)]
    refs = [read(corpora / WMT17 / "reference.txt.gz")]
    settings = ScoringSettings(("bleu",), tokenize="none")
    found = certainty(outputs, settings, refs=refs, test="bs", n_samples=2_000)
    assert {each.system: each.p_value for each in found.comparisons} == pytest.approx(P_VALUES, abs=0.01)


@pytest.mark.parametrize("seed", ["abc", "-1", "1.5", "", "\u0663", "1" * 19])
def test_what_is_not_a_seed_is_refused_in_one_line(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", seed)
    with pytest.raises(ConfigError, match=r"^SACREBLEU_SEED .*: must be a whole number of up to 18 digits, or none$"):
        certainty([("good", GOOD)], n_samples=2)


@pytest.mark.parametrize(("seed", "shown"), [("7", "seed:7"), (" 0 ", "seed:0"), ("None", "seed:none")])
def test_a_seed_is_told_in_the_signature(seed: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", seed)
    assert shown in certainty([("good", GOOD)], n_samples=2).signatures["bleu"].split("|")
