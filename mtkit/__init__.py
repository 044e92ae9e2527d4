"""mtkit: train, run and measure neural machine translation models.

``import mtkit`` costs nothing: the public names below are imported when they are first used. Not even the standard
library is imported before that: ``python -m mtkit`` would take it from the working directory.
"""

from mtkit.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtkit.translation.translation import Translation
    from mtkit.translation.translator import Translator

__all__ = ["Translation", "Translator", "__version__"]

_HOME = {"Translator": "mtkit.translation.translator", "Translation": "mtkit.translation.translation"}


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'mtkit' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOME[name]), name)
    return found
