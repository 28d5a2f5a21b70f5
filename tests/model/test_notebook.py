"""What a notebook or an interpreter shows of results: short representations, tables, figures in place."""

import dataclasses
import importlib.util
import math
from collections.abc import Mapping
from html import unescape

import numpy as np
import pytest

import phylometa as pm
from phylometa.config import Settings
from phylometa.model.frames import frame_of_records, frame_of_rows
from phylometa.model.interval import Estimate
from phylometa.pipeline.stages import load_result
from phylometa.plots.figure_set import FIGURES
from phylometa.report.overview import overview

LONGEST = 1000


@pytest.fixture(scope="module")
def result(small_run):
    return load_result(small_run)


def objects_of(value):
    """Every dataclass in a result, however deep; of long lists the first few items."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in dataclasses.fields(value):
            yield from objects_of(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in list(value.values())[:5]:
            yield from objects_of(item)
    elif isinstance(value, tuple | list):
        for item in value[:5]:
            yield from objects_of(item)


def test_no_object_of_a_result_fills_the_screen(result):
    found = {}
    for item in objects_of(result):
        text = repr(item)
        assert text.startswith(type(item).__name__)
        found[type(item).__name__] = max(found.get(type(item).__name__, 0), len(text))
    assert {name: n for name, n in found.items() if n >= LONGEST} == {}
    assert len(found) > 25 and "TreeEnsemble" in found and "JointPosterior" in found


def test_settings_show_what_is_not_the_default():
    assert repr(Settings()) == "Settings(seed=1)"
    changed = dataclasses.replace(Settings(), trees=dataclasses.replace(Settings().trees, max_trees=7), seed=3)
    assert repr(changed) == "Settings(seed=3, trees.max_trees=7)"


def test_tables_say_what_the_arrays_say(result):
    trees, histories = result.trees, result.histories
    table = trees.to_frame("dict")
    support = {(u, v): p for u, v, p in zip(table["parent"], table["child"], table["probability"]) if p > 0}
    names = trees.names
    assert support == pytest.approx(
        {(names[u], names[v]): trees.edge_support[u, v] for u, v in np.argwhere(trees.edge_support > 0)}
    )
    table = histories.to_frame("dict")
    assert sum(table["probability"]) == pytest.approx(histories.migration_probability.sum())
    reads = result.patient.mutations
    table = reads.to_frame("dict")
    alt = np.array(table["alt_counts"], dtype=float).reshape(reads.alt_counts.shape)
    np.testing.assert_array_equal(np.isnan(alt), ~reads.observed)
    np.testing.assert_array_equal(alt[reads.observed], reads.alt_counts[reads.observed])
    table = result.labels.to_frame("dict")
    found = {tuple(key): p for *key, p in zip(*(table[word] for word in ("label", "site", "value", "probability")))}
    shown = result.labels.with_override()
    for value, p in shown.labels["pattern"].items():
        assert found["pattern", "", value] == p
    for site, values in shown.labels["site_sources"].items():
        assert {v: found["site_sources", site, v] for v in values} == values
    samples = result.patient.mutations.sample_names
    assert set(result.clusters.to_frame("dict", sample_names=samples)["sample"]) == set(samples)
    for item in (result.timing, result.comparison, result.copy_number, result.quality):
        table = item.to_frame("dict")
        assert table and len({len(column) for column in table.values()}) == 1


def test_the_library_of_a_table(monkeypatch):
    rows = [("liver", 0.5)]
    monkeypatch.setattr("phylometa.model.frames.find_spec", lambda name: None)
    assert frame_of_rows(["site", "p"], rows) == {"site": ["liver"], "p": [0.5]}
    with pytest.raises(ValueError, match="expected one of pandas, polars, dict"):
        frame_of_rows(["site", "p"], rows, "excel")
    for name in ("pandas", "polars"):
        if importlib.util.find_spec(name):
            frame = frame_of_rows(["site", "p"], rows, name)
            assert list(frame.columns) == ["site", "p"] and frame["p"][0] == 0.5


def test_records_become_columns_a_field():
    @dataclasses.dataclass
    class Row:
        name: str
        age: Estimate | None
        sites: tuple[str, ...]
        notes: Mapping[str, str]

    rows = [Row("a", None, ("x", "y"), {}), Row("b", Estimate(2.0, 1.0, math.inf), (), {})]
    assert frame_of_records(Row, rows, "dict") == {
        "name": ["a", "b"],
        "age_median": [None, 2.0],
        "age_lo": [None, 1.0],
        "age_hi": [None, math.inf],
        "sites": ["x, y", ""],
    }


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_shows_itself(result, name):
    png, size = FIGURES[name](result)._repr_png_()
    assert png.startswith(b"\x89PNG")
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    assert abs(width - 2 * size["width"]) <= 2 and abs(height - 2 * size["height"]) <= 2


def test_axes_of_pyplot_stay_as_they_are(result):
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert not hasattr(pm.plot_clone_tree(result, ax=ax), "_repr_png_")


@pytest.mark.system
def test_a_notebook_shows_results_and_figures(small_run):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        f"import phylometa as pm; result = pm.load_result({str(small_run)!r})",
        "pm.plot_clone_tree(result)",
        "result.histories",
        "result",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (picture,), (shown,), (first,) = (cell.outputs for cell in notebook.cells[1:])
    assert "<svg" in first["data"]["text/html"] and len(first["data"]["text/plain"]) < LONGEST
    assert len(picture["data"]["image/png"]) > 1000
    assert shown["data"]["text/plain"].startswith("HistoryEnsemble(") and len(shown["data"]["text/plain"]) < LONGEST


def test_a_notebook_shows_the_first_screen_without_style_or_script(result):
    text = result._repr_html_()
    assert overview(result).sentence in unescape(text)
    for site in result.patient.sites:
        assert not site.is_metastasis or site.name in text
    assert "<style" not in text and "<script" not in text and len(text) < 100_000
    hostile = dataclasses.replace(result, patient=result.patient.with_changes(name="<b>x</b>"))
    assert "<b>x</b>" not in hostile._repr_html_()
