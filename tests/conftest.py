"""What tests of several rooms share: real corpora where they are, and a toy task that is learnt in seconds."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtkit.settings.resolve import Settings
from mtkit.translation.translator import Translator
from tests.tiny import save_tiny_bundle

TEST_DATA = Path(os.environ.get("MTKIT_TEST_DATA", Path(__file__).parents[1].parent / "shared" / "data"))


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _processor() -> Iterator[None]:
    """Whether the processor multiplies in bf16, where MTKIT_TEST_BF16 says so (yes or no) and not the processor."""
    said = os.environ.get("MTKIT_TEST_BF16")
    if said is None:
        yield
        return
    import torch

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            patch.setattr(torch.cpu, name, lambda: said == "yes")
        yield


@pytest.fixture(scope="session", autouse=True)
def _signals_work() -> None:
    """A shell lets what it starts in the background ignore SIGINT and SIGQUIT, and nohup SIGHUP.

    Every process that a test starts would ignore them too. A handler that does nothing still does not pass to those.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else lambda *_: None
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def _paths_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line does to the path of modules, for itself and its children, ends with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONSAFEPATH", os.environ.get("PYTHONSAFEPATH", ""))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real corpora; tests that ask for it are skipped where it is absent."""
    if not TEST_DATA.is_dir():
        pytest.skip(f"no real corpora in {TEST_DATA}; MTKIT_TEST_DATA names their folder")
    return TEST_DATA


@dataclass(frozen=True)
class ToyTask:
    """Strings of digits, to be translated into letters and reversed: nothing but attention solves it."""

    directory: Path

    def recipe(self, **overrides: object) -> Settings:
        """Settings of a model that learns the task within ``max_updates``; dotted keys override."""
        values: dict[str, object] = {
            "name": "toy",
            "data.src_lang": "num",
            "data.tgt_lang": "abc",
            "data.prepared": str(self.directory / "prepared"),
            "data.cleaning.max_tokens": 30,
            "tokenizer.type": "word",
            "tokenizer.vocab_size": 24,
            "model.d_model": 32,
            "model.n_heads": 2,
            "model.d_ff": 64,
            "model.n_encoder_layers": 2,
            "model.n_decoder_layers": 2,
            "model.dropout": 0.1,
            "model.max_length": 40,
            "training.batch_tokens": 200,
            "training.max_updates": 12,
            "training.learning_rate": 5.0e-3,
            "training.warmup_updates": 50,
            "training.schedule": "constant",
            "training.validate_every": 6,
            "training.save_every": 3,
            "training.keep_last": 4,
            "training.report_every": 3,
            "training.n_samples": 1,
            "training.threads": 1,
            "training.device": "cpu",
        }
        for split in ("train", "valid", "test"):
            files = {"src": str(self.directory / f"{split}.num"), "tgt": str(self.directory / f"{split}.abc")}
            values[f"data.{split}"] = [files]
        values |= {key.replace("__", "."): value for key, value in overrides.items()}
        return Settings.load(None, flags=values)


@pytest.fixture(scope="session")
def toy_task(tmp_path_factory: pytest.TempPathFactory) -> ToyTask:
    """The task's corpus: 600 training pairs, 20 for validation, 20 for the test, all different."""
    directory = tmp_path_factory.mktemp("toy")
    draw = random.Random(1)
    strings = sorted({" ".join(draw.choices("0123456789", k=draw.randint(2, 6))) for _ in range(900)})
    draw.shuffle(strings)
    letters = str.maketrans("0123456789", "abcdefghij")
    for split, lines in (("train", strings[:600]), ("valid", strings[600:620]), ("test", strings[620:640])):
        (directory / f"{split}.num").write_text("".join(f"{line}\n" for line in lines))
        (directory / f"{split}.abc").write_text("".join(f"{line[::-1].translate(letters)}\n" for line in lines))
    return ToyTask(directory)


@pytest.fixture(scope="session")
def bundle_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that no test may change."""
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture(scope="session")
def translator(bundle_directory: Path) -> Translator:
    return Translator.load(bundle_directory, device="cpu", threads=1)
