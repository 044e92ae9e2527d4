"""Speed and memory of reading TMX: mtkit against plain ``iterparse`` loops, on one generated file.

    python benchmarks/formats.py [--units N]

All take two languages out of every unit; the loops without mtkit's checks (languages by region, markup inside
segments, entities, sizes). Each reads in a process of its own. lxml is left out where it is not installed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

DATA = Path(__file__).parents[1] / "data"

_MTKIT = """
from mtkit.data.sources.formats.tmx import TmxSource
n = sum(len(chunk.src) for chunk in TmxSource("tmx", Path(sys.argv[1]), ("en", "de")).chunks())
"""

_LOOP = """
{library}
n = 0
for event, unit in iterparse(sys.argv[1], events=("start", "end")):
    if event == "start" and unit.tag == "body":
        body = unit
    elif event == "end" and unit.tag == "tu":
        segments = {{v.get("{{http://www.w3.org/XML/1998/namespace}}lang"): "".join(v.find("seg").itertext())
                    for v in unit.iterfind("tuv")}}
        n += "en" in segments and "de" in segments
        body.clear()
"""
_LIBRARIES = {
    "xml.etree": "from xml.etree.ElementTree import iterparse",
    "lxml": "from lxml.etree import iterparse",
}

_CHILD = """
import json, sys, time
from pathlib import Path
from mtkit.machine.memory import peak_memory
start = time.perf_counter()
{read}
print(json.dumps({{"pairs": n, "seconds": time.perf_counter() - start, "memory": peak_memory()}}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=200_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        small, large = (_write(Path(name) / f"{n}.tmx", n) for n in (arguments.units // 10, arguments.units))
        print(f"{large.stat().st_size / 1e6:.0f} MB, {arguments.units:,} units")
        readers = {"mtkit": _MTKIT}
        readers |= {f"{name} loop": _LOOP.format(library=line) for name, line in _LIBRARIES.items() if find_spec(name)}
        measured = {tool: (_measure(code, small), _measure(code, large)) for tool, code in readers.items()}
    for tool, (of_small, of_large) in measured.items():
        print(
            f"{tool:16s}{of_large['pairs'] / of_large['seconds']:10,.0f} pairs/s, peak memory "
            f"{of_large['memory'] / 1e6:.0f} MB (of a tenth of the file: {of_small['memory'] / 1e6:.0f} MB)"
        )
    for tool, (_, of_large) in measured.items():
        if tool != "mtkit":
            print(f"mtkit takes {measured['mtkit'][1]['seconds'] / of_large['seconds']:.2f} times as long as {tool}")


def _write(path: Path, n: int) -> Path:
    """A translation memory of the sample corpus, repeated."""
    sides = [(DATA / f"train.{lang}").read_text(encoding="utf-8").split("\n")[:-1] for lang in ("en", "de")]
    pairs = [tuple(map(escape, pair)) for pair in zip(*sides, strict=True)]
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4"><header srclang="en"/><body>\n')
        for i in range(n):
            src, tgt = pairs[i % len(pairs)]
            file.write(f'<tu tuid="{i}"><prop type="note">n</prop>\n<tuv xml:lang="en"><seg>{src}</seg></tuv>\n')
            file.write(f'<tuv xml:lang="de"><seg>{tgt}</seg></tuv>\n</tu>\n')
        file.write("</body></tmx>\n")
    return path


def _measure(read: str, path: Path) -> dict[str, float]:
    """Pairs, seconds and peak memory of one way to read."""
    command = [sys.executable, "-c", _CHILD.format(read=read), str(path)]
    measured: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return measured


if __name__ == "__main__":
    main()
