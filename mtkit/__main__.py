"""``mtkit`` and ``python -m mtkit``, from before anything is imported that takes time."""

import sys

from mtkit.machine.safe_path import leave_out_working_directory


def main() -> None:
    """Run the command line; a Ctrl-C while it is still being imported ends it as a later one does."""
    leave_out_working_directory()
    try:
        from mtkit.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("mtkit: stopped\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
