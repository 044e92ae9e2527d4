"""What the comparisons with other programs share: trained models, so that a search has something to decide."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.version import __version__
from tests.oracles.trained import trained

ROOT = Path(__file__).parents[2]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Everything here has the mark; what the other programs warn of is their own affair."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("oracle")
            item.add_marker(pytest.mark.filterwarnings("default"))


def trained_here(config: pytest.Config, name: str, **overrides: object) -> Path:
    """The bundle of a small model of the sample corpus, trained in about a minute and kept in pytest's cache.

    Args:
        config: Of the session.
        name: Of the model; another one for other overrides.
        overrides: Settings, with __ for the dot.
    """
    cache = config.cache
    assert cache is not None
    directory = cache.mkdir(f"oracles-{__version__}")
    data = ROOT / "data"
    values: dict[str, object] = {
        "name": name,
        "data.src_lang": "en",
        "data.tgt_lang": "de",
        "data.train": [{"src": str(data / "train.en"), "tgt": str(data / "train.de"), "limit": 3000}],
        "data.valid": [{"src": str(data / "valid.en"), "tgt": str(data / "valid.de"), "limit": 20}],
        "data.prepared": str(directory / "prepared"),
        "data.cleaning.max_tokens": 60,
        "tokenizer.vocab_size": 500,
        "model.d_model": 64,
        "model.n_heads": 4,
        "model.d_ff": 128,
        "model.n_encoder_layers": 2,
        "model.n_decoder_layers": 2,
        "model.dropout": 0.0,
        "model.max_length": 64,
        "training.batch_tokens": 1000,
        "training.max_updates": 300,
        "training.learning_rate": 6.0e-3,
        "training.warmup_updates": 80,
        "training.schedule": "linear",
        "training.validate_every": 300,
        "training.save_every": 300,
        "training.device": "cpu",
        "training.threads": 1,
    }
    values |= {key.replace("__", "."): value for key, value in overrides.items()}
    run = train(Settings.load(None, flags=values), directory / name)
    return run.directory / "model"


@pytest.fixture(scope="session")
def pre_norm(pytestconfig: pytest.Config) -> Path:
    """A trained Transformer as mtkit makes them."""
    return trained_here(pytestconfig, "pre-norm")


@pytest.fixture(scope="session")
def post_norm(pytestconfig: pytest.Config) -> Path:
    """A trained post-norm Transformer."""
    return trained_here(pytestconfig, "post-norm", model__norm="post", training__learning_rate=2.0e-3)


@pytest.fixture(scope="session")
def sample_lines() -> list[str]:
    """English sentences that no model was trained on."""
    return (ROOT / "data" / "test.en").read_text(encoding="utf-8").splitlines()[:60]


@pytest.fixture(scope="session")
def trained_foreign(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """By its kind (a key of ``MAKERS``): a trained model in the layout of transformers, kept in pytest's cache."""
    cache = pytestconfig.cache
    assert cache is not None
    directory = cache.mkdir("oracles-foreign")
    return lambda kind: trained(kind, directory / kind)
