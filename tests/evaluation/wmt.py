"""Real outputs of WMT systems, where they are there."""

import gzip
from pathlib import Path

WMT17 = "wmt17-systems-en-de"


def read(path: Path) -> list[str]:
    """The lines of a packed file."""
    return gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n")


def system_path(corpora: Path, system: str) -> Path:
    """The output of a system at newstest2017."""
    (path,) = (corpora / WMT17).glob(f"newstest2017.{system}.*.gz")
    return path


def wmt17_systems(corpora: Path) -> list[str]:
    """Names of all systems."""
    paths = sorted((corpora / WMT17).glob("newstest2017.*.en-de.txt.gz"))
    return [path.name.split(".")[1] for path in paths]
