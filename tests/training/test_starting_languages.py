"""Fine-tuning of models whose ids, start token and languages are their own."""

from pathlib import Path

import pytest
import torch

from mtkit.bundle.bundle import load_bundle
from mtkit.bundle.languages import LANGUAGES_NEEDED, prefixes_for
from mtkit.data.batches.batch import collate
from mtkit.data.corpus.prepared import open_prepared
from mtkit.data.tokens.special import SpecialIds
from mtkit.data.tokens.vocabulary_file import VOCABULARY_FILE
from mtkit.errors import ConfigError
from mtkit.settings.resolve import Settings
from mtkit.training.objectives.cross_entropy import CrossEntropy
from mtkit.training.run import train
from mtkit.translation.translator import Translator
from tests.data.tokens.foreign import LINES, START_IS_EOS, START_IS_PAD
from tests.tiny_foreign import save_foreign_bundle

PAIRS = [(f"{a} {b}", f"{b} {a}") for a in LINES for b in LINES]


def recipe(directory: Path, base: Path, **overrides: object) -> Settings:
    files = []
    for side in (0, 1):
        path = directory / f"train.{side}"
        path.write_text("".join(f"{pair[side]}\n" for pair in PAIRS))
        files.append(str(path))
    given = {"src": files[0], "tgt": files[1]}
    values: dict[str, object] = {
        "name": "tuned",
        "data.src_lang": "en",
        "data.tgt_lang": "fr",
        "data.train": [given],
        "data.valid": [given],
        "data.prepared": str(directory / "prepared"),
        "training.from": str(base),
        "training.max_updates": 2,
        "training.batch_tokens": 300,
        "training.learning_rate": 0.01,
        "training.warmup_updates": 1,
        "training.threads": 1,
        "training.device": "cpu",
    }
    return Settings.load(None, flags=values | {key.replace("__", "."): value for key, value in overrides.items()})


@pytest.mark.parametrize("special", [START_IS_EOS, START_IS_PAD], ids=["start is eos", "start is pad"])
def test_a_model_with_languages_of_its_own_is_fine_tuned(tmp_path: Path, special: SpecialIds) -> None:
    base = save_foreign_bundle(tmp_path / "base", special=special, needed=True, max_length=120)
    train(recipe(tmp_path, base, data__cleaning__max_tokens=110), tmp_path / "run")
    before, after = load_bundle(base), load_bundle(tmp_path / "run")
    assert (after.directory / VOCABULARY_FILE).read_bytes() == (before.directory / VOCABULARY_FILE).read_bytes()
    assert after.tokenizer.special == special
    assert LANGUAGES_NEEDED not in after.metadata
    own = prefixes_for(after)
    assert own == prefixes_for(before, "en", "fr") == open_prepared(tmp_path / "prepared").prefixes("train")[0]
    assert len(own.tgt) == 2
    assert prefixes_for(after, "fr", "de") == prefixes_for(before, "fr", "de")  # what it knew it still knows
    found = Translator.load(tmp_path / "run", engine="torch", device="cpu", threads=1).translate(LINES)
    assert len(found) == len(LINES)


def test_pairs_too_long_beside_their_languages_are_refused(tmp_path: Path) -> None:
    base = save_foreign_bundle(tmp_path / "base", max_length=60)
    with pytest.raises(ConfigError, match=r"max_tokens \(59\) is too much beside 2 pieces .* lower it to 57"):
        train(recipe(tmp_path, base, data__cleaning__max_tokens=59), tmp_path / "run")


@pytest.mark.parametrize("special", [START_IS_EOS, START_IS_PAD], ids=["start is eos", "start is pad"])
def test_the_loss_counts_every_target_once(tmp_path: Path, special: SpecialIds) -> None:
    """By hand, pair by pair: the start may be the padding, but no target is lost by that, and no padding counted."""
    bundle = load_bundle(save_foreign_bundle(tmp_path / "base", special=special))
    model, tokenizer = bundle.build_model(), bundle.tokenizer
    prefix = prefixes_for(bundle, "en", "fr")
    src = [[*prefix.src, *ids[:9]] for ids in tokenizer.encode_src(LINES)]
    tgt = [[*prefix.tgt, *ids[: 4 + n]] for n, ids in enumerate(tokenizer.encode_tgt(LINES))]
    batch = collate(src, tgt, special)
    loss = CrossEntropy(pad_id=special.pad, smoothing=0.0)(model, batch)
    total = 0.0
    for source, target in zip(src, tgt, strict=True):
        given, predicted = torch.tensor([[special.start, *target]]), torch.tensor([*target, special.eos])
        logits = model.project(model(torch.tensor([[*source, special.eos]]), given))[0]
        total -= float(logits.detach().log_softmax(-1).gather(1, predicted[:, None]).sum())
    assert loss.nll.item() == pytest.approx(total, rel=1e-5)
    assert loss.n_tokens == sum(map(len, tgt)) + len(tgt)
