"""Parts of the figures: hand-worked numbers and properties."""

import datetime
import itertools
import math
import re
from dataclasses import replace

import numpy as np
import plot_results
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from plot_artists import artists_of

from phylometa.model.colours import SITE_PALETTE
from phylometa.model.history import HistoryEnsemble, MigrationHistory, TreeHistories
from phylometa.model.lineage_colours import lineage_colours
from phylometa.model.patient import CopyNumberProfile
from phylometa.model.result import PatientResult
from phylometa.plots import FIGURES, body_map, plot_clone_tree, plot_migration_graph, plot_timeline
from phylometa.plots.bells import bells_of, nested_intervals, visible_forest
from phylometa.plots.body_map import body_map_scene
from phylometa.plots.clone_tree import clone_drivers
from phylometa.plots.copy_number_plots import chromosome_order, segment_image
from phylometa.plots.history_overview import Migration, migration_edges
from phylometa.plots.label_placement import nice_ticks, spread
from phylometa.plots.migration_graph import migration_graph_scene
from phylometa.plots.scene import Scene, draw_scene
from phylometa.plots.scene_svg import scene_svg
from phylometa.plots.seeding_matrix import seeding_matrix_scene
from phylometa.plots.style import (
    INK,
    MUTED,
    Swatch,
    clean_text,
    column_width,
    contrast,
    fit_text,
    text_colour_on,
    text_width,
    wrap_text,
)
from phylometa.plots.timeline import timeline_scene
from phylometa.plots.tree_drawing import row_layout
from phylometa.reference.organs import find_organ


def test_text_contrast_meets_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast(INK, "#ffffff") > 7 and contrast(MUTED, "#ffffff") > 7
    for colour in (*SITE_PALETTE, *lineage_colours((-1, 0, 0, 1, 1, 2, 2, 3))):
        assert contrast(text_colour_on(colour), colour) >= 4.5


def test_clean_text_leaves_no_control_character():
    assert clean_text("a\x00b\u202ec\td\ud800é名") == "a\ufffdb\ufffdc d\ufffdé名"


@settings(max_examples=30)
@given(st.text(max_size=40), st.floats(0, 120))
def test_fitted_text_fits(text, width):
    assert text_width(fit_text(text, width)) <= width
    assert all(text_width(line) <= width for line in wrap_text(text, width, lines=3))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.5, 8)), min_size=1, max_size=10))
def test_spread_labels_keep_their_order_and_distance(labels):
    wanted, sizes = zip(*sorted(labels))
    places = spread(wanted, sizes, 0, 100)
    for (a, size_a), (b, size_b) in itertools.pairwise(zip(places, sizes)):
        assert b - a >= 0.5 * (size_a + size_b) - 1e-9
    assert places[0] - 0.5 * sizes[0] >= -1e-9 and places[-1] + 0.5 * sizes[-1] <= 100 + 1e-9
    apart = all(b - a >= 0.5 * (sa + sb) for (a, sa), (b, sb) in itertools.pairwise(zip(wanted, sizes)))
    if apart and wanted[0] >= 0.5 * sizes[0] and wanted[-1] <= 100 - 0.5 * sizes[-1]:
        assert places == pytest.approx(wanted)


def test_labels_without_room_are_packed_evenly():
    assert spread([1, 1, 1], [10, 10, 10], 0, 15) == [2.5, 7.5, 12.5]
    assert nice_ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]


@settings(max_examples=40)
@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_bells_nest_at_every_moment_and_end_at_the_shares(n_clones, random):
    parents = [-1, *(random.randrange(v) for v in range(1, n_clones))]
    times = random.choice([(1.0,), (0.4, 1.0), (0.3, 0.5, 1.0)])
    shares = np.array([[random.random() * random.randint(0, 1) for _ in times] for _ in range(n_clones)])
    shares = shares / np.maximum(shares.sum(axis=0), 1)
    founders = {v for v in range(n_clones) if random.random() < 0.2}
    forest = visible_forest(parents, shares, founders)
    bells = bells_of(forest, shares, times)
    assert len(bells.x) == bells.bands.shape[1] and bells.clones == tuple(forest)
    total = {v: shares[v, -1] for v in forest}
    for v in reversed(list(forest)):
        if forest[v] >= 0:
            total[forest[v]] += total[v]
    for v, above in forest.items():
        band = bells.band(v)
        assert (band[:, 1] - band[:, 0] >= -1e-9).all()
        assert band[-1, 1] - band[-1, 0] == pytest.approx(total[v], abs=1e-9)
        outer = bells.band(above) if above >= 0 else np.array([[0.0, 1.0]])
        assert (outer[:, 0] - 1e-9 <= band[:, 0]).all() and (band[:, 1] <= outer[:, 1] + 1e-9).all()
    for first, second in itertools.combinations(forest, 2):
        if forest[first] == forest[second]:
            a, b = sorted((bells.band(first), bells.band(second)), key=lambda band: band.sum())
            assert (a[:, 1] <= b[:, 0] + 1e-9).all()


def test_a_clone_that_arrived_lies_in_no_other():
    shares = np.array([[0.5], [0.0], [0.3], [0.2]])
    assert visible_forest([-1, 0, 1, 2], shares, {2}) == {0: -1, 2: -1, 3: 2}
    assert visible_forest([-1, 0, 1, 2], shares, ()) == {0: -1, 2: 0, 3: 2}
    ends = nested_intervals({0: -1, 2: -1}, shares[:, 0])
    assert ends[0][1] - ends[0][0] == pytest.approx(0.5) and ends[0][1] <= ends[2][0]


def test_rows_of_a_tree_put_parents_between_their_children():
    assert row_layout([-1]) == [0]
    assert row_layout([-1, 0, 0, 0, 2]) == [1, 0, 2, 4, 3]


def ensemble():
    """Two histories of three sites: clone 1 always goes from 0 to 1; clone 2 reaches 2 from 1 (.7) or from 0 (.3)."""
    first = MigrationHistory((0, 0), [[0, 0, 1, 1], [1, 1, 2, 2]], weight=0.7)
    second = MigrationHistory((0, 0), [[0, 0, 1, 1], [0, 0, 2, 2]], weight=0.3)
    presence = np.eye(3, dtype=bool)
    listed = TreeHistories(0, 1.0, presence, {}, 2, True, (first, second))
    return HistoryEnsemble((listed,), ("P", "A", "B"))


def test_migration_probabilities_are_sums_of_histories():
    found = {(e.source, e.target, e.founding_clones): e for e in migration_edges(ensemble())}
    assert {key: round(e.probability, 9) for key, e in found.items()} == {
        (0, 1, (1,)): 1.0,
        (0, 2, (2,)): 0.3,
        (1, 2, (2,)): 0.7,
    }
    assert [e.is_in_history for e in found.values()] == [True, False, True]
    assert found[1, 2, (2,)].departing_clones == (1,)
    merged = migration_edges(ensemble(), is_merged=True)
    assert [(e.source, e.target, e.founding_clones, e.is_in_history) for e in merged] == [
        (0, 1, (1,), True),
        (0, 2, (2,), False),
        (1, 2, (2,), True),
    ]


def test_merged_migrations_count_a_history_once():
    twice = MigrationHistory((0, 0), [[0, 0, 1, 1], [0, 0, 2, 1]], weight=1.0)
    listed = TreeHistories(0, 1.0, np.ones((3, 2), dtype=bool), {}, 1, True, (twice,))
    (edge,) = migration_edges(HistoryEnsemble((listed,), ("P", "A")), is_merged=True)
    assert edge.probability == 1.0 and edge.founding_clones == (1, 2) and edge.departing_clones == (0,)


def test_no_arrow_below_the_threshold_in_the_clinicians_view():
    result = plot_results.eight_clones()
    shown = migration_graph_scene(result, rank=None, min_probability=0.8, is_merged=True)
    arrows = {item.group.key for item in shown.items if item.group and item.group.key.startswith("edge-")}
    sure = [e for e in migration_edges(result.histories, is_merged=True) if e.probability >= 0.8]
    assert len(arrows) == len(sure) > 0


@pytest.mark.parametrize(
    "name, x, y",
    [
        ("Liver metastasis 2", -15, 121),
        ("right lung", -16, 88),
        ("left_lung", 16, 88),
        ("LN pelvic", 11, 189),
        ("T9", 0, 64 + 6.3 * 9),
        ("vertebra L2", 0, 142 + 14),
        ("ovaries", None, None),
        ("kidneys", 16, 140),
        ("s1", 0, 182),
        ("M1", None, None),
        ("", None, None),
    ],
)
def test_sites_are_found_by_their_words(name, x, y):
    found = find_organ(name)
    assert found is None if x is None else (found.x, found.y) == pytest.approx((x, y))


def test_body_marks_do_not_touch():
    scene = body_map_scene(plot_results.sixty_clones())
    centres = []
    for item in scene.items:
        is_mark = item.group and item.group.key.startswith("site-") and getattr(item, "line_width", 0) == 0.9
        if is_mark:
            points = np.array([command[-2:] for command in item.commands if len(command) > 1])
            centres.append(points.mean(axis=0))
    gaps = [math.dist(a, b) for a, b in itertools.combinations(centres, 2)]
    assert len(centres) == 20 and min(gaps) > 6.5


def test_chromosomes_in_karyotype_order():
    assert chromosome_order(["X", "10", "2", "MT", "Y", "1"]) == ["1", "2", "10", "X", "Y", "MT"]


def test_segment_image_by_hand():
    nan = math.nan
    profile = CopyNumberProfile(
        ("a", "b"),
        sample=[0, 0, 1],
        chroms=["1", "2", "1"],
        start=[0, 0, 50],
        end=[100, 100, 100],
        major=[2, 1, 1],
        minor=[0, 1, 1],
        fraction=[1, 0.5, 1],
        major2=[nan, 3, nan],
        minor2=[nan, 1, nan],
    )
    total, minor, spans = segment_image(profile, 4)
    assert spans == [("1", 0.0, 2.0), ("2", 2.0, 4.0)]
    unknown = pytest.approx(nan, nan_ok=True)
    assert total.tolist() == [[2, 2, 3, 3], [unknown, 2, unknown, unknown]]
    assert minor[0].tolist() == [0, 0, 1, 1]


def test_timeline_keeps_ages_and_dates_apart_where_no_sample_joins_them():
    result = plot_results.eight_clones()
    undated = tuple(replace(sample, age=math.nan) for sample in result.patient.samples)
    scene = timeline_scene(replace(result, patient=result.patient.with_changes(samples=undated)))
    units = [label.text for label in scene.labels if label.text in ("Age (years)", "Calendar year")]
    assert units == ["Age (years)", "Calendar year"]
    assert "2020" in {label.text for label in scene.labels}
    no_events = result.patient.with_changes(samples=undated, treatments=(), lesions=())
    only_dates = timeline_scene(PatientResult(no_events))
    assert [label.text for label in only_dates.labels if label.text.startswith(("Age", "Cal"))] == ["Calendar year"]


def test_timeline_of_one_date_says_so():
    """All samples of one operation, no intervals: an axis with one column of marks shows nothing."""
    patient = plot_results.eight_clones().patient
    day = datetime.date(2020, 5, 4)
    samples = tuple(replace(s, age=math.nan, collection_date=day, diagnosis_date=None) for s in patient.samples)
    scene = timeline_scene(PatientResult(patient.with_changes(samples=samples, treatments=(), lesions=())))
    assert "Everything has one date, and no others could be inferred." in {label.text for label in scene.labels}


def test_drivers_of_a_clone():
    result = plot_results.eight_clones()
    assert clone_drivers(result, 1) == ("MYC", "PTEN")
    assert clone_drivers(result, 99) == ()


def test_scene_keeps_sizes_on_small_axes():
    figure = Figure(figsize=(2, 1), dpi=72)
    ax = plot_migration_graph(plot_results.eight_clones(), ax=figure.add_axes((0, 0, 1, 1)))
    assert ax.figure is figure
    low, high = ax.get_ylim()
    assert low > 72 and high == 0  # more points than the axes have: all shrinks
    assert max(text.get_fontsize() for text in ax.texts) < 7


def test_svg_of_a_scene_stands_alone():
    from xml.etree import ElementTree

    scene = Scene(100, 50, "A <title>", "described")
    with scene.group("clone-1", 'tip "quoted" & <b>', is_button=True, clone=1):
        scene.rect(1, 2, 30, 10, swatch=Swatch("#0072B2", "////"), stroke=INK)
        scene.text(5, 5, "a < b", halo=True, weight="bold", style="italic", anchor="middle")
    scene.line([(0, 0), (5, 5)], dash=(1.0, 2.0), opacity=0.5)
    scene.small(50, 20, "upright", angle=90)
    root = ElementTree.fromstring(scene_svg(scene, prefix="x", is_interactive=True))
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "group" and root.get("viewBox") == "0 0 100 50"
    button = root.find(f"{name}g")
    assert button.get("aria-label") == 'tip "quoted" & <b>' and button.get("data-clone") == "1"
    assert button.find(f"{name}path").get("fill").startswith("url(#x-")
    assert [text.text for text in root.iter(f"{name}text")] == ["a < b", "upright"]
    assert ElementTree.fromstring(scene_svg(scene, prefix="x")).find(f"{name}g").get("role") is None
    assert draw_scene(scene).figure.get_size_inches() * 72 == pytest.approx([100, 50])


def test_every_figure_draws_into_given_axes():
    result = plot_results.one_metastasis()
    for plot in FIGURES.values():
        figure = Figure(figsize=(5, 4))
        ax = figure.add_subplot()
        assert plot(result, ax=ax) is ax
        figure.draw_without_rendering()


def test_figures_leave_matplotlibs_settings_alone():
    from matplotlib import rcParams

    before = dict(rcParams)
    plot_clone_tree(plot_results.one_clone())
    assert dict(rcParams) == before


def test_sites_without_a_place_stand_below_the_body_and_an_empty_body_is_not_drawn():
    result = plot_results.eight_clones()
    patient = result.patient
    names = {site.name: f"lesion {i}" for i, site in enumerate(patient.sites)}

    def renamed(keep):
        sites = tuple(s if s.name in keep else replace(s, name=names[s.name]) for s in patient.sites)
        samples = tuple(s if s.site in keep else replace(s, site=names[s.site]) for s in patient.samples)
        return replace(result, patient=patient.with_changes(sites=sites, samples=samples, treatments=(), lesions=()))

    primary = patient.primary.name
    scene = body_map_scene(renamed({primary}))
    marks = {item.group.key: item for item in scene.items if item.group and item.group.key.startswith("site-")}
    assert set(marks) == {f"site-{i}" for i in range(len(patient.sites))}
    shown = {item.text for item in scene.labels}
    assert all(name in shown for site, name in names.items() if site != primary)
    assert any("do not tell where they lie" in text for text in shown)
    (message,) = body_map_scene(renamed(set())).labels
    assert message.text == "No name of a site tells where in the body it lies."


def test_an_arrow_bends_around_a_mark_in_its_way():
    edge = Migration(0, 1, (1,), (0,), 1.0, True)
    at = {0: (0.0, 0.0), 1: (0.0, 100.0)}
    free = body_map._control(edge, at)
    blocked = body_map._control(edge, {**at, 2: (0.5 * free[0], 50.0)})
    assert blocked != free


def test_names_break_behind_underscores():
    assert wrap_text("pelvic_lymph_node", 50) == ["pelvic_lymph_", "node"]
    assert "".join(wrap_text("pelvic_lymph_node", 50, lines=5)) == "pelvic_lymph_node"


@pytest.mark.parametrize("width", ["single", "double", 60, 120.5])
def test_a_figure_has_the_width_asked_for(width):
    figure = plot_timeline(plot_results.eight_clones(), width=width).figure
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx({"single": 89, "double": 183}.get(width, width))


@pytest.mark.parametrize("width", ["triple", 30, float("nan")])
def test_other_widths_are_refused(width):
    with pytest.raises(ValueError, match="width"):
        column_width(width)


def test_line_and_dash_are_those_of_the_migration_itself():
    result = plot_results.eight_clones()
    scene = migration_graph_scene(result, rank=None, is_merged=True)
    probability = {(e.source, e.target): e.probability for e in migration_edges(result.histories, is_merged=True)}
    lines = [x for x in scene.items if x.group and x.group.key.startswith("edge-") and getattr(x, "stroke", None)]
    assert lines
    for line in lines:
        source, target = (int(text) for text in line.group.key.split("-")[1:3])
        assert bool(line.dash) == (probability[source, target] < 0.8) or line.stroke == "#1a1a1a"


def test_body_maps_print_the_probability_beside_an_arrow():
    scene = body_map_scene(plot_results.eight_clones())
    arrows = {item.group.key for item in scene.items if item.group is not None and item.group.key.startswith("route-")}
    printed = [label for label in scene.labels if re.fullmatch(r"[<>]?\d+%", label.text)]
    assert arrows and 0 < len(printed) <= len(arrows)


def test_the_seeding_matrix_shows_long_names_whole():
    result = plot_results.fifteen_clones()
    text = " ".join(label.text for label in seeding_matrix_scene(result, width=255).labels)
    assert "left supraclavicular lymph node" in text and "…" not in text


@pytest.mark.parametrize(
    ("case", "width"),
    [
        *(("eight_clones", width) for width in (90.0, 183.0)),
        ("sixty_clones", 90.0),  # where room is scarcest
        pytest.param("sixty_clones", 183.0, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("figure", FIGURES)
def test_no_text_in_print_is_smaller_than_five_and_a_half_points(figure, case, width):
    texts = artists_of(FIGURES[figure](getattr(plot_results, case)(), width=width).figure, Text)
    assert min(text.get_fontsize() for text in texts if text.get_text().strip()) >= 5.5
