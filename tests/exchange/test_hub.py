"""Names on the Hugging Face hub, without a network: what is asked for, and what each refusal of the hub means."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import errors

from mtkit.errors import CheckpointError, DataError, MtkitError
from mtkit.exchange.hub import locate


def hub(monkeypatch: pytest.MonkeyPatch, fetch: Callable[..., Any]) -> None:
    """Let a function stand for the hub."""
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)


@pytest.mark.parametrize(
    ("there", "fetched"),
    [
        (["model.safetensors", "pytorch_model.bin"], 2),
        (["model.safetensors.index.json"], 2),
        (["pytorch_model.bin", "tf_model.h5"], 3),
    ],
)
def test_one_kind_of_weights_is_fetched(
    there: list[str], fetched: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "snapshots" / ("c0ffee" * 6)
    snapshot.mkdir(parents=True)
    asked: list[tuple[str | None, list[str]]] = []

    def fetch(name: str, *, revision: str | None, allow_patterns: list[str], ignore_patterns: list[str]) -> str:
        assert name == "Helsinki-NLP/opus-mt-en-de"
        assert ignore_patterns == ["*/*"]
        asked.append((revision, allow_patterns))
        for file in there:
            if file in allow_patterns:
                (snapshot / file).touch()
        return str(snapshot)

    hub(monkeypatch, fetch)
    place = locate("Helsinki-NLP/opus-mt-en-de", "main")
    assert (place.directory, place.name, place.revision) == (snapshot, "Helsinki-NLP/opus-mt-en-de", snapshot.name)
    assert len(asked) == fetched
    assert [revision for revision, _ in asked] == ["main", *[snapshot.name] * (fetched - 1)]
    assert not any("*" in pattern for _, patterns in asked[1:] for pattern in patterns if pattern in ("*", "*.bin"))


def _answer(kind: type[Exception]) -> Exception:
    error = kind.__new__(kind)
    Exception.__init__(error, "the hub says so\nat length")
    return error


@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [
        (errors.GatedRepoError, CheckpointError, "gated: accept its terms at https://huggingface.co/a/b"),
        (errors.RepositoryNotFoundError, CheckpointError, "no such model on the Hugging Face hub"),
        (errors.RevisionNotFoundError, CheckpointError, "has no revision v9"),
        (errors.HFValidationError, CheckpointError, "no such model on the Hugging Face hub"),
        (errors.LocalEntryNotFoundError, DataError, "the Hugging Face hub cannot be reached"),
        (errors.HfHubHTTPError, DataError, "answers with an error"),
    ],
)
def test_refusals_are_one_line(
    kind: type[Exception], expected: type[MtkitError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(_: str, **__: object) -> str:
        raise _answer(kind)

    hub(monkeypatch, fetch)
    with pytest.raises(expected) as raised:
        locate("a/b", "v9")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(_: str, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    hub(monkeypatch, fetch)
    with pytest.raises(DataError, match="No space left on device"):
        locate("a/b")


def test_a_directory_is_not_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, **_: object) -> str:
        raise AssertionError(name)

    hub(monkeypatch, fetch)
    (tmp_path / "model").mkdir()
    assert locate(str(tmp_path / "model")).name == "model"
    with pytest.raises(CheckpointError, match="has no revisions"):
        locate(str(tmp_path / "model"), "main")
    (tmp_path / "file").touch()
    for source in (tmp_path / "file", tmp_path / "none" / "there", "a b/c", "", "../x/y"):
        with pytest.raises(CheckpointError):
            locate(str(source))


def test_without_a_network_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # the library itself, told to stay offline, with an empty cache
    real = huggingface_hub.snapshot_download
    hub(monkeypatch, lambda name, **options: real(name, cache_dir=tmp_path, local_files_only=True, **options))
    with pytest.raises(DataError, match="hf download Helsinki-NLP/opus-mt-en-de"):
        locate("Helsinki-NLP/opus-mt-en-de")
