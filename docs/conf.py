"""The site: `sphinx-build -W docs docs/_build/html`. Pages are Markdown; the API page is made from the docstrings.

The commands of the tutorial are run while the site is built (see run_pages.py), and its figures are those of that run.
PHYLOMETA_EXAMPLES names a folder in which they have been run already.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from run_pages import TUTORIAL_FIGURES, run_page  # noqa: E402

import phylometa  # noqa: E402

project = "phylometa"
author = "The phylometa developers"
copyright = author
version = release = phylometa.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"phylometa {release}"
html_show_copyright = False
# no font, script or badge from elsewhere: the site is read without a network
html_static_path: list[str] = []
# formulas are text here, so no page needs MathJax from elsewhere
html_math_renderer = "text"
myst_enable_extensions: list[str] = []
myst_heading_anchors = 4
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
add_module_names = False


def build_examples(app):
    """Run the tutorial, so that the site is never of another version than the code."""
    if app.builder.name != "html":
        return
    folder = Path(os.environ.get("PHYLOMETA_EXAMPLES") or Path(app.doctreedir).parent / "examples")
    if "PHYLOMETA_EXAMPLES" not in os.environ:
        run_page(HERE / "tutorial.md", folder)
    app.config.phylometa_examples = folder


def place_figures(app, error):
    """The figures of this build's own run in place of those in the repository."""
    if error is not None or app.builder.name != "html":
        return
    import shutil

    for name, made in TUTORIAL_FIGURES.items():
        target = Path(app.outdir) / "_images" / name
        assert target.is_file(), f"{name} is not shown by any page"
        shutil.copyfile(app.config.phylometa_examples / made, target)


def show_math_as_text(self, node):
    """A formula as it is written."""
    self.body.append(f"<code>{self.encode(node.astext())}</code>")
    from docutils.nodes import SkipNode

    raise SkipNode


def setup(app):
    app.add_html_math_renderer("text", (show_math_as_text, None), (show_math_as_text, None))
    app.add_config_value("phylometa_examples", None, "")
    app.connect("builder-inited", build_examples)
    app.connect("build-finished", place_figures)
