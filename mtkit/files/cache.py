"""Where mtkit keeps what it can make or download again."""

import os
from pathlib import Path


def cache_directory() -> Path | None:
    """``~/.cache/mtkit``, or where XDG_CACHE_HOME says; None where the user has no home directory."""
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(root) if root else Path.home() / ".cache") / "mtkit"
    except RuntimeError:
        return None
