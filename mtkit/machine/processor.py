"""The processor by name, without torch: translating with CTranslate2 asks for it too."""

import platform
from functools import cache
from pathlib import Path


def cpu_name() -> str:
    """The processor as its maker calls it."""
    return _first_core().get("model name") or platform.processor() or platform.machine()


def cpu_kind() -> str:
    """``AMD EPYC (family 26, model 2)``: what two machines of the same speed per core have in common.

    The name alone may stand for several generations, as virtual machines give it.
    """
    core = _first_core()
    generation = [
        f"{short} {core[key]}" for short, key in (("family", "cpu family"), ("model", "model")) if key in core
    ]
    return f"{cpu_name()} ({', '.join(generation)})" if generation else cpu_name()


@cache
def _first_core() -> dict[str, str]:
    """What Linux says of the first core; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    rows = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in rows}
