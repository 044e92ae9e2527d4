"""How long ``mtkit --help`` takes, against ``python -c "import typer"`` in turn: what Python and Typer cost alone.

python benchmarks/startup.py [--runs N]
"""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "import typer": [sys.executable, "-c", "import typer"],
    "mtkit --help": [sys.executable, "-m", "mtkit", "--help"],
    "mtkit train --help": [sys.executable, "-m", "mtkit", "train", "--help"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    bare = statistics.median(seconds["import typer"][1:])
    for name, measured in seconds.items():
        counted = measured[1:]  # the first run fills the file cache
        median = statistics.median(counted)
        spread = f"{min(counted):.3f} to {max(counted):.3f}"
        print(f"{name:<19} {median:.3f} s ({spread})  {median - bare:+.3f} s against import typer")


if __name__ == "__main__":
    main()
