"""What every page shares: its assets, the template environment and the policy that lets only its own script run."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

import phylometa
from phylometa.plots.style import clean_text, percent

__all__ = ["render_page"]


def _asset(name: str) -> str:
    return resources.files("phylometa.report").joinpath(name).read_text(encoding="utf-8")


def _cell_text(value: Any) -> str:
    """A cell or a name as it is shown: numbers with at most four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else clean_text(value)


def _digest(text: str) -> str:
    """Source expression of a Content-Security-Policy for an inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    """One for all pages of a process, which compiles every template once."""
    environment = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clean"] = _cell_text
    environment.filters["percent"] = percent
    return environment


def render_page(template: str, **context: Any) -> str:
    """Render a page from a template of this package; everything is escaped unless it is `Markup`.

    Parameters
    ----------
    template : str
        File name.
    **context
        What the template shows besides style, script and version.
    """
    script = _asset("report.js")
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(_asset("report.css")),
            script=Markup(script),
            script_digest=_digest(script),
            version=phylometa.__version__,
            **context,
        )
    )
