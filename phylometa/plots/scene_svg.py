"""Scenes as compact SVG for the report: presentation attributes only, so that a downloaded figure stands alone."""

from __future__ import annotations

import hashlib
import math
from html import escape

from phylometa.plots.scene import Group, Label, Scene, Shape
from phylometa.plots.style import FONT_SIZE, INK

__all__ = ["SCREEN_TEXT", "scene_svg", "screen_width"]

_FONTS = "'DejaVu Sans', Verdana, Arial, Helvetica, sans-serif"
_TILE = 4.0
# Lines of a 4 x 4 point tile for each character of a matplotlib hatch.
_STROKES = {
    "/": "M-1,1 L1,-1 M0,4 L4,0 M3,5 L5,3",
    "\\": "M-1,3 L1,5 M0,0 L4,4 M3,-1 L5,1",
    "-": "M0,2 L4,2",
    "|": "M2,0 L2,4",
}
_STROKES["x"] = f"{_STROKES['/']} {_STROKES[chr(92)]}"
_STROKES["+"] = f"{_STROKES['-']} {_STROKES['|']}"


def _number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _hatch_lines(hatch: str) -> str:
    return " ".join(_STROKES[char] for char in dict.fromkeys(hatch))


def _attribute(text: str) -> str:
    return escape(text, quote=True)


def _path_data(shape: Shape) -> str:
    return "".join(command[0] + " ".join(_number(float(value)) for value in command[1:]) for command in shape.commands)


def _shape_svg(shape: Shape, fill: str) -> str:
    if shape.is_target:
        return f'<path d="{_path_data(shape)}" fill="none" pointer-events="all"/>'
    parts = [f'<path d="{_path_data(shape)}" fill="{fill}"']
    if shape.stroke:
        parts.append(f' stroke="{shape.stroke}" stroke-width="{_number(shape.line_width)}"')
        if shape.dash:
            parts.append(f' stroke-dasharray="{" ".join(_number(value) for value in shape.dash)}"')
    if shape.opacity != 1:
        parts.append(f' opacity="{_number(shape.opacity)}"')
    return "".join(parts) + "/>"


def _label_svg(label: Label) -> str:
    radians = math.radians(label.angle)
    shift = 0.35 * label.size
    x, y = label.x + shift * math.sin(radians), label.y + shift * math.cos(radians)
    parts = [f'<text x="{_number(x)}" y="{_number(y)}"']
    if label.size != FONT_SIZE:
        parts.append(f' font-size="{_number(label.size)}"')
    if label.anchor != "start":
        parts.append(f' text-anchor="{label.anchor}"')
    if label.colour != INK:
        parts.append(f' fill="{label.colour}"')
    if label.weight != "normal":
        parts.append(f' font-weight="{label.weight}"')
    if label.style != "normal":
        parts.append(f' font-style="{label.style}"')
    if label.angle:
        parts.append(f' transform="rotate({_number(-label.angle)} {_number(x)} {_number(y)})"')
    if label.halo:
        left, top, right, bottom = label.box
        corner = f'x="{_number(left - 1)}" y="{_number(top)}"'
        size = f'width="{_number(right - left + 2)}" height="{_number(bottom - top)}"'
        parts.insert(0, f'<rect {corner} {size} fill="#ffffff"/>')
    return "".join(parts) + f">{escape(label.text, quote=False)}</text>"


def _group_open(group: Group, is_interactive: bool) -> str:
    data = "".join(f' data-{name}="{_attribute(value)}"' for name, value in group.data)
    title = f"<title>{escape(group.title, quote=False)}</title>" if group.title else ""
    if is_interactive and group.is_button:
        role = "button" if any(name == "clone" for name, _ in group.data) else "img"  # only clones can be selected
        data += f' role="{role}" tabindex="0" aria-label="{_attribute(group.title)}"'
    return f'<g class="{_attribute(group.key)}"{data}>{title}'


def screen_width(width: float, smallest: float) -> int:
    """Compute the least width (CSS pixels) of a picture `width` points wide at which its smallest text has 11 pixels.

    >>> screen_width(500, 5.5), screen_width(500, 11)
    (1000, 500)
    """
    return math.ceil(width * SCREEN_TEXT / smallest)


SCREEN_TEXT = 11.0
"""Least size of text on a screen (CSS pixels)."""


def scene_svg(scene: Scene, *, prefix: str, is_interactive: bool = False) -> str:
    """Convert `scene` to an ``<svg>`` element.

    Parameters
    ----------
    scene : Scene
    prefix : str
        Letters, digits and hyphens; begins every identifier, so that many figures fit into one document.
    is_interactive : bool
        Groups that are buttons can be reached with the keyboard (the report's script acts on them); otherwise the
        picture is one image with a text alternative.

    Returns
    -------
    str
    """
    patterns: dict[str, tuple[str, str]] = {}
    body: list[str] = []
    current: Group | None = None
    for item in scene.items:
        if item.group is not current:
            if current is not None:
                body.append("</g>")
            if item.group is not None:
                body.append(_group_open(item.group, is_interactive))
            current = item.group
        if isinstance(item, Label):
            body.append(_label_svg(item))
            continue
        fill = item.fill or "none"
        if item.hatch and item.fill:
            key = hashlib.sha256(f"{item.fill}{item.hatch}".encode()).hexdigest()[:8]
            patterns[key] = (item.fill, item.hatch)
            fill = f"url(#{prefix}-{key})"
        body.append(_shape_svg(item, fill))
    if current is not None:
        body.append("</g>")
    defs = "".join(
        f'<pattern id="{prefix}-{key}" width="{_TILE:g}" height="{_TILE:g}" patternUnits="userSpaceOnUse">'
        f'<rect width="{_TILE:g}" height="{_TILE:g}" fill="{colour}"/>'
        f'<path d="{_hatch_lines(hatch)}" stroke="#000000" stroke-width=".5"/></pattern>'
        for key, (colour, hatch) in sorted(patterns.items())
    )
    width, height = _number(scene.width), _number(scene.height)
    least = screen_width(scene.width, min((label.size for label in scene.labels), default=FONT_SIZE))
    role = "group" if is_interactive else "img"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}pt" height="{height}pt" '
        f'style="min-width:{least}px" role="{role}" aria-labelledby="{prefix}-title {prefix}-desc" '
        f'font-family="{_FONTS}" font-size="{FONT_SIZE:g}" fill="{INK}">'
        f'<title id="{prefix}-title">{escape(scene.title, quote=False)}</title>'
        f'<desc id="{prefix}-desc">{escape(scene.description, quote=False)}</desc>'
        + (f"<defs>{defs}</defs>" if defs else "")
        + "".join(body)
        + "</svg>"
    )
