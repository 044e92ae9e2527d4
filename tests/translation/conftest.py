from pathlib import Path

import pytest

from mtkit.translation.translator import Translator
from tests.translation.tiny import save_tiny_bundle


@pytest.fixture(scope="session")
def bundle_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that no test may change."""
    return save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model")


@pytest.fixture(scope="session")
def translator(bundle_directory: Path) -> Translator:
    return Translator.load(bundle_directory, device="cpu", threads=1)
