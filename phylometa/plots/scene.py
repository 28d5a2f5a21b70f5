"""Pictures without coordinate axes (trees, graphs, body maps) as a list of shapes in points, drawn from one layout
both on matplotlib axes (for the paper) and as compact SVG (for the report).

The origin is the upper left corner, y points down. Shapes are drawn in the order they were added. Shapes added under
a group carry its key, which becomes the SVG identifier and the matplotlib ``gid``: the report finds a clone by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as MplPath
from matplotlib.transforms import TransformedPatchPath

from phylometa.plots.style import (
    FONT_SIZE,
    INK,
    MUTED,
    SMALL_FONT_SIZE,
    Swatch,
    axes_size,
    clean_text,
    column_width,
    figure_style,
    fit_text,
    new_axes,
    text_width,
    wrap_text,
)

__all__ = ["MARGIN", "Group", "Label", "Scene", "Shape", "draw_scene", "empty_scene", "note_lines", "scene_width"]

# Share of the font size between the baseline and the middle of lower-case text.
_HALF_X_HEIGHT = 0.35
NOTE_LINE = 9.5
# Points between a picture and the edge of its figure.
MARGIN = 6.0
_CODES = {"M": [MplPath.MOVETO], "L": [MplPath.LINETO], "C": [MplPath.CURVE4] * 3, "Z": [MplPath.CLOSEPOLY]}
# Cubic Bezier handle of a quarter circle.
_KAPPA = 0.5522847498
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}

Command = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """What a set of shapes stands for: key (``clone-3``), tooltip, ``data-*`` attributes, keyboard stop or not."""

    key: str
    title: str = ""
    data: tuple[tuple[str, str], ...] = ()
    is_button: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A path: commands ``("M", x, y)``, ``("L", x, y)``, ``("C", x1, y1, x2, y2, x, y)``, ``("Z",)``.

    A target is invisible and exists in the report alone: it widens what a pointer finds.
    """

    commands: tuple[Command, ...]
    fill: str | None = None
    stroke: str | None = None
    line_width: float = 0.8
    dash: tuple[float, ...] = ()
    hatch: str = ""
    opacity: float = 1.0
    group: Group | None = None
    is_target: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text; `y` is the middle of its lower-case letters, `angle` in degrees against the clock."""

    x: float
    y: float
    text: str
    size: float = FONT_SIZE
    anchor: str = "start"
    colour: str = INK
    weight: str = "normal"
    style: str = "normal"
    angle: float = 0.0
    halo: bool = False
    group: Group | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of an unrotated or upright label, from the font's metrics."""
        length = text_width(self.text, self.size, self.weight)
        back = {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * length
        half = 0.5 * self.size
        if self.angle == 90:
            return (self.x - half, self.y + back - length, self.x + half, self.y + back)
        return (self.x - back, self.y - half, self.x - back + length, self.y + half)


@dataclass(slots=True)
class Scene:
    """Shapes and labels within `width` x `height` points, with the text a reader who cannot see it is given."""

    width: float
    height: float
    title: str = ""
    description: str = ""
    items: list[Shape | Label] = field(default_factory=list)
    _group: Group | None = None

    @contextmanager
    def group(self, key: str, title: str = "", *, is_button: bool = False, **data: Any) -> Iterator[None]:
        """Shapes added inside belong to the group `key`; in the report the keyboard stops at those with `is_button`."""
        outer = self._group
        self._group = Group(key, title, tuple((name, str(value)) for name, value in data.items()), is_button)
        try:
            yield
        finally:
            self._group = outer

    def place(self, other: Scene, x: float, y: float, scale: float = 1.0) -> None:
        """Draw all of another scene with its upper left corner at (x, y), smaller or larger."""

        def moved(command: Command) -> Command:
            word, *numbers = command
            return (word, *((y if i % 2 else x) + scale * number for i, number in enumerate(numbers)))

        for item in other.items:
            if isinstance(item, Shape):
                commands = tuple(moved(command) for command in item.commands)
                dash = tuple(scale * length for length in item.dash)
                self.items.append(replace(item, commands=commands, dash=dash, line_width=scale * item.line_width))
            else:
                self.items.append(replace(item, x=x + scale * item.x, y=y + scale * item.y, size=scale * item.size))

    def path(self, commands: Iterable[Command], **style: Any) -> None:
        self.items.append(Shape(tuple(commands), group=self._group, **style))

    def line(self, points: Sequence[tuple[float, float]], **style: Any) -> None:
        """Draw a polyline."""
        style.setdefault("stroke", INK)
        self.path([("M" if i == 0 else "L", x, y) for i, (x, y) in enumerate(points)], **style)

    def rect(
        self, x: float, y: float, width: float, height: float, *, swatch: Swatch | None = None, **style: Any
    ) -> None:
        if swatch is not None:
            style.update(fill=swatch.colour, hatch=swatch.hatch)
        right, bottom = x + width, y + height
        self.path([("M", x, y), ("L", right, y), ("L", right, bottom), ("L", x, bottom), ("Z",)], **style)

    def circle(self, x: float, y: float, radius: float, *, swatch: Swatch | None = None, **style: Any) -> None:
        if swatch is not None:
            style.update(fill=swatch.colour, hatch=swatch.hatch)
        r, k = radius, radius * _KAPPA
        self.path(
            [
                ("M", x + r, y),
                ("C", x + r, y + k, x + k, y + r, x, y + r),
                ("C", x - k, y + r, x - r, y + k, x - r, y),
                ("C", x - r, y - k, x - k, y - r, x, y - r),
                ("C", x + k, y - r, x + r, y - k, x + r, y),
                ("Z",),
            ],
            **style,
        )

    def arrow_head(self, x: float, y: float, direction: tuple[float, float], size: float, colour: str) -> None:
        """Draw a filled triangle with its tip at (x, y), pointing along `direction`."""
        norm = math.hypot(*direction) or 1.0
        dx, dy = direction[0] / norm, direction[1] / norm
        back_x, back_y = x - size * dx, y - size * dy
        half = 0.42 * size
        corners = [(x, y), (back_x - half * dy, back_y + half * dx), (back_x + half * dy, back_y - half * dx)]
        self.path([("M", *corners[0]), ("L", *corners[1]), ("L", *corners[2]), ("Z",)], fill=colour)

    def text(self, x: float, y: float, text: str, *, room: float | None = None, **style: Any) -> None:
        """Write one line of text, shortened to `room` points if given."""
        if room is None:
            text = clean_text(text)
        else:
            text = fit_text(text, room, style.get("size", FONT_SIZE), style.get("weight", "normal"))
        if text:
            self.items.append(Label(x, y, text, group=self._group, **style))

    def small(self, x: float, y: float, text: str, **style: Any) -> None:
        """Write text in the small size."""
        self.text(x, y, text, size=SMALL_FONT_SIZE, **style)

    def note(self, x: float, y: float, text: str, **style: Any) -> None:
        """Write text in the small size and in grey."""
        self.small(x, y, text, colour=MUTED, **style)

    def notes(self, x: float, y: float, lines: Sequence[str]) -> None:
        """Write lines of grey text, the first centred at `y`, as `note_lines` broke them."""
        for i, line in enumerate(lines):
            self.note(x, y + NOTE_LINE * i, line)

    @property
    def labels(self) -> list[Label]:
        return [item for item in self.items if isinstance(item, Label)]


def note_lines(texts: Iterable[str], room: float) -> list[str]:
    """Lay out sentences in the small size, each on a line of its own and broken where it exceeds `room` points."""
    return [line for text in texts for line in wrap_text(text, room, SMALL_FONT_SIZE, lines=4)]


def draw_scene(scene: Scene, ax: Axes | None = None) -> Axes:
    """Draw `scene` on `ax`, or on a new figure of the scene's own size.

    On given axes that are smaller than the scene all of it shrinks, text included, so that nothing overlaps.
    """
    if ax is None:
        ax = new_axes(scene.width, scene.height)
    width, height = axes_size(ax)
    scale = min(1.0, width / scene.width, height / scene.height)
    ax.set_xlim(0, width / scale)
    ax.set_ylim(height / scale, 0)
    ax.set_axis_off()
    clip = TransformedPatchPath(ax.patch)  # nothing is clipped, but Axes would make one for every artist without it
    with figure_style():
        for order, item in enumerate(scene.items):
            artist: Any
            if isinstance(item, Shape):
                if item.is_target:
                    continue
                artist = _patch(item, scale)
                artist.set_clip_path(clip)
                ax.add_artist(artist)  # the limits stand, so that none need be updated
            else:
                radians = math.radians(item.angle)
                shift = _HALF_X_HEIGHT * item.size
                artist = ax.text(
                    item.x + shift * math.sin(radians),
                    item.y + shift * math.cos(radians),
                    item.text,
                    fontsize=item.size * scale,
                    ha=_ANCHORS[item.anchor],
                    va="baseline",
                    color=item.colour,
                    fontweight=item.weight,
                    fontstyle=item.style,
                    rotation=item.angle,
                    rotation_mode="anchor",
                    parse_math=False,
                    clip_path=clip,
                )
                if item.halo:
                    artist.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6 * scale})
            artist.set_zorder(1 + order * 1e-4)
            artist.set_clip_on(False)
            if item.group is not None:
                artist.set_gid(item.group.key)
    return ax


def _patch(shape: Shape, scale: float) -> PathPatch:
    vertices: list[tuple[float, float]] = []
    codes: list[Any] = []
    for command in shape.commands:
        numbers = command[1:] or (0.0, 0.0)
        vertices.extend(zip(numbers[::2], numbers[1::2]))
        codes.extend(_CODES[command[0]])
    return PathPatch(
        MplPath(vertices, codes),
        facecolor=shape.fill or "none",
        edgecolor=shape.stroke or "none",
        linewidth=shape.line_width * scale if shape.stroke else 0.0,
        linestyle=(0, tuple(dash / shape.line_width for dash in shape.dash)) if shape.dash else "solid",
        hatch=shape.hatch or None,
        alpha=None if shape.opacity == 1 else shape.opacity,
        capstyle="butt",
        joinstyle="round",
    )


def empty_scene(width: float, message: str, title: str) -> Scene:
    """Make a scene that says why there is nothing to draw."""
    scene = Scene(width, 40, title, message)
    scene.text(6, 20, fit_text(message, width - 12), colour=MUTED)
    return scene


def scene_width(ax: Axes | None, width: str | float) -> float:
    """Return the width (points) a scene is laid out for: that of `ax`, or of `phylometa.plots.style.column_width`."""
    return column_width(width) if ax is None else max(axes_size(ax)[0], 160.0)
