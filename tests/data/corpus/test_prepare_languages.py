"""Corpora that are encoded with a tokenizer whose ids and languages are its own."""

from pathlib import Path

import pytest
import torch

from mtkit.data.batches.batches import BatchPlan, fixed_batches
from mtkit.data.batches.sampling import Sampler, SamplingRecipe
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared, open_prepared
from mtkit.data.tokens.special import NO_PREFIX, Prefix, SpecialIds
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import ConfigError
from mtkit.settings.data import DataConfig
from mtkit.settings.sampling import SamplingConfig
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.training.source_lines import source_lines
from tests.data.conftest import TOY, ToyData, WriteLines
from tests.data.tokens.foreign import START_IS_EOS, START_IS_PAD, TAGS, foreign_tokenizer
from tests.tiny_foreign import M2M_LIKE

HALF = 100
TEXT = [side for pair in TOY for side in pair]


def ready(special: SpecialIds = START_IS_EOS) -> Tokenizer:
    return foreign_tokenizer(special, lines=TEXT, **M2M_LIKE)  # type: ignore[arg-type]


def prepared_with(tokenizer: Tokenizer, data: DataConfig, directory: Path) -> Prepared:
    prepare(data, TokenizerConfig(), directory, n_workers=1, ready=tokenizer)
    return open_prepared(directory)


@pytest.fixture
def both_ways(toy_data: ToyData, write_lines: WriteLines) -> DataConfig:
    """Half of the pairs from English into German, half into what is called French, under names of several kinds."""
    halves = (TOY[:HALF], TOY[HALF:])
    sides = [
        [write_lines(f"{n}{side}", [pair[side] for pair in half]) for side in (0, 1)] for n, half in enumerate(halves)
    ]
    first, second = ({"src": src, "tgt": tgt} for src, tgt in sides)
    return toy_data(tgt_lang="German", train=[first, {**second, "tgt_lang": "fr_FR"}])


@pytest.mark.parametrize("special", [START_IS_EOS, START_IS_PAD], ids=["start is eos", "start is pad"])
def test_pairs_begin_with_their_languages(both_ways: DataConfig, tmp_path: Path, special: SpecialIds) -> None:
    tokenizer = ready(special)
    prepared = prepared_with(tokenizer, both_ways, tmp_path / "prepared")
    de, en, fr = (list(tokenizer.src_pieces).index(tag) for tag in TAGS)
    assert prepared.prefixes("train") == [Prefix((en,), (de,)), Prefix((en,), (fr, de))]
    assert prepared.prefixes("valid") == [Prefix((en,), (de,))]
    store = prepared.store("train")
    [src], [tgt] = tokenizer.encode_src([TOY[0][0]]), tokenizer.encode_tgt([TOY[0][1]])
    assert store.src_ids(0).tolist() == [en, *src]
    assert store.tgt_ids(0).tolist() == [de, *tgt]
    assert store.tgt_ids(HALF).tolist() == [fr, de, *tokenizer.encode_tgt([TOY[HALF][1]])[0]]
    assert prepared.tokenizer.sha256() == tokenizer.sha256()
    lines = source_lines(prepared)
    bare = (
        sum(map(len, tokenizer.encode_tgt([t for _, t in TOY]))),
        sum(map(len, tokenizer.encode_src([s for s, _ in TOY]))),
    )
    assert lines.tgt_per_src == pytest.approx(bare[0] / bare[1])

    plan = BatchPlan(store, special=special, batch_tokens=400)
    [batch] = next(iter(plan))
    assert set(batch.tgt_in[:, 0].tolist()) == {special.start}
    assert set(batch.tgt_in[:, 1].tolist()) <= {de, fr}
    lengths = (batch.tgt_out != special.pad).sum(1)
    assert int(lengths.sum()) == batch.n_tgt_tokens
    assert all(batch.tgt_out[row, length - 1] == special.eos for row, length in enumerate(lengths.tolist()))
    for given, predicted in zip(batch.tgt_in, batch.tgt_out, strict=True):
        n = int((predicted != special.pad).sum())
        assert torch.equal(given[1:n], predicted[: n - 1])
        assert set(given[n:].tolist()) <= {special.pad}
    for part in batch.parts(3, special.pad):
        assert part.n_tgt_tokens == int((part.tgt_out != special.pad).sum())
    assert {
        int(row[0]) for each in fixed_batches(prepared.store("valid"), special, 99, max_length=50) for row in each.src
    } == {en}


@pytest.mark.parametrize("kind", ["join", "casing", "subword"])
def test_sampling_keeps_the_languages(both_ways: DataConfig, tmp_path: Path, kind: str) -> None:
    tokenizer = ready()
    prepared = prepared_with(tokenizer, both_ways, tmp_path / "prepared")
    changes = {
        "join": {"join": 0.9},
        "casing": {"casing": {"upper": 0.9}},
        "subword": {"subword": {"probability": 1.0}},
    }
    config = SamplingConfig.model_validate(changes[kind])
    sampler = Sampler(SamplingRecipe(prepared.directory, config, 3, 200), prepared)
    store = prepared.store("train")
    places = torch.arange(0, len(store), 7).numpy()
    (src, src_lengths), (tgt, tgt_lengths) = sampler.sample(places)
    n_changed = 0
    for row, ids, tgt_ids in zip(
        places.tolist(),
        torch.tensor(src).split(src_lengths.tolist()),
        torch.tensor(tgt).split(tgt_lengths.tolist()),
        strict=True,
    ):
        prefix = prepared.prefixes("train")[row // HALF]
        assert tuple(ids[: len(prefix.src)].tolist()) == prefix.src
        assert tuple(tgt_ids[: len(prefix.tgt)].tolist()) == prefix.tgt
        rest = tgt_ids[len(prefix.tgt) :].tolist()
        assert not set(rest) & {list(tokenizer.tgt_pieces).index(tag) for tag in TAGS}
        n_changed += tgt_ids.tolist() != store.tgt_ids(row).tolist()
        if kind == "subword":
            assert tokenizer.decode([rest]) == [TOY[row][1]]
    assert n_changed > 10
    if kind == "join":  # as long as was foretold
        assert [each.tolist() for each in sampler.lengths(places)] == [src_lengths.tolist(), tgt_lengths.tolist()]


def test_an_unknown_language_is_told_before_anything_is_cleaned(toy_data: ToyData, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"data.tgt_lang: xx: the tokenizer's model .* xx is not a language code; it knows deu",
    ):
        prepared_with(ready(), toy_data(tgt_lang="xx"), tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()


def test_a_tokenizer_of_bytes_has_nothing_to_draw(toy_data: ToyData, tmp_path: Path) -> None:
    from tests.data.tokens.test_vocabulary_file import BYTES

    prepared = prepared_with(Tokenizer(None, vocabulary=BYTES), toy_data(), tmp_path / "prepared")
    assert prepared.prefixes("train") == [NO_PREFIX]
    config = SamplingConfig.model_validate({"subword": {"probability": 0.5}})
    with pytest.raises(ConfigError, match="a tokenizer of bytes cuts a text in one way"):
        Sampler(SamplingRecipe(prepared.directory, config, 3, 200), prepared)


def test_manifests_of_other_corpora_are_as_they_were(toy_data: ToyData, tmp_path: Path) -> None:
    prepare(toy_data(), TokenizerConfig(), tmp_path / "own", n_workers=1)
    assert all("forced" not in source for source in open_prepared(tmp_path / "own").manifest.sources)
