"""A look as a picture: how probable each piece was, and what the layer that aligns looked at, head by head."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtkit.errors import ConfigError, DataError
from mtkit.inspection.look import Heads, Look
from mtkit.log import logger

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 4  # of small maps
_CELL = 0.32  # inches of a piece in the large map
_DPI = 150
_LETTERS = 12  # of the title, per inch


def draw(look: Look, path: Path) -> None:
    """Write a picture in the format that the ending of ``path`` names.

    Raises:
        ConfigError: If matplotlib is not installed.
        DataError: If the file cannot be written.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            'a picture needs matplotlib: pip install "mtkit[report]"; or write a page: -o page.html'
        ) from None
    layer = [one for one in look.attention if one.part == "cross"][look.alignment_layer - 1]
    predicted = [position.token for position in look.shown.positions]
    heads = len(layer.weights) if len(layer.weights) > 1 else 0  # of one head the large map has all
    n_rows = -(-heads // _COLUMNS)
    width = max(_CELL * max(len(look.src_tokens), len(predicted)) + 3, 7)
    heights = [1.6, _CELL * len(predicted) + 1.2, *[_CELL * len(predicted) / 2 + 0.7] * n_rows]
    with rc_context(_settings(_characters(look))), _in_one_line():
        figure = Figure(figsize=(width, sum(heights) + 1), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        lines = [textwrap.fill(text, int(width * _LETTERS)) for text in (look.source, look.shown.text)]
        figure.suptitle("\n".join(lines), fontsize=10)
        grid = figure.add_gridspec(len(heights), _COLUMNS, height_ratios=heights)
        _bars(figure.add_subplot(grid[0, :]), look)
        mean = _mean(layer)
        title = f"cross-attention of layer {layer.layer}, mean of the heads"
        _map(figure.add_subplot(grid[1, :]), mean, predicted, look.src_tokens, title)
        for head in range(heads):
            axes = figure.add_subplot(grid[2 + head // _COLUMNS, head % _COLUMNS])
            _map(axes, layer.weights[head], [], [], f"head {head + 1}")
        try:
            figure.savefig(path)
        except OSError as error:
            raise DataError(f"{path}: cannot write: {error.strerror or error}") from None


def _bars(axes: "Axes", look: Look) -> None:
    """The probability of each piece, and of the best other one."""
    positions = look.shown.positions
    others = [max((a.log_prob for a in p.alternatives if a.token != p.token), default=-math.inf) for p in positions]
    places = range(len(positions))
    axes.bar(places, [math.exp(p.log_prob) for p in positions], color="#1c5bb8", label="this piece")
    axes.bar(places, [math.exp(other) for other in others], color="#d66e00", width=0.3, label="best other one")
    axes.set_xticks(list(places), [p.token for p in positions], rotation=60, ha="right", fontsize=8)
    axes.set_ylim(0, 1)
    axes.set_title("probability", fontsize=8)
    axes.legend(fontsize=7, loc="upper right", bbox_to_anchor=(1, 1.3), ncols=2, frameon=False)


def _map(axes: "Axes", weights: list[list[float]], queries: Sequence[str], keys: Sequence[str], title: str) -> None:
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="equal" if keys else "auto")
    axes.set_title(title, fontsize=8)
    axes.set_xticks(range(len(keys)), list(keys), rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(queries)), list(queries), fontsize=8)


def _mean(layer: Heads) -> list[list[float]]:
    return [
        [sum(column) / len(column) for column in zip(*rows, strict=True)] for rows in zip(*layer.weights, strict=True)
    ]


def _characters(look: Look) -> set[str]:
    shown = [look.source, look.shown.text, *look.src_tokens, *(position.token for position in look.shown.positions)]
    return {character for text in shown for character in text if not character.isspace()}


def _settings(characters: set[str]) -> dict[Any, Any]:
    """Font families that have the characters between them; says so where this machine has none for some."""
    from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

    families = ["DejaVu Sans"]  # comes with matplotlib
    missing = _missing(get_font(findfont(FontProperties(family=families))), characters)
    # What is installed now: matplotlib's own list may be older. Upright sans-serif fonts first.
    for path in sorted(findSystemFonts(), key=lambda p: ("Sans" not in p, "Regular" not in p, p)) if missing else []:
        try:
            font = get_font(path)
        except (OSError, RuntimeError):  # a font that this matplotlib cannot read
            continue
        if _missing(font, missing) != missing:
            fontManager.addfont(path)
            families.append(font.family_name)
            missing = _missing(font, missing)
        if not missing:
            break
    if missing:
        named = " ".join(sorted(missing)[:12])
        logger.warning(
            "no font on this machine has: %s; they are drawn as boxes. Install one, such as Noto Sans CJK, or write a "
            "page: -o page.html",
            named,
        )
    return {"font.family": families, "text.usetex": False, "text.parse_math": False}


def _missing(font: Any, characters: set[str]) -> set[str]:
    covered = font.get_charmap()
    return {character for character in characters if ord(character) not in covered}


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Without matplotlib's warning for each missing character: they have been named."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
