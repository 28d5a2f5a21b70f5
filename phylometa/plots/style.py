"""How every figure looks: widths, fonts, palettes safe for colour-blind readers, one colour per site, and files that
come out the same byte for byte.

Colours never stand alone: beyond the palette's length a hatch tells entries apart, and every mark has a text label.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from matplotlib import get_data_path, rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

__all__ = [
    "COLUMN_WIDTHS",
    "HATCHES",
    "NARROW",
    "SHADES",
    "SHADES_BAR",
    "Swatch",
    "clean_text",
    "column_width",
    "figure_style",
    "fit_text",
    "new_axes",
    "percent",
    "save_figure",
    "text_colour_on",
    "text_width",
    "wrap_text",
]

# Points; a picture narrower than this is laid out for one column.
NARROW = 360.0
# Widths of one and two columns of a journal page in points (89 mm and 183 mm).
COLUMN_WIDTHS = {"single": 89 / 25.4 * 72, "double": 183 / 25.4 * 72}
NARROWEST = 60.0  # millimetres; below this no label would stay whole
FONT_SIZE = 7.0
SMALL_FONT_SIZE = 6.0
INK = "#1a1a1a"
MUTED = "#595959"  # 7:1 on white
FAINT = "#b3b3b3"
RULE = "#e3e3e3"
NO_SITE = "#4d4d4d"  # of a sample that names no site; darker than any colour of a site
SHADES_BAR = "#9ecae1"  # of a bar that carries an interval in ink

# One hue, lightness falling evenly from white (0) to dark (1): cancer cell fractions, probabilities.
SHADES = LinearSegmentedColormap.from_list("shades", ["#f7fbff", "#b5d4e9", "#6aaed6", "#2171b5", "#08306b"])
HATCHES = ("", "////", "\\\\\\\\", "----", "||||", "xxxx", "++++", "////--")

_RC: Any = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.labelsize": SMALL_FONT_SIZE,
    "ytick.labelsize": SMALL_FONT_SIZE,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "hatch.linewidth": 0.5,
    "hatch.color": "#000000",
    "legend.fontsize": SMALL_FONT_SIZE,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "phylometa",
    "svg.image_inline": True,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "pdf.compression": 6,
    "path.simplify": False,
    "figure.dpi": 72.0,
    "savefig.dpi": 300.0,
    "savefig.bbox": None,
    "savefig.facecolor": "white",
}
if "font.enable_last_resort" in rcParams:  # newer matplotlib: its fallback font takes seconds to embed
    _RC["font.enable_last_resort"] = False
_METADATA = {
    "svg": {"Date": None, "Creator": "phylometa"},
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": "phylometa"},
    "png": {"Software": "phylometa"},
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply phylometa's matplotlib settings within the block; what the font lacks draws as a box, in silence."""
    with rc_context(_RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


@dataclass(frozen=True, slots=True)
class Swatch:
    """Fill of one site or clone: colour and, beyond the palette's length, a hatch."""

    colour: str
    hatch: str = ""


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def relative_luminance(colour: str) -> float:
    """Relative luminance of a ``#rrggbb`` colour, 0 to 1 (WCAG 2.2, definition of relative luminance)."""
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2)."""
    high, low = sorted((relative_luminance(first), relative_luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_colour_on(background: str) -> str:
    """Choose ink or white, whichever stands out more on `background`."""
    return max((INK, "#ffffff"), key=lambda colour: contrast(colour, background))


def clean_text(text: str) -> str:
    """Clean `text` so that it can be drawn on one line and stored in XML.

    Control, format (bidirectional overrides among them) and unpaired surrogate characters become U+FFFD; all white
    space becomes a space.
    """
    text = str(text)
    if text.isascii() and text.isprintable():  # nearly all
        return text
    return "".join(
        " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in _UNDRAWABLE else char
        for char in text
    )


_UNDRAWABLE = {"Cc", "Cf", "Cs", "Cn", "Co"}


@cache
def _font(weight: str) -> FT2Font:
    name = "DejaVuSans-Bold.ttf" if weight == "bold" else "DejaVuSans.ttf"
    font = FT2Font(str(Path(get_data_path()) / "fonts" / "ttf" / name))
    font.set_size(_FONT_UNITS, 72)
    return font


@cache
def _advance(char: str, weight: str) -> float:
    """Width of one character as a share of the font size, without hinting; of a missing one that of its box."""
    font = _font(weight)
    if not font.get_char_index(ord(char)):
        return 1.25
    return float(font.load_char(ord(char)).linearHoriAdvance) / 65536 / _FONT_UNITS


_FONT_UNITS = 100.0


def text_width(text: str, size: float = FONT_SIZE, weight: str = "normal") -> float:
    """Measure `text` in points, in the font of the figures (matplotlib's own, so that layouts do not depend on the
    machine); kerning, which only shortens, is left out."""
    return size * _width(text, weight)


@lru_cache(maxsize=65536)
def _width(text: str, weight: str) -> float:
    """Names are measured again and again, in every figure and at every step of a layout."""
    return sum(_advance(char, weight) for char in text)


@lru_cache(maxsize=65536)
def fit_text(text: str, width: float, size: float = FONT_SIZE, weight: str = "normal") -> str:
    """Clean `text` and shorten it with an ellipsis to at most `width` points; '' if not even that fits.

    A number at its end is kept, since it may be all that tells two names apart.

    >>> fit_text("liver", 100), fit_text("left supraclavicular lymph node", 60), fit_text("left pelvic node 12", 60)
    ('liver', 'left supraclavi…', 'left pelvic n… 12')
    """
    text = clean_text(text)
    if text_width(text, size, weight) <= width:
        return text
    rest, _, number = text.rpartition(" ")
    if rest and number.isdigit() and len(number) <= 3:
        room = width - text_width(f" {number}", size, weight)
        if room > 0.5 * width:
            return f"{fit_text(rest, room, size, weight)} {number}"
    low, high = 0, len(text)
    while low < high:  # longest prefix that fits
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + "…", size, weight) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def wrap_text(text: str, width: float, size: float = FONT_SIZE, weight: str = "normal", *, lines: int = 2) -> list[str]:
    """Break `text` at spaces, or behind underscores, into at most `lines` lines of `width` points.

    The last is shortened if needed.

    >>> wrap_text("left supraclavicular lymph node", 70), wrap_text("left supraclavicular lymph node", 50)
    (['left supraclavicular', 'lymph node'], ['left', 'supraclavic…'])
    >>> wrap_text("pelvic_lymph_node", 50)
    ['pelvic_lymph_', 'node']
    """
    words = re.findall(r"[^ _]*(?:_+| +|$)", clean_text(text))[:-1] or [""]
    wrapped = [words.pop(0)]
    while words and len(wrapped) < lines:
        longer = wrapped[-1] + words[0]
        if text_width(longer.rstrip(" "), size, weight) <= width:
            wrapped[-1] = longer
            words.pop(0)
        else:
            wrapped.append(words.pop(0))
    wrapped[-1] = "".join([wrapped[-1], *words])
    return [fit_text(line.rstrip(" "), width, size, weight) for line in wrapped]


def percent(probability: float) -> str:
    """Format a probability as a reader takes it in: ``100%`` is certain, ``>99%`` is not quite; ``–`` if undefined.

    >>> percent(1.0), percent(0.999), percent(0.834), percent(0.004), percent(0.0)
    ('100%', '>99%', '83%', '<1%', '0%')
    """
    if probability != probability:
        return "–"
    if probability >= 1 - 1e-9:
        return "100%"
    if probability > 0.99:
        return ">99%"
    if 1e-9 < probability < 0.01:
        return "<1%"
    return f"{100 * probability:.0f}%"


class _ShownAxes(Axes):
    """Axes of a figure that no window manager knows: a notebook shows the whole figure in their place."""

    def _repr_png_(self) -> tuple[bytes, dict[str, float]]:
        """PNG at twice the size in which it is shown, and that size in CSS pixels."""
        picture = io.BytesIO()
        figure = self.get_figure(root=True)
        assert isinstance(figure, Figure)
        with figure_style():
            figure.savefig(picture, format="png", dpi=2 * _CSS_DPI, metadata=_METADATA["png"], facecolor="white")
        width, height = figure.get_size_inches() * _CSS_DPI
        return picture.getvalue(), {"width": round(width), "height": round(height)}


_CSS_DPI = 96


def column_width(width: str | float) -> float:
    """Return the width in points of a journal column (``single``, ``double``) or of so many millimetres.

    Raises
    ------
    ValueError
        Another name, or less than `NARROWEST` millimetres.

    Examples
    --------
    >>> round(column_width("single")), round(column_width(90))
    (252, 255)
    """
    if isinstance(width, str):
        if width not in COLUMN_WIDTHS:
            raise ValueError(f"width {width!r}: expected {' or '.join(COLUMN_WIDTHS)}, or millimetres")
        return COLUMN_WIDTHS[width]
    if not width >= NARROWEST:
        raise ValueError(f"width {width:g}: at least {NARROWEST:g} millimetres")
    return float(width) / 25.4 * 72


def new_axes(width: float, height: float) -> Axes:
    """Make one axes that fills a new figure of `width` x `height` points (object interface, Agg canvas)."""
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.0, 0.0, 1.0, 1.0), axes_class=_ShownAxes)


def data_axes(width: float, height: float, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes of `height` points in a new figure `width` points wide, with the given margins in points."""
    full = height + top + bottom
    figure = Figure(figsize=(width / 72, full / 72), dpi=72)
    FigureCanvasAgg(figure)
    box = (left / width, bottom / full, (width - left - right) / width, height / full)
    return figure.add_axes(box, axes_class=_ShownAxes)


def axes_size(ax: Axes) -> tuple[float, float]:
    """Width and height of `ax` in points."""
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    return box.width * 72 / dpi, box.height * 72 / dpi


def save_figure(figure: Figure, path: str | Path, *, dpi: float | None = None) -> Path:
    """Write `figure` in the format of the suffix (svg, pdf, png): no dates, no random identifiers, editable text.

    Pictures in raster form have `dpi` dots per inch, 300 by default.
    """
    path = Path(path)
    kind = path.suffix.lstrip(".")
    with figure_style():
        figure.savefig(path, format=kind, metadata=_METADATA[kind], dpi=dpi or rcParams["savefig.dpi"])
    return path
