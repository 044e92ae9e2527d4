"""Find out, before any work is done for it, whether an output directory can be made and written."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from mtkit.errors import ConfigError, DataError, reason

_TRIAL = ".mtkit-"


def check_output_directory(directory: Path) -> None:
    """Refuse a directory that cannot be made or written; nothing is left behind.

    Args:
        directory: As it was given with -o; it need not exist.

    Raises:
        ConfigError: If something else is there.
        DataError: If it cannot be made or written, naming it and why not.
    """
    # lexists, so that a link into nowhere is not taken for a name that is free
    if os.path.lexists(directory) and not directory.is_dir():
        raise ConfigError(f"{directory}: not a directory; choose another -o")
    nearest = directory.absolute()
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    for left in nearest.glob(f"{_TRIAL}*"):
        _remove_if_empty(left)
    try:
        # Tried, not asked for: permissions alone do not say it of file systems that are read-only or not real.
        _remove_if_empty(Path(tempfile.mkdtemp(dir=nearest, prefix=_TRIAL)))
    except OSError as error:
        raise DataError(f"{directory}: cannot write there: {reason(error)}") from None


def _remove_if_empty(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()


def check_replaceable(directory: Path) -> None:
    """Refuse what is replaced as a whole where that is the working directory, or one around it.

    Raises:
        ConfigError: Naming it.
    """
    if Path.cwd().is_relative_to(directory.resolve()):
        raise ConfigError(
            f"{directory}: is the current directory and would be replaced; choose another -o, such as "
            f"{directory / 'out'}"
        )
