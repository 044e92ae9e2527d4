"""How long ``--help`` takes, of mtkit and of each of its commands, over a bare Python start in the same spell of time.

python benchmarks/startup.py [--runs N]

Every run starts all of them in turn. The figures are medians, with the spread behind them; what counts is the last
column, and of that 0.15 s is the most that mtkit allows itself.
"""

import argparse
import statistics
import subprocess
import sys
import time

from mtkit.cli import app

MODULE = [sys.executable, "-m", "mtkit"]
STARTS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import typer": [sys.executable, "-c", "import typer"],
    "mtkit --version": [*MODULE, "--version"],
    "mtkit --help": [*MODULE, "--help"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    names = [command.callback.__name__ for command in app.registered_commands if command.callback is not None]
    starts = STARTS | {f"mtkit {name} --help": [*MODULE, name, "--help"] for name in names}
    seconds: dict[str, list[float]] = {start: [] for start in starts}
    for _ in range(runs + 1):
        for start, command in starts.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[start].append(time.perf_counter() - began)
    counted = {start: measured[1:] for start, measured in seconds.items()}  # the first run fills the file cache
    bare = statistics.median(counted["python -c pass"])
    print(f"{'':<23}  {'median':>7}   {'spread':<14}  over bare Python")
    for start, measured in counted.items():
        median = statistics.median(measured)
        print(f"{start:<23}  {median:.3f} s   {min(measured):.3f} to {max(measured):.3f}  {median - bare:+.3f} s")


if __name__ == "__main__":
    main()
