"""Figures: they exist for every kind of result, say so where nothing can be said, and come out the same twice."""

from dataclasses import replace

import plot_results
import pytest
from matplotlib.axes import Axes

from phylometa.config import Settings, TimingSettings
from phylometa.plots import FIGURES, save_figures
from phylometa.plots.style import save_figure
from phylometa.plots.tumour_control import wants_control_curves

# The others are drawn by the tests of the layout.
CASES = ("one_metastasis", "nothing")


@pytest.fixture(scope="module")
def results():
    return {name: getattr(plot_results, name)() for name in CASES}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("case", CASES)
def test_every_figure_of_every_case_is_axes_with_something_to_read(results, case, figure):
    ax = FIGURES[figure](results[case])
    assert isinstance(ax, Axes)
    assert any(text.get_text().strip() for text in ax.texts) or ax.get_xlabel()


def test_same_result_same_bytes(results, tmp_path):
    first = save_figures(results["one_metastasis"], tmp_path / "a", formats=("svg",), dpi=72)
    second = save_figures(results["one_metastasis"], tmp_path / "b", formats=("svg",), dpi=72)
    drawn = [name for name in FIGURES if name not in ("tumour_control", "circulation")]
    assert [path.name for path in first] == [f"{name}.svg" for name in drawn]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_tumour_control_is_drawn_only_if_asked_for(results, tmp_path):
    result = plot_results.eight_clones()
    asked = replace(result, settings=Settings(timing=TimingSettings(radiotherapy_curves=True)))
    untreated = replace(asked, patient=result.patient.with_changes(treatments=()))
    assert [wants_control_curves(x) for x in (result, asked, untreated)] == [False, True, False]
    paths = save_figures(untreated, tmp_path, formats=("svg",), figures=("tumour_control", "fish"))
    assert [path.stem for path in paths] == ["tumour_control", "fish"]


def test_pdf_and_png_carry_no_date_and_keep_text_as_text(results, tmp_path):
    def save(folder):
        (tmp_path / folder).mkdir()
        figure = FIGURES["migration_graph"](results["one_metastasis"]).figure
        return [save_figure(figure, tmp_path / folder / f"figure.{kind}").read_bytes() for kind in ("pdf", "png")]

    pdf, png = save("a")
    assert [pdf, png] == save("b")
    assert b"/Type42" in pdf or b"/CIDFontType2" in pdf  # TrueType outlines: editable text
    assert b"CreationDate" not in pdf and b"tIME" not in png


def test_a_figure_is_written_in_every_format(results, tmp_path):
    paths = save_figures(results["one_metastasis"], tmp_path, figures=("migration_graph",))
    assert [path.name for path in paths] == [f"migration_graph.{kind}" for kind in ("svg", "pdf", "png")]
    starts = [path.read_bytes().lstrip()[:5] for path in paths]
    assert starts == [b"<?xml", b"%PDF-", b"\x89PNG\r"]


def test_svg_text_can_be_edited_and_found(results, tmp_path):
    (path,) = save_figures(results["one_metastasis"], tmp_path, formats=("svg",), figures=("clone_flow",))
    text = path.read_text(encoding="utf-8")
    assert "pelvic lymph node" in text and 'id="clone-1"' in text
