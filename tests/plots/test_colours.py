"""Colours: lineages, readers who lack one cone type, the user's own, one colour in all figures."""

import itertools
import random
from dataclasses import replace

import numpy as np
import plot_results
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phylometa.errors import InputError
from phylometa.io.colour_files import read_colours, write_colours
from phylometa.model.colours import SITE_PALETTE, clone_colours, colours_of_sites, with_colours
from phylometa.model.lineage_colours import clades_of, colour_distance, lineage_colours
from phylometa.model.patient import Site
from phylometa.plots.clone_flow import clone_flow_scene
from phylometa.plots.colours import clone_swatches, site_swatches
from phylometa.plots.fish import fish_scene
from phylometa.plots.proportions import clone_proportions_scene
from phylometa.plots.scene import Shape

TREES = {
    "star": (-1, 0, 0, 0, 0, 0, 0, 0),
    "chain": (-1, 0, 1, 2, 3, 4, 5, 6),
    "two clades": (-1, 0, 0, 1, 1, 2, 2, 3),
}


def test_distance_is_the_smallest_over_all_readers():
    assert colour_distance(["#ff0000"], ["#ff0000"])[0, 0] == 0
    assert colour_distance(["#000000"], ["#ffffff"])[0, 0] == pytest.approx(100, abs=0.5)
    # red and green of one lightness: far apart in normal vision, near for those who lack the green cone
    assert colour_distance(["#b05050"], ["#5f7f30"])[0, 0] < 25


def nearest(colours):
    return min(float(colour_distance([a], [b])[0, 0]) for a, b in itertools.combinations(colours, 2))


@pytest.mark.parametrize("parents", TREES.values(), ids=TREES)
def test_colours_stay_apart_for_all_readers(parents):
    assert nearest(lineage_colours(parents)) > 10  # a just noticeable difference is about 2.3


def test_site_colours_stay_apart_for_all_readers():
    assert nearest(SITE_PALETTE) > 7


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(0, 10**6))
def test_every_tree_gets_colours_and_clades_share_a_hue(n, seed):
    draw = random.Random(seed)
    parents = (-1, *(draw.randrange(v) for v in range(1, n)))
    trunk, clades = clades_of(parents)
    assert sorted([*trunk, *itertools.chain(*clades)]) == list(range(n))
    assert len(lineage_colours(parents)) == n
    for clade in clades:
        assert sum(parents[v] not in clade for v in clade) == 1  # one clade has one root


def lightness(colour):
    return sum(int(colour[i : i + 2], 16) * weight for i, weight in ((1, 0.3), (3, 0.6), (5, 0.1)))


def test_deeper_clones_are_darker_within_a_clade():
    colours = lineage_colours(TREES["chain"])
    shades = [lightness(colour) for colour in colours[1:]]
    assert shades == sorted(shades, reverse=True)


def test_swatches_differ_for_sixty_clones_and_twenty_sites():
    sixty = clone_swatches(plot_results.sixty_clones())
    assert len(set(sixty)) == 60
    sites = [Site(f"s{i}", "distant") for i in range(20)]
    assert len(set(site_swatches(sites))) == 20
    assert all(swatch.hatch == "" for swatch in site_swatches(sites[:8]))


def test_colours_do_not_depend_on_which_trees_are_drawn():
    result = plot_results.eight_clones()
    for scene in (clone_flow_scene, fish_scene, clone_proportions_scene):
        for colours in ({}, {"tree": 1} if scene is not clone_flow_scene else {}):
            fills = {
                (item.group.key, item.fill)
                for item in scene(result, **colours).items
                if isinstance(item, Shape)
                and item.group is not None
                and item.group.key.startswith("clone-")
                and item.fill
            }
            expected = dict(enumerate(clone_colours(result)))
            own = {int(key.split("-")[1]): fill for key, fill in fills if fill in expected.values()}
            assert own and all(expected[v] == fill for v, fill in own.items())


def test_chosen_colours_are_those_of_sites_and_clones():
    result = plot_results.eight_clones()
    name = result.trees.names[3]
    chosen = with_colours(result, sites={"prostate": "#123456"}, clones={name: "#abcdef"})
    assert colours_of_sites(chosen.patient.sites)[0] == "#123456"
    assert clone_colours(chosen)[3] == "#abcdef"
    assert clone_colours(chosen)[2] == clone_colours(result)[2]
    with pytest.raises(ValueError, match="site 'nowhere': expected one of prostate"):
        with_colours(result, sites={"nowhere": "#123456"})
    with pytest.raises(ValueError, match="colour 'red' of site prostate: expected #rrggbb"):
        with_colours(result, sites={"prostate": "red"})


def test_a_table_of_colours_comes_back(tmp_path):
    result = plot_results.eight_clones()
    path = tmp_path / "colors.tsv"
    write_colours(result, path)
    lines = path.read_text().splitlines()
    assert lines[0] == "kind\tname\tcolor\tchosen" and lines[1].endswith("False")
    assert not read_colours(result, path).clone_colours  # what stands there unchanged is nobody's choice
    path.write_text(path.read_text().replace(SITE_PALETTE[0], "#010203"))
    coloured = read_colours(result, path)
    assert coloured.patient.sites[0].colour == "#010203"
    write_colours(coloured, path)
    again = read_colours(result, path, is_own=True)
    assert [site.colour for site in again.patient.sites] == [site.colour for site in coloured.patient.sites]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("organ\tliver\t#000000", "row 2, column kind: 'organ': expected site or clone"),
        ("site\tprostate\tblue", "row 2, column color: 'blue': expected a colour as #1f77b4"),
        ("site\tmars\t#000000", "row 2, column name: 'mars': no site of this patient; they are"),
    ],
)
def test_faults_of_a_table_of_colours_are_named(tmp_path, line, message):
    path = tmp_path / "colors.tsv"
    path.write_text(f"kind\tname\tcolor\n{line}\n")
    with pytest.raises(InputError, match=message):
        read_colours(plot_results.eight_clones(), path)


def test_without_trees_clusters_have_colours():
    result = replace(plot_results.eight_clones(), trees=None)
    assert len(clone_swatches(result)) == result.clusters.n_clusters
    assert np.unique([swatch.colour for swatch in clone_swatches(result)]).size == result.clusters.n_clusters
