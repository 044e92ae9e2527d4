import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtkit.data.cleaning.filters import keys, not_empty, pair_filter
from mtkit.data.cleaning.judging import Judgement, judge
from mtkit.data.cleaning.normalisers import normaliser
from mtkit.data.cleaning.pipeline import Pipeline, build_pipeline
from mtkit.data.cleaning.reasons import DUPLICATE, EMPTY, FIRST_STEP, N_SAMPLES
from mtkit.data.cleaning.spool import read_side
from mtkit.data.sources.pairs import Pairs
from mtkit.errors import DataError
from mtkit.machine.workers import Workers
from mtkit.settings.cleaning import CleaningConfig

Rows = Sequence[tuple[str, str]]


@dataclass
class Listed:
    """A source of pairs in memory, in chunks of four."""

    name: str
    rows: Rows

    def sha256(self) -> dict[str, str]:
        return {self.name: ""}

    def chunks(self) -> Iterator[Pairs]:
        for start in range(0, len(self.rows), 4):
            src, tgt = zip(*self.rows[start : start + 4], strict=True)
            yield Pairs(list(src), list(tgt))

    def one_side(self, side: int) -> Iterator[list[str]]:
        return (chunk.of_side(side) for chunk in self.chunks())


def pipeline_of(
    steps: Sequence[object],
    *,
    own: Sequence[object] = (),
    drop_duplicates: bool = False,
    held_out: Sequence[Pairs] = (),
) -> Pipeline:
    config = CleaningConfig.model_validate({"steps": steps, "drop_duplicates": drop_duplicates})
    own_steps = CleaningConfig.model_validate({"steps": own}).steps
    return build_pipeline(own_steps, config, src_lang="en", tgt_lang="de", held_out=lambda _: held_out)


def judged(sources: Sequence[Rows], pipelines: Sequence[Pipeline], scratch: Path) -> Judgement:
    listed = [Listed(f"s{i}", rows) for i, rows in enumerate(sources)]
    return judge(listed, pipelines, Workers(1), scratch)


def labels_of(judgement: Judgement, pipeline: Pipeline) -> list[str]:
    return [({0: ""} | pipeline.labels)[verdict] for verdict in judgement.verdicts.tolist()]


def kept_text(judgement: Judgement) -> list[list[tuple[str, str]]]:
    """Text of the pairs in the spool that are kept, block by block."""
    found = []
    for block in judgement.blocks:
        sides = [read_side(judgement.spool, block, side) for side in (0, 1)]
        found.append(list(zip(*sides, strict=True)))
    return found


def test_each_pair_gets_the_first_reason(tmp_path: Path) -> None:
    rows = [
        ("a b", "c"),
        ("", "c"),
        ("a b", "c"),
        ("same", "Same"),
        ("a  b", "c"),
        ("long " * 9, "x y z"),
        ("&#32;", "x"),
    ]
    pipeline = pipeline_of(["entities", "spaces", "identical", {"ratio": {"max": 4}}], drop_duplicates=True)
    judgement = judged([rows], [pipeline], tmp_path)
    assert labels_of(judgement, pipeline) == ["", "empty", "duplicate", "identical", "duplicate", "ratio", "empty"]
    (source,) = judgement.sources
    assert source.n_changed == {"entities": 1, "spaces": 3}
    assert {pipeline.labels[verdict]: samples for verdict, samples in source.samples.items()} == {
        "empty": [(1, "", "c"), (6, "", "x")],
        "identical": [(3, "same", "Same")],
        "ratio": [(5, " ".join(["long"] * 9), "x y z")],
        "duplicate": [(2, "a b", "c"), (4, "a b", "c")],
    }


def test_the_order_of_steps_matters(tmp_path: Path) -> None:
    rows = [("a.", "b c d e f"), ("a.", "b"), ("a", "b")]
    by_src: object = {"duplicate": {"by": "src"}}
    results = []
    for n, steps in enumerate(([by_src, "ratio"], ["ratio", by_src])):
        (tmp_path / str(n)).mkdir()
        pipeline = pipeline_of(steps)
        results.append(labels_of(judged([rows], [pipeline], tmp_path / str(n)), pipeline))
    assert results == [["ratio", "duplicate", ""], ["ratio", "", ""]]


def test_a_step_that_occurs_twice_is_numbered_and_a_sources_own_is_told_apart() -> None:
    pipeline = pipeline_of(["nfc", "length", "length", {"near_duplicate": {"by": "src"}}], own=["length", "length"])
    assert list(pipeline.labels.values()) == [
        "empty",
        "filters.length",
        "filters.length-2",
        "length",
        "length-2",
        "near_duplicate",
    ]


def test_a_sources_own_search_does_not_see_the_others(tmp_path: Path) -> None:
    sources = [[("a", "1"), ("a", "2")], [("a", "1"), ("a", "2")], [("a", "1"), ("b", "1")]]
    own = [{"duplicate": {"by": "src"}}]
    pipelines = [pipeline_of(["duplicate"], own=own), pipeline_of(["duplicate"]), pipeline_of(["duplicate"], own=own)]
    verdicts = judged(sources, pipelines, tmp_path).verdicts.tolist()
    common, of_own = FIRST_STEP, FIRST_STEP + 1
    # The second source's ("a", "2") is kept: the first one had been dropped before.
    assert verdicts == [0, of_own, common, 0, common, 0]


def test_leakage_is_looked_for_in_the_form_that_training_pairs_have_by_then() -> None:
    held_out = [Pairs(["Tom &amp; I", "x"], ["Tom und ich", "y"])]
    rows = [("Tom & I", "wir"), ("Tom &amp; I", "wir"), ("z", "z")]
    before = pipeline_of(["leakage", "entities"], held_out=held_out)
    after = pipeline_of(["entities", "leakage"], held_out=held_out)
    assert before(Pairs(*map(list, zip(*rows, strict=True)))).verdicts.tolist() == [0, FIRST_STEP, 0]
    assert after(Pairs(*map(list, zip(*rows, strict=True)))).verdicts.tolist() == [FIRST_STEP + 1] * 2 + [0]


def test_scores_follow_their_pairs_through_the_filters() -> None:
    pipeline = pipeline_of(["identical", {"score": {"min": 0.5}}])
    result = pipeline(Pairs(["a", "b", "c"], ["a", "x", "x"], [0.9, 0.1, 0.8]))
    assert result.verdicts.tolist() == [FIRST_STEP, FIRST_STEP + 1, 0]
    assert result.pairs == Pairs(["c"], ["x"], [0.8])


def test_a_source_without_scores_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="s0: the step score needs the score of each pair"):
        judged([[("a", "b")]], [pipeline_of([{"score": {"min": 0}}])], tmp_path)


STEPS: list[object] = [
    "spaces",
    "quotes",
    "invisible",
    {"length": {"max_characters": 6}},
    {"ratio": {"max": 2}},
    "identical",
    "duplicate",
    {"duplicate": {"by": "src"}},
    {"duplicate": {"by": "tgt"}},
    "near_duplicate",
    {"near_duplicate": {"by": "src"}},
    {"repeated": {"max": 1}},
    "numbers",
]
SEGMENTS = st.one_of(
    st.text("aA 1.”\u200b", max_size=5),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8),
)


def one_step_after_the_other(rows: Rows, config: CleaningConfig) -> tuple[list[int], list[tuple[str, str]]]:
    """Verdicts and text when every step goes over the whole corpus before the next begins."""
    verdicts = [0] * len(rows)
    pairs = Pairs([src for src, _ in rows], [tgt for _, tgt in rows])

    def drop(keep: list[bool], verdict: int) -> None:
        for i, kept in enumerate(keep):
            if not kept and not verdicts[i]:
                verdicts[i] = verdict

    def search(by: str, verdict: int, *, near: bool) -> None:
        seen = set()
        for i, key in enumerate(keys(pairs, by, near=near)):  # type: ignore[arg-type]
            if not verdicts[i]:
                verdicts[i] = verdict if key in seen else 0
                seen.add(key)

    drop(not_empty(pairs), EMPTY)
    for number, step in enumerate(config.steps):
        normalise = normaliser(step.name)
        if normalise is not None:
            pairs = Pairs([normalise(s) for s in pairs.src], [normalise(t) for t in pairs.tgt])
            drop(not_empty(pairs), EMPTY)
        elif "duplicate" in step.name:
            search(step.parameters.by, FIRST_STEP + number, near=step.name == "near_duplicate")  # type: ignore[attr-defined]
        else:
            drop(pair_filter(step, "en", "de")(pairs), FIRST_STEP + number)
    if config.drop_duplicates:
        search("pair", DUPLICATE, near=False)
    return verdicts, list(zip(pairs.src, pairs.tgt, strict=True))


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(SEGMENTS, SEGMENTS), min_size=1, max_size=30),
    steps=st.lists(st.sampled_from(STEPS), max_size=5),
    drop_duplicates=st.booleans(),
)
def test_chunk_by_chunk_is_the_same_as_step_by_step(
    rows: list[tuple[str, str]], steps: list[object], drop_duplicates: bool
) -> None:
    config = CleaningConfig.model_validate({"steps": steps, "drop_duplicates": drop_duplicates})
    expected, text = one_step_after_the_other(rows, config)
    with tempfile.TemporaryDirectory() as scratch:
        judgement = judged([rows], [pipeline_of(steps, drop_duplicates=drop_duplicates)], Path(scratch))
        assert judgement.verdicts.tolist() == expected
        spooled = [pair for block in kept_text(judgement) for pair in block]
    assert Counter(pair for pair, verdict in zip(text, expected, strict=True) if not verdict) <= Counter(spooled)
    (source,) = judgement.sources
    assert source.n_pairs == len(rows)
    for verdict, samples in source.samples.items():
        assert 0 < len(samples) <= min(N_SAMPLES, expected.count(verdict))
        assert all(expected[sample.row] == verdict for sample in samples)
        assert len({sample.row for sample in samples}) == len(samples)
