"""``python -m mtkit``, which has put the working directory on the path."""

from mtkit.machine.safe_path import leave_out_working_directory

leave_out_working_directory()

from mtkit.cli import main  # noqa: E402  # only now

if __name__ == "__main__":
    main()
