"""Where the files of a model are: a directory, or the Hugging Face hub, from which they are fetched once."""

import re
from dataclasses import dataclass
from pathlib import Path

from mtkit.errors import CheckpointError, DataError, reason
from mtkit.log import logger

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_FEW = ["*.json", "*.spm", "*.model", "*.txt", "README.md", "LICENSE*", "*.yml"]
"""All that tells what a model is; small next to its weights."""

_WEIGHTS = (
    ["model.safetensors", "model.safetensors.index.json", "model-*.safetensors"],
    ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*.bin"],
)
"""Each way to have the weights; the first that a model has is fetched."""


@dataclass(frozen=True)
class Place:
    """Where the files of a model lie."""

    directory: Path

    name: str
    """What the model is called: its name on the hub, or that of its directory."""

    revision: str | None = None
    """Commit on the hub."""


def locate(source: str, revision: str | None = None) -> Place:
    """The directory of a model; what is not on disk is fetched from the hub into its cache.

    Args:
        source: A directory, or a name on the hub such as ``Helsinki-NLP/opus-mt-en-de``.
        revision: Branch, tag or commit on the hub.

    Raises:
        CheckpointError: If nothing of that name is here or there, or it may not be fetched.
        DataError: If there is no network.
    """
    path = Path(source)
    if source and path.is_dir():
        if revision is not None:
            raise CheckpointError(f"{source}: a directory, which has no revisions; leave out --revision")
        return Place(path, path.resolve().name)
    if path.exists() or not _NAME.fullmatch(source):
        what = "not a directory" if path.exists() else "no such directory"
        raise CheckpointError(
            f"{source}: {what}; give the directory of a model, or a name on the Hugging Face hub such as "
            "Helsinki-NLP/opus-mt-en-de"
        )
    return _fetched(source, revision)


def _fetched(name: str, revision: str | None) -> Place:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def fetch(patterns: list[str], commit: str | None) -> Path:
        return Path(snapshot_download(name, revision=commit, allow_patterns=patterns, ignore_patterns=["*/*"]))

    logger.info("looking for %s on the Hugging Face hub", name)
    try:
        directory = fetch(_FEW, revision)
        for patterns in _WEIGHTS:
            fetch(patterns, directory.name)
            if any((directory / pattern).exists() for pattern in patterns[:2]):
                break
    except GatedRepoError:
        raise CheckpointError(
            f"{name}: gated: accept its terms at https://huggingface.co/{name}, then log in with hf auth login or set "
            "HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise CheckpointError(f"{name}: has no revision {revision} on the Hugging Face hub") from None
    except (RepositoryNotFoundError, HFValidationError):
        raise CheckpointError(
            f"{name}: no such directory, and no such model on the Hugging Face hub, or a private one: check the name, "
            "or set HF_TOKEN"
        ) from None
    except LocalEntryNotFoundError:
        raise DataError(
            f"{name}: no such directory, and the Hugging Face hub cannot be reached; fetch it where there is a network "
            f"(hf download {name}) and give its directory"
        ) from None
    except HfHubHTTPError as error:
        told = str(error).partition("\n")[0]
        raise DataError(f"{name}: the Hugging Face hub answers with an error: {told}") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be fetched: {reason(error)}") from None
    return Place(directory, name, directory.name)
