"""Layout, measured from the renderer: no text lies on another, none leaves the figure, at both journal widths."""

import plot_results
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text
from plot_artists import artists_of

from phylometa.plots import FIGURES
from phylometa.plots.style import figure_style

# 60 clones and 20 samples are the most that must fit; sizes between are tried among the slow tests.
CASES = [("one_clone", "single"), ("eight_clones", "single"), ("sixty_clones", "double"), ("malicious", "double")]
MARKED = [pytest.param(*case, marks=pytest.mark.slow) if case[0] == "sixty_clones" else case for case in CASES]


@pytest.fixture(scope="module")
def results():
    return {name: getattr(plot_results, name)() for name, _ in CASES}


def text_boxes(figure):
    """(text, left, bottom, right, top) in pixels of everything that is drawn as text."""
    with figure_style():
        figure.set_dpi(200)  # as in the PNG; at 72 dpi letters are hinted to whole pixels
        if any(axes.axison for axes in artists_of(figure, Axes)):  # tick labels get their place when they are drawn
            figure.draw_without_rendering()
        renderer = figure.canvas.get_renderer()
        return [
            (text.get_text(), *text.get_window_extent(renderer).extents)
            for text in artists_of(figure, Text)
            if text.get_visible() and text.get_text().strip() and is_drawn(text)
        ]


def is_drawn(text):
    """Ticks outside the limits and those of hidden axes exist, but are not drawn."""
    axes = text.axes
    if axes is None or text in axes.texts or text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        return True
    return axes.axison and any(
        text in (tick.label1, tick.label2) for axis in (axes.xaxis, axes.yaxis) for tick in shown(axis)
    )


def shown(axis):
    low, high = sorted(axis.get_view_interval())
    return [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def overlaps(boxes, slack):
    return [
        (a[0], b[0])
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if min(a[3], b[3]) - max(a[1], b[1]) > slack and min(a[4], b[4]) - max(a[2], b[2]) > slack
    ]


def check_layout(drawn):
    boxes = text_boxes(drawn)
    assert boxes
    # Boxes contain the font's full height; letters of lines 7 points apart do not touch though their boxes do.
    assert overlaps(boxes, slack=6) == []
    right, top = drawn.bbox.width, drawn.bbox.height
    cut = [text for text, x0, y0, x1, y1 in boxes if x0 < -2 or y0 < -2 or x1 > right + 2 or y1 > top + 2]
    assert cut == []


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("case, width", MARKED)
def test_no_text_overlaps_and_none_is_cut(results, case, width, figure):
    check_layout(FIGURES[figure](results[case], width=width).figure)


@pytest.mark.slow
@pytest.mark.parametrize(
    "n_clones, n_sites, n_samples", [(3, 2, 2), (5, 3, 9), (12, 6, 12), (25, 10, 16), (40, 14, 20)]
)
def test_no_text_overlaps_at_any_size(n_clones, n_sites, n_samples):
    for seed in range(3):
        result = plot_results.make_result(n_clones, n_sites, n_samples, 40 * n_clones, 4, seed)
        for plot in FIGURES.values():
            for width in ("single", "double"):
                check_layout(plot(result, width=width).figure)


def test_text_that_does_overlap_is_found():
    figure = FIGURES["clone_tree"](plot_results.one_metastasis()).figure
    label = figure.axes[0].texts[0]
    figure.axes[0].text(*label.get_position(), label.get_text(), fontsize=7)
    with pytest.raises(AssertionError):
        check_layout(figure)
