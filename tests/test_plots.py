"""Figures: they exist for every kind of result, say so where nothing can be said, and come out the same twice."""

import plot_results
import pytest
from matplotlib.axes import Axes

from phylometa.plots import FIGURES, save_figures


@pytest.fixture(scope="module")
def results():
    return {name: build() for name, build in plot_results.ALL.items()}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("case", plot_results.ALL)
def test_every_figure_of_every_case_is_axes_with_something_to_read(results, case, figure):
    ax = FIGURES[figure](results[case])
    assert isinstance(ax, Axes)
    assert any(text.get_text().strip() for text in ax.texts) or ax.get_xlabel()


def test_same_result_same_bytes(results, tmp_path):
    first = save_figures(results["one_metastasis"], tmp_path / "a")
    second = save_figures(results["one_metastasis"], tmp_path / "b")
    assert [path.name for path in first] == [f"{name}.{kind}" for name in FIGURES for kind in ("svg", "pdf", "png")]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
