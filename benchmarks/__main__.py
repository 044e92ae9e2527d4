"""``make bench``: every measurement with its defaults, one after the other, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    """Run them all; the first that fails ends it."""
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        print(f"--- {path.stem}", flush=True)
        subprocess.run([sys.executable, str(path)], check=True)


if __name__ == "__main__":
    main()
