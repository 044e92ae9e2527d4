"""Small corpora on disk."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mtkit.data.sources.pairs import Source
from mtkit.data.sources.sources import open_sources
from mtkit.settings.data import DataConfig

WriteLines = Callable[[str, Sequence[str]], str]
ToyData = Callable[..., DataConfig]

TOY = [(f"{n} apples and {n + 1} pears", f"{n} Äpfel und {n + 1} Birnen") for n in range(200)]


def pairs_of(source: Source) -> list[tuple[str, str]]:
    return [pair for src, tgt, _ in source.chunks() for pair in zip(src, tgt, strict=True)]


def source_of(given: object, *, src_lang: str = "en", tgt_lang: str = "de") -> Source:
    """The training source that a recipe names."""
    data = {"src_lang": src_lang, "tgt_lang": tgt_lang, "train": [given], "valid": [given]}
    return open_sources(DataConfig.model_validate(data))["train"][0]


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteLines:
    """Writes lines to a file of a name and returns its path."""

    def write(name: str, lines: Sequence[str]) -> str:
        path = tmp_path / name
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())
        return str(path)

    return write


@pytest.fixture
def toy_data(write_lines: WriteLines) -> ToyData:
    """Makes the data section of a recipe: 200 training pairs unless others are given, two for validation."""

    def make(train_pairs: Sequence[tuple[str, str]] = TOY, **changes: object) -> DataConfig:
        valid = [("3 apples", "3 Äpfel"), ("", "leer")]
        files = {
            f"{split}.{language}": write_lines(f"{split}.{language}", [pair[side] for pair in pairs])
            for split, pairs in (("train", train_pairs), ("valid", valid))
            for side, language in enumerate(("en", "de"))
        }
        return DataConfig.model_validate(
            {
                "src_lang": "en",
                "tgt_lang": "de",
                "train": {"src": files["train.en"], "tgt": files["train.de"]},
                "valid": {"src": files["valid.en"], "tgt": files["valid.de"]},
            }
            | changes
        )

    return make
