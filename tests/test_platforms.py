"""mtkit on systems that lack what Linux has; simulated, as the tests run on Linux."""

import subprocess
import sys

from tests.test_architecture import MODULES

# Other packages choose what they import by sys.platform, so they are loaded before the system becomes another one.
WITHOUT_POSIX = """
import importlib, os, signal, sys
for name in "ctranslate2 datasets matplotlib.pyplot sacrebleu safetensors.torch sentencepiece torch typer yaml".split():
    importlib.import_module(name)
import filelock, multiprocessing.pool, concurrent.futures.process
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
posix = "O_DIRECTORY O_NONBLOCK chown geteuid mkfifo sched_getaffinity uname".split()
for name in posix:
    delattr(os, name)
for name in ("SIGHUP", "SIGQUIT", "pthread_sigmask"):
    delattr(signal, name)
for name in sys.argv[1:]:
    importlib.import_module(name)
from mtkit.machine.memory import free_memory, peak_memory
from mtkit.machine.signals import ending_signals
from mtkit.machine.threads import available_cores
assert [number.name for number in ending_signals()] == ["SIGINT", "SIGTERM"]
assert available_cores() == (os.cpu_count() or 1)
assert peak_memory() == 0
"""


def test_every_module_can_be_imported_where_there_is_no_posix() -> None:
    modules = sorted(MODULES.keys() - {"mtkit.__main__"})
    done = subprocess.run([sys.executable, "-c", WITHOUT_POSIX, *modules], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
