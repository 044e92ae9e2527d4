"""A look as a picture: how probable each piece was, and what the layer that aligns looked at, head by head."""

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtkit.errors import ConfigError, DataError
from mtkit.files.outputs import write_output
from mtkit.inspection.look import Look, Position
from mtkit.inspection.words import Word, spelt
from mtkit.log import logger

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_COLUMNS = 4  # of small maps
_MOST = 80  # pieces of a side
_CELL = 0.32  # inches of a piece in the large map, less where there are more than _WIDEST holds
_WIDEST = 16.0  # inches of the large map
_TALLEST = 3.0  # inches of a small map
_DPI = 150
_LETTERS = 12  # of the title, per inch
_MAX_LINES = 4  # of the title, for source and translation each
_MAX_LABEL = 20  # letters


def draw(look: Look, path: Path) -> None:
    """Write a picture in the format that the ending of ``path`` names.

    Raises:
        ConfigError: If matplotlib is not installed.
        DataError: If the sentence is too long for a picture, or the file cannot be written.
    """
    keys, queries = spelt(look.src_tokens), spelt([position.token for position in look.shown.positions])
    most = max(len(keys), len(queries))
    if most > _MOST:
        raise DataError(
            f"line {look.number}: {len(keys)} pieces of source and {len(queries)} of translation are too many for a "
            f"picture, which holds {_MOST} of each: write a page, with -o page.html"
        )
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            'a picture needs matplotlib: pip install "mtkit[report]"; or write a page: -o page.html'
        ) from None
    layer = [one for one in look.attention if one.part == "cross"][look.alignment_layer - 1]
    maps = [_grouped(weights, queries, keys) for weights in layer.weights]
    labels = [_label(unit.text) for unit in queries], [_label(unit.text) for unit in keys]
    heads = len(layer.weights) if len(layer.weights) > 1 else 0  # of one head the large map has all
    n_rows = -(-heads // _COLUMNS)
    cell = min(_CELL, _WIDEST / most)
    width = max(cell * most + 3, 7)
    heights = [1.6, cell * len(queries) + 1.2, *[min(cell * len(queries) / 2, _TALLEST) + 0.7] * n_rows]
    with rc_context(_settings(_characters(look))), _in_one_line():
        figure = Figure(figsize=(width, sum(heights) + 1), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        lines = [
            textwrap.fill(text, int(width * _LETTERS), max_lines=_MAX_LINES, placeholder=" …")
            for text in (look.source, look.shown.text)
        ]
        figure.suptitle("\n".join(lines), fontsize=10)
        grid = figure.add_gridspec(len(heights), _COLUMNS, height_ratios=heights)
        _bars(figure.add_subplot(grid[0, :]), look.shown.positions, queries)
        title = f"cross-attention of layer {layer.layer}" + (", mean of the heads" if heads else "")
        _large_map(figure, figure.add_subplot(grid[1, :]), _mean(maps), *labels, title)
        for head in range(heads):
            axes = figure.add_subplot(grid[2 + head // _COLUMNS, head % _COLUMNS])
            _map(axes, maps[head], [], [], f"head {head + 1}")
        drawn = io.BytesIO()
        figure.savefig(drawn, format=path.suffix.lower().removeprefix("."))
    write_output(path, [drawn.getvalue()])


def _bars(axes: "Axes", positions: Sequence[Position], units: Sequence[Word]) -> None:
    """The probability of each piece, and of the best other one."""
    chances = [_chances(positions[unit.first : unit.first + unit.n_pieces]) for unit in units]
    places = range(len(units))
    axes.bar(places, [own for own, _ in chances], color="#1c5bb8", label="this piece")
    axes.bar(places, [other for _, other in chances], color="#d66e00", width=0.3, label="best other one")
    axes.set_xticks(list(places), [_label(unit.text) for unit in units], rotation=60, ha="right", fontsize=8)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0.0", "0.5", "1.0"], fontsize=8)
    axes.set_xlabel("translation", fontsize=8)
    axes.set_title("probability", fontsize=8)
    axes.legend(fontsize=7, loc="upper right", bbox_to_anchor=(1, 1.3), ncols=2, frameon=False)


def _chances(positions: Sequence[Position]) -> tuple[float, float]:
    """The probability of pieces in a row, and of what would most probably have left them at one of them."""
    log_prob, best_other = 0.0, -math.inf
    for position in positions:
        others = (log_prob + guess.log_prob for guess in position.alternatives if guess.token != position.token)
        best_other = max([best_other, *others])
        log_prob += position.log_prob
    return math.exp(log_prob), math.exp(best_other)


def _grouped(weights: list[list[float]], queries: Sequence[Word], keys: Sequence[Word]) -> list[list[float]]:
    """Weights by word: the sum over its pieces as keys, the mean over its pieces as queries."""
    by_key = [[sum(row[key.first : key.first + key.n_pieces]) for key in keys] for row in weights]
    rows = (by_key[query.first : query.first + query.n_pieces] for query in queries)
    return [[sum(column) / len(group) for column in zip(*group, strict=True)] for group in rows]


def _label(text: str) -> str:
    return text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 1] + "…"


def _map(
    axes: "Axes", weights: list[list[float]], queries: Sequence[str], keys: Sequence[str], title: str
) -> "AxesImage":
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="equal" if keys else "auto")
    axes.set_title(title, fontsize=8)
    axes.set_xticks(range(len(keys)), list(keys), rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(queries)), list(queries), fontsize=8)
    return image


def _large_map(
    figure: "Figure", axes: "Axes", weights: list[list[float]], queries: list[str], keys: list[str], title: str
) -> None:
    """A map that says what its axes and its colours are."""
    image = _map(axes, weights, queries, keys, title)
    axes.set_xlabel("source", fontsize=8)
    axes.set_ylabel("translation", fontsize=8)
    width, height = 0.5 / len(keys), min(5 / len(queries), 1)  # half a cell, and five
    scale = figure.colorbar(image, cax=axes.inset_axes((1 + 2 * width, 0, width, height)), ticks=[0, 0.5, 1])
    scale.set_label("attention", fontsize=8)
    scale.ax.tick_params(labelsize=8)


def _mean(maps: Sequence[list[list[float]]]) -> list[list[float]]:
    return [[sum(column) / len(column) for column in zip(*rows, strict=True)] for rows in zip(*maps, strict=True)]


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
