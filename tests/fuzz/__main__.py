"""``python -m tests.fuzz``: damage files for a while, and fail if mtkit does not take it as it should."""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import FAULTS, Found, fuzz, prepare_process


def main() -> int:
    """Run and print a table; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long; default 120")
    parser.add_argument("--seed", type=int, default=1, help="another seed damages otherwise; default 1")
    parser.add_argument("--trials", type=int, help="stop after so many, even if there is time")
    parser.add_argument("--kind", action="append", help=f"one of {', '.join(kind.name for kind in KINDS)}; repeat it")
    parser.add_argument("--show", type=int, default=20, help="how many of what was found are shown; default 20")
    options = parser.parse_args()
    if unknown := set(options.kind or ()) - {kind.name for kind in KINDS}:
        parser.error(f"no such kind: {', '.join(unknown)}")
    kinds = [kind for kind in KINDS if not options.kind or kind.name in options.kind]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mtkit-fuzz-") as name:
        os.environ["XDG_CACHE_HOME"] = str(Path(name) / "cache")
        prepare_process()
        found: list[Found] = []
        n_shown = 0
        for trial in fuzz(kinds, Path(name), options.seed, seconds=options.seconds, trials=options.trials):
            found.append(trial)
            if trial.fault and n_shown < options.show:
                n_shown += 1
                _show(trial)
    _print_table(found, time.monotonic() - started)
    return int(any(trial.fault for trial in found))


def _show(trial: Found) -> None:
    sys.stdout.write(f"{trial.fault}: {trial.kind}, trial {trial.number}: {trial.file}: {trial.done}\n")
    sys.stdout.write("".join(f"    {line[:220]}\n" for line in trial.output.splitlines()[-12:]))
    sys.stdout.flush()


def _print_table(found: list[Found], seconds: float) -> None:
    say = sys.stdout.write
    say(f"{'kind':18}{'trials':>8}{'refused':>9}" + "".join(f"{fault:>11}" for fault in FAULTS) + "\n")
    for kind in dict.fromkeys(trial.kind for trial in found):
        of_kind = [trial for trial in found if trial.kind == kind]
        faults = Counter(trial.fault for trial in of_kind)
        n_refused = sum(trial.code != 0 for trial in of_kind)
        say(f"{kind:18}{len(of_kind):8}{n_refused:9}" + "".join(f"{faults[fault]:11}" for fault in FAULTS) + "\n")
    codes = Counter(trial.code for trial in found)
    say(f"exit codes: {', '.join(f'{code}: {n}' for code, n in sorted(codes.items()))}\n")
    n_faulty = sum(trial.fault is not None for trial in found)
    say(f"{len(found)} trials in {seconds:.0f} s, {n_faulty} not as they should be\n")


if __name__ == "__main__":
    sys.exit(main())
