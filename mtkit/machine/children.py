"""Python processes that run a module of this mtkit."""

import os
import sys
from pathlib import Path


def environment_of_child() -> dict[str, str]:
    """The environment in which ``python -m mtkit...`` finds the same mtkit, and the same libraries, as this process."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([*(() if root in sys.path else [root]), *filter(None, sys.path)])
    return os.environ | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
