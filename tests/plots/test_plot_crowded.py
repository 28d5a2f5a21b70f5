"""What figures do where there is much to show: tables for graphs, chosen intervals and samples; and tumour control."""

from dataclasses import replace

import numpy as np
import plot_results
import pytest
from matplotlib.axes import Axes

from phylometa.model.interval import Estimate
from phylometa.model.patient import Treatment
from phylometa.model.timing import SeedingInterval
from phylometa.plots import plot_ccf_pairs, plot_ccf_scatter, plot_tumour_control
from phylometa.plots.history_overview import migration_edges
from phylometa.plots.migration_graph import migration_graph_scene
from phylometa.plots.scene import Shape
from phylometa.plots.style import fit_text, text_width
from phylometa.plots.timeline import timeline_scene
from phylometa.plots.tumour_control import irradiations


@pytest.fixture(scope="module")
def sixty():
    return plot_results.sixty_clones()


@pytest.mark.parametrize("width, text_of_certain", [(518.7, "100"), (252.3, "99")])
def test_many_migrations_become_a_table_of_all_of_them(sixty, width, text_of_certain):
    scene = migration_graph_scene(sixty, width=width)
    edges = [e for e in migration_edges(sixty.histories, is_merged=True) if e.probability >= 0.05]
    cells = {item.group.key: item for item in scene.labels if item.group and item.group.key.startswith("edge-")}
    assert len(cells) == len(edges) > 30
    for edge in edges:
        text = cells[f"edge-{edge.source}-{edge.target}-{edge.founding_clones[0]}"].text
        assert text == (text_of_certain if round(100 * edge.probability) == 100 else f"{100 * edge.probability:.0f}")
    rows = {item.group.key for item in scene.items if item.group and item.group.key.startswith("site-")}
    assert len(rows) == 20


def test_lines_of_the_graph_pass_between_the_boxes_of_a_column():
    scene = migration_graph_scene(plot_results.eight_clones())
    boxes = [corners(item) for item in scene.items if is_box(item)]
    middle = [box for box in boxes if min(b[0] for b in boxes) < box[0] < max(b[0] for b in boxes)]
    assert len(middle) == 2
    for item in scene.items:
        if isinstance(item, Shape) and item.group and item.group.key.startswith("edge-0-3") and item.stroke:
            for command in item.commands:
                x, y = command[-2:]
                assert not any(b[0] < x < b[1] and b[2] < y < b[3] for b in middle)


def is_box(item):
    return isinstance(item, Shape) and item.group and item.group.key.startswith("site-") and item.fill == "#ffffff"


def corners(item):
    xs, ys = zip(*(command[1:] for command in item.commands if command[1:]))
    return min(xs), max(xs), min(ys), max(ys)


def interval(site, clone, probability):
    point = Estimate(50.0, 40.0, 60.0)
    return SeedingInterval(site, clone, "molecular", "molecular", probability, point, point, point)


def test_timeline_shows_the_best_of_every_site_and_what_is_likely():
    result = plot_results.eight_clones()
    last, first = result.patient.site_names[-1], result.patient.site_names[1]
    many = [interval(first, str(k), 0.6) for k in range(60)] + [interval(last, "z", 0.3), interval(last, "y", 0.2)]
    result = replace(result, timing=replace(result.timing, intervals=tuple(many)))
    scene = timeline_scene(result)
    lanes = [label.text for label in scene.labels if "clone" in label.text]
    assert len(lanes) == 40 and f"{last}, clone z (30%)" in lanes and f"{last}, clone y (20%)" not in lanes
    assert any("22 less probable not drawn" in label.text for label in scene.labels)


def test_names_shorten_to_their_numbers():
    assert fit_text("left pelvic lymph node 12", 70).endswith("… 12")
    assert text_width(fit_text("left pelvic lymph node 12", 70)) <= 70
    assert fit_text("left pelvic lymph node 12", 12).endswith("…")


@pytest.mark.system
def test_all_pairs_of_samples_are_panels_and_the_rest_is_named(sixty):
    result = plot_results.eight_clones()
    panels = plot_ccf_pairs(result).child_axes
    assert len(panels) == 6 * 5 / 2
    values = np.asarray(result.ccf.ccf)
    points = np.concatenate([collection.get_offsets() for collection in panels[0].collections])
    both = np.isfinite(values[:, :2]).all(axis=1)
    np.testing.assert_allclose(np.sort(np.asarray(points)[:, 0]), np.sort(values[both, 0]))
    for width, n in (("double", 8), ("single", 5)):
        ax = plot_ccf_pairs(sixty, width=width)
        assert len(ax.child_axes) == n * (n - 1) / 2
        assert any(text.get_text().startswith("Not shown: ") for text in ax.texts)
    names = [sample.name for sample in sixty.patient.samples[:3]]
    assert len(plot_ccf_pairs(sixty, samples=names).child_axes) == 3


def test_a_cluster_that_both_samples_lack_has_no_name():
    result = plot_results.eight_clones()
    values, first = np.array(result.ccf.ccf), 0
    values[result.clusters.labels == 3, :] = 0.01
    result = replace(result, ccf=replace(result.ccf, ccf=values))
    shown = {text.get_text() for text in plot_ccf_scatter(result).texts}
    assert result.clusters.names[3] not in shown and result.clusters.names[first] in shown


def irradiated(*courses):
    result = plot_results.eight_clones()
    treatments = tuple(Treatment("Radiotherapy", "liver", dose_gy=dose, fractions=n) for dose, n in courses)
    return replace(result, patient=result.patient.with_changes(treatments=treatments))


def test_tumour_control_marks_the_dose_the_patient_had():
    result = irradiated((50.0, 25), (54.0, 3), (20.0, float("nan")))
    courses = irradiations(result.patient, alpha_beta=10.0)
    assert [dose for _, dose, _ in courses] == pytest.approx([50.0, 126.0, 20.0])
    assert [is_known for _, _, is_known in courses] == [True, True, False]
    ax = plot_tumour_control(result)
    without, with_reseeding = (
        next(line for line in ax.lines if line.get_gid() == f"curve-{name}") for name in ("without", "with")
    )
    dose, control = without.get_data()
    assert np.interp(50.0, dose, control) == pytest.approx(0.8587, abs=2e-3)  # worked value of the method notes
    assert (with_reseeding.get_ydata() <= control + 1e-12).all()
    peak = int(np.argmax(with_reseeding.get_ydata()))
    assert 0 < peak < len(dose) - 1  # turns down at high dose
    words = " ".join(text.get_text() for text in ax.texts)
    assert "control 86%" in words and "assumed constants, no prognosis" in words and "2 Gy each are supposed" in words


def test_without_a_dose_no_tumour_control():
    ax = plot_tumour_control(irradiated((float("nan"), 3)))
    assert isinstance(ax, Axes) and "No radiotherapy" in ax.texts[0].get_text()
