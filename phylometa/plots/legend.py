"""Legends that wrap within a width, for scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from phylometa.plots.scene import Scene
from phylometa.plots.style import INK, SMALL_FONT_SIZE, Swatch, clean_text, fit_text, text_width

__all__ = ["legend_height", "draw_legend"]

_LINE = 10.0
_SWATCH = 7.0
_GAP = 10.0


def _flow(entries: Sequence[tuple[str, Swatch]], width: float) -> list[tuple[float, int, str, Swatch]]:
    """(x, line, shortened text, swatch) of every entry, wrapped at `width`."""
    placed = []
    x, line = 0.0, 0
    for name, swatch in entries:
        text = fit_text(name, min(width - _SWATCH - 3, 150), SMALL_FONT_SIZE)
        needed = _SWATCH + 3 + text_width(text, SMALL_FONT_SIZE)
        if x > 0 and x + needed > width:
            x, line = 0.0, line + 1
        placed.append((x, line, text, swatch))
        x += needed + _GAP
    return placed


def legend_height(entries: Sequence[tuple[str, Swatch]], width: float) -> float:
    """Compute the height (points) of the legend of `entries` within `width`."""
    placed = _flow(entries, width)
    return (placed[-1][1] + 1) * _LINE if placed else 0.0


def draw_legend(
    scene: Scene,
    entries: Sequence[tuple[str, Swatch]],
    left: float,
    top: float,
    width: float,
    *,
    keys: Sequence[tuple[str, int]] = (),
) -> None:
    """Draw swatch and name of every entry, wrapped at `width` points; `keys`: (kind, index), by default the sites."""
    for i, (x, line, text, swatch) in enumerate(_flow(entries, width)):
        middle = top + (line + 0.5) * _LINE
        kind, index = keys[i] if keys else ("site", i)
        data: dict[str, Any] = {kind: index}
        with scene.group(f"{kind}-{index}", clean_text(entries[i][0]), **data):
            scene.rect(left + x, middle - 0.5 * _SWATCH, _SWATCH, _SWATCH, swatch=swatch, stroke=INK, line_width=0.4)
            scene.small(left + x + _SWATCH + 3, middle, text)
