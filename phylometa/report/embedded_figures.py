"""matplotlib figures as inline SVG: identifiers made unique, style rules confined to the figure, metadata removed."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

from matplotlib.text import Text

from phylometa.plots.scene_svg import screen_width
from phylometa.plots.style import FONT_SIZE, figure_style

__all__ = ["inline_svg"]


def inline_svg(figure: Any, *, prefix: str, title: str, description: str, dpi: float = 120) -> str:
    """Convert `figure` to an ``<svg>`` element that can stand beside others in one HTML document.

    Parameters
    ----------
    figure : matplotlib Figure
    prefix : str
        Letters, digits and hyphens; begins every identifier.
    title, description : str
        Text alternative.
    dpi : float
        Of what is drawn as an image.
    """
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    least = screen_width(72 * figure.get_figwidth(), min(sizes, default=FONT_SIZE))
    buffer = io.StringIO()
    with figure_style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=dpi)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(<[^>]*?\s)id="([^"]+)"', rf'\1id="{prefix}-\2"', text)
    text = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{prefix}-\2"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", text)
    text = text.replace('<style type="text/css">*{', f'<style type="text/css">.{prefix} *{{')
    alternative = f"<title>{escape(title, quote=False)}</title><desc>{escape(description, quote=False)}</desc>"
    attributes = f'class="{prefix}" style="min-width:{least}px" role="img" aria-label="{escape(title)}"'
    return re.sub(
        r"<svg ([^>]*)>",
        lambda match: f"<svg {attributes} {match.group(1)}>{alternative}",
        text,
        count=1,
    ).strip()
