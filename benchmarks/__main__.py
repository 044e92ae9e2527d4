"""``make bench``: the measurements that need nothing, with their defaults, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
BY_HAND = {"engines", "precision"}  # the one needs a trained model, the other most of an hour


def main() -> None:
    """Run them; the first that fails ends it."""
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        if path.stem not in BY_HAND:
            print(f"--- {path.stem}", flush=True)
            subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}"], check=True, cwd=FOLDER.parent)


if __name__ == "__main__":
    main()
