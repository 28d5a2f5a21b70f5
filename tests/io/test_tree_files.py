"""Clone trees with sites: MACHINA, MACH2, Metient and jellyfish files, read, written and read back."""

import os
from pathlib import Path

import numpy as np
import pytest

from phylometa.errors import InputError
from phylometa.io.trees_io import (
    LocatedTree,
    read_jellyfish,
    read_metient,
    read_tree_with_sites,
    write_jellyfish,
    write_mach2,
    write_machina,
    write_metient,
)
from phylometa.model.clone_tree import CloneTree

DATA = os.environ.get("PHYLOMETA_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="published data: set PHYLOMETA_DATA")


def example():
    tree = CloneTree.from_edges([("R", "A"), ("R", "B"), ("A", "C")], n_mutations={"R": 100, "A": 20, "B": 3, "C": 5})
    presence = [[1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]]  # R, A, C, B: C was seen nowhere
    return LocatedTree(tree, ("LN", "M", "P"), np.array(presence, bool))


def sites_by_clone(located):
    return {
        name: [located.site_names[s] for s in np.flatnonzero(row)]
        for name, row in zip(located.tree.names, located.presence)
    }


def edges_by_name(located):
    return {(located.tree.names[u], located.tree.names[v]) for u, v in located.tree.edges()}


@pytest.mark.parametrize("tool", ["machina", "mach2", "metient", "jellyfish"])
def test_round_trip(tmp_path, tool):
    located = example()
    one, two = tmp_path / "tree", tmp_path / "labels"
    if tool == "machina":
        write_machina(located, one, two)
        back = read_tree_with_sites(one, two)
    elif tool == "mach2":
        write_mach2(located, one, two)
        back = read_tree_with_sites(one, two)
    elif tool == "metient":
        write_metient(located, two, one, primary="P")
        back = read_metient(two, one)
        assert back.primaries == ("P",)
    else:
        write_jellyfish(located, tmp_path)
        back = read_jellyfish(tmp_path)
        np.testing.assert_allclose(back.proportions.sum(axis=0), 1)
    assert sites_by_clone(back) == sites_by_clone(located)
    assert edges_by_name(back) == edges_by_name(located)
    if tool in ("metient", "jellyfish"):
        assert dict(zip(back.tree.names, back.tree.n_mutations)) == {"R": 100, "A": 20, "B": 3, "C": 5}


def test_machina_leaves_are_kept_on_request(tmp_path):
    write_machina(example(), tmp_path / "t", tmp_path / "l")
    kept = read_tree_with_sites(tmp_path / "t", tmp_path / "l", contract=False)
    assert kept.tree.n_clones == 4 + 5
    assert not kept.presence[kept.tree.names.index("A")].any()


def test_a_site_in_which_nothing_was_seen():
    wider = example().with_site("brain")
    assert wider.site_names == ("LN", "M", "P", "brain")
    assert not wider.presence[:, 3].any()
    assert wider.with_site("brain") is wider


BAD_TREES = {
    "two parents": ("A B\nC B\n", "A x\n", "two parents"),
    "two roots": ("A B\nC D\n", "A x\n", "2 clones have no parent"),
    "a cycle": ("A B\nB A\n", "A x\n", "a cycle"),
    "a line too short": ("A B\nC\n", "A x\n", "1 names"),
    "no edge": ("# nothing\n", "A x\n", "no edge"),
    "unknown vertex": ("A B\n", "A x\nZ y\n", "'Z' is not a vertex"),
    "no site": ("A B\n", "A\n", "'A' has no site"),
    "no label": ("A B\n", "# none\n", "labels no vertex"),
    "a cycle beside a root": ("A B\nC D\nD C\n", "A x\n", "cycle"),
}


@pytest.mark.parametrize("case", sorted(BAD_TREES))
def test_bad_trees(tmp_path, case):
    tree, labels, message = BAD_TREES[case]
    (tmp_path / "t").write_text(tree)
    (tmp_path / "l").write_text(labels)
    with pytest.raises(InputError, match=message):
        read_tree_with_sites(tmp_path / "t", tmp_path / "l")


def metient_text(*rows):
    header = "anatomical_site_index anatomical_site_label cluster_index cluster_label present site_category"
    return "".join("\t".join(row.split()) + "\n" for row in (header, *rows))


BAD_METIENT = {
    "present": (["0 P 0 a 2 primary"], "0 1\n", "neither 0 nor 1"),
    "index": (["x P 0 a 1 primary"], "0 1\n", "whole numbers"),
    "two names": (["0 P 0 a 1 primary", "0 Q 0 b 1 primary"], "0 1\n", "two names"),
    "one name": (["0 P 0 a 1 primary", "0 P 1 a 1 primary"], "0 1\n", "one name"),
    "edge": (["0 P 0 a 1 primary", "0 P 1 b 1 primary"], "0 2\n", "cluster 2 is not in"),
}


@pytest.mark.parametrize("case", sorted(BAD_METIENT))
def test_bad_metient_tables(tmp_path, case):
    rows, tree, message = BAD_METIENT[case]
    (tmp_path / "t").write_text(tree)
    (tmp_path / "x.tsv").write_text(metient_text(*rows))
    with pytest.raises(InputError, match=message):
        read_metient(tmp_path / "x.tsv", tmp_path / "t")


def test_jellyfish_of_several_patients(tmp_path):
    (tmp_path / "samples.tsv").write_text("sample\tpatient\ns1\tP1\ns2\tP2\n")
    (tmp_path / "phylogeny.tsv").write_text(
        "subclone\tparent\tbranchLength\tpatient\n1\t\t9\tP1\n2\t1\t4\tP1\n1\t\t7\tP2\n"
    )
    (tmp_path / "compositions.tsv").write_text(
        "sample\tsubclone\tclonalPrevalence\tpatient\ns1\t1\t0.4\tP1\ns1\t2\t0.6\tP1\ns2\t1\t1\tP2\n"
    )
    with pytest.raises(InputError, match="P1, P2; choose one"):
        read_jellyfish(tmp_path)
    with pytest.raises(InputError, match="'P3'"):
        read_jellyfish(tmp_path, patient="P3")
    first = read_jellyfish(tmp_path, patient="P1")
    assert first.site_names == ("s1",)
    assert first.proportions[:, 0].tolist() == [0.4, 0.6]
    assert read_jellyfish(tmp_path, patient="P2").tree.names == ("1",)
    (tmp_path / "compositions.tsv").write_text(
        "sample\tsubclone\tclonalPrevalence\tpatient\ns1\t1\t1.4\tP1\ns1\t7\t0.6\tP1\ns9\t1\t1\tP1\n"
    )
    with pytest.raises(InputError) as caught:
        read_jellyfish(tmp_path, patient="P1")
    assert [problem.row for problem in caught.value.problems] == [2, 3, 4]


@needs_data
def test_published_trees():
    ovarian = Path(DATA) / "mcpherson_2016"
    leaves = read_tree_with_sites(ovarian / "patient1.tree", ovarian / "patient1.labeling", contract=False)
    assert leaves.tree.n_clones == 24
    contracted = sites_by_clone(read_tree_with_sites(ovarian / "patient1.tree", ovarian / "patient1.labeling"))
    published = Path(DATA) / "mach2"
    expected = read_tree_with_sites(published / "patient1.tree", published / "patient1.observed.labeling")
    rename = {"E1": "E", "G1": "G", "I1": "I", "C1": "C"}  # a clone whose only leaf stands for it
    assert {rename.get(name, name): sites for name, sites in contracted.items()} == sites_by_clone(expected)
