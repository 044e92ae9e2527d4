"""Where Python looks for modules: not in the working directory, where a file of the user's may have a library's name.

Nothing is imported here that is not there in every Python from its start: it would be looked for in that directory.
"""

import os
import sys


def leave_out_working_directory() -> None:
    """Take the working directory out of the path of this process and of every Python process that it will start.

    It stays where mtkit itself, or the standard library, is taken from there.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        here = os.getcwd()  # noqa: PTH109  # pathlib is a file that could lie there too
    except OSError:  # it was deleted
        here = ""
    package = _directory(_directory(__file__))
    own = (_directory(os.__file__), _directory(package))
    if here not in own:
        sys.path[:] = [place for place in sys.path if place and os.path.realpath(place) != os.path.realpath(here)]


def _directory(path: str) -> str:
    return os.path.dirname(os.path.realpath(path))  # noqa: PTH120
