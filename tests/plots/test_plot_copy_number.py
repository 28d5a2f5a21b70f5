"""Figures of the copy-number result: named events on the branches, instability of every sample by site."""

from dataclasses import replace

import numpy as np
import plot_results
import pytest

from phylometa.config import CopyNumberSettings
from phylometa.copy_number import infer_copy_number_tree
from phylometa.copy_number.arms import arm_name, named_events, recurrent_names
from phylometa.model.copy_number import ClassComparison, CopyNumberEvent
from phylometa.model.patient import CopyNumberProfile
from phylometa.plots.copy_number_events import copy_number_events_scene
from phylometa.plots.copy_number_plots import plot_copy_number
from phylometa.plots.instability import instability_scene

ARMS = [("p", 0, 45_000_000), ("q", 45_000_000, 145_000_000)]


@pytest.mark.parametrize(
    ("kind", "start", "end", "name"),
    [
        ("gain", 46_000_000, 145_000_000, "8q+"),
        ("loss", 0, 44_000_000, "8p−"),
        ("loss", 0, 145_000_000, "8−"),
        ("gain", 100_000_000, 145_000_000, ""),  # less than most of the arm
        ("doubling", 0, 145_000_000, ""),
    ],
)
def test_arm_names(kind, start, end, name):
    assert arm_name(CopyNumberEvent("A", kind, "chr8", start, end, "a"), ARMS) == name


def inferred():
    """Trunk: 17p lost; (A, B): 8q gained; C: 8q gained as well, on the other allele, and all of 5 lost."""
    chroms = {"5": 180_000_000, "8": 145_000_000, "17": 83_000_000}
    rows = []
    for s, name in enumerate("ABC"):
        for chrom, end in chroms.items():
            middle = {"5": 48_800_000, "8": 45_200_000, "17": 25_100_000}[chrom]
            for first, last, arm in ((0, middle, "p"), (middle, end, "q")):
                a, b = 1, 1
                if chrom == "17" and arm == "p":
                    a = 0
                if chrom == "8" and arm == "q":
                    a, b = (1, 2) if name == "C" else (2, 1)
                if chrom == "5" and name == "C":
                    b = 0
                rows.append((s, chrom, first, last, a, b))
    columns = list(zip(*rows))
    profile = CopyNumberProfile(("A", "B", "C"), *columns, is_phased=True)
    settings = CopyNumberSettings(bootstrap=0)
    return infer_copy_number_tree(profile, settings=settings, rng=np.random.default_rng(1))


def test_named_and_recurrent_events_of_an_inferred_tree():
    found = inferred()
    names = named_events(found)
    by_samples = {frozenset(found.clade(v)): names.get(name, []) for v, name in enumerate(found.node_names)}
    assert by_samples[frozenset("ABC")] == [("17p−", 1)]
    assert by_samples[frozenset("AB")] == [("8q+", 1)]
    assert by_samples[frozenset("C")] == [("5−", 1), ("8q+", 1)]
    assert recurrent_names(found) == {"8q+"}
    assert sum(event.is_mirrored for event in found.parallel) == 1


def test_copy_neutral_loss_of_heterozygosity_has_a_name():
    rows = [
        (s, chrom, start, end, *((2, 0) if name == "B" and chrom == "4" and start else (1, 1)))
        for s, name in enumerate("AB")
        for chrom, start, end in (("4", 0, 50_000_000), ("4", 50_000_000, 190_000_000), ("9", 0, 138_000_000))
    ]
    profile = CopyNumberProfile(("A", "B"), *zip(*rows))
    found = infer_copy_number_tree(profile, settings=CopyNumberSettings(bootstrap=0), rng=np.random.default_rng(1))
    assert named_events(found)["B"] == [("4q cnLOH", 1)]


def test_the_single_x_of_a_male_is_white():
    result = plot_results.eight_clones()
    patient = result.patient
    segments = patient.segments
    x = CopyNumberProfile(
        segments.sample_names, [0, 1], ("X", "X"), [0, 0], [10**8, 10**8], np.array([1.0, 2.0]), np.zeros(2)
    )
    samples = tuple(replace(sample, sex="male") for sample in patient.samples)
    drawn = plot_copy_number(
        replace(result, patient=patient.with_changes(segments=x, samples=samples), copy_number=None)
    )
    image = np.asarray(drawn.images[0].get_array())
    rows = [tuple(np.round(image[row, 10], 2)) for row in range(0, image.shape[0], 6)]
    assert (1.0, 1.0, 1.0) in rows and any(r[0] > r[2] for r in rows)  # one copy white, two a gain


@pytest.mark.parametrize("width", [250.0, 520.0])
def test_every_branch_has_its_count_and_its_names(width):
    result = plot_results.eight_clones()
    found = result.copy_number
    scene = copy_number_events_scene(result, width=width)
    on_branch = {}
    for label in scene.labels:
        if label.group is not None:
            on_branch.setdefault(int(label.group.key.removeprefix("branch-")), []).append(label)
    named = named_events(found)
    for v, name in enumerate(found.node_names):
        words = [label.text for label in on_branch.get(v, [])]
        if found.parents[v] >= 0 and found.branch_lengths[v]:
            assert words[0] == str(found.branch_lengths[v]), name
        assert any("1−*" in word for word in words) == (name in named)
    for k, first in enumerate(scene.labels):  # no label lies on another
        for second in scene.labels[:k]:
            a, b = first.box, second.box
            wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            assert wide <= 0 or high <= 0.5, (first.text, second.text)


def test_the_tree_beside_the_heat_map_leaves_no_length_of_a_sample_out():
    result = plot_results.eight_clones()
    found = result.copy_number
    ax = plot_copy_number(result)
    tree = ax.child_axes[0]
    written = {text.get_text(): text for text in tree.texts}
    n_samples = len(found.sample_names)
    assert {str(length) for length in found.branch_lengths[:n_samples].tolist() if length} <= set(written)
    heights = [line.get_ydata()[-1] for line in tree.lines if line.get_linestyle() == "-"]
    supports = [text.get_position()[1] for name, text in written.items() if name.endswith("%")]
    # most at their nodes: above or below a branch that leaves the node they would seem to be that branch's
    assert sum(min(abs(at - height) for height in heights) < 1e-9 for at in supports) > 0.5 * len(supports)


def test_rows_of_heat_map_and_tree_are_the_same():
    result = plot_results.eight_clones()
    ax = plot_copy_number(result)
    tree = ax.child_axes[0]
    assert tree.get_ylim() == ax.get_ylim()
    tips = {round(line.get_ydata()[-1], 6) for line in tree.lines if line.get_linestyle() != "-"}
    assert tips == {i + 0.5 for i in range(len(result.copy_number.sample_names))}


def test_instability_shows_every_sample_and_the_comparison():
    result = plot_results.eight_clones()
    compared = ClassComparison("wgii", 0.2, 0.4, 2, 4, 0.03125)
    result = replace(result, copy_number=replace(result.copy_number, comparisons=(compared,)))
    scene = instability_scene(result, width=520.0)
    dots = [item.group.key for item in scene.items if item.group is not None and item.group.key.startswith("sample-")]
    for place in [i for i, item in enumerate(result.copy_number.instability) if item.is_sample]:
        assert dots.count(f"sample-{place}") == 6  # a doubled sample: ring and centre in three panels
    words = [label.text for label in scene.labels]
    assert "p = 0.031" in words and "wGII" in words
    assert [word for word in words if word in result.patient.site_names][0] == result.patient.primary.name


def test_without_a_result_the_figures_say_so():
    nothing = plot_results.nothing()
    assert "No copy-number tree" in copy_number_events_scene(nothing, width=300.0).labels[0].text
    assert "No copy-number result" in instability_scene(nothing, width=300.0).labels[0].text
