"""Results for other tools, read again by readers that are not ours wherever one is installed."""

import csv
import json
import re
from io import StringIO
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from Bio import Phylo
from hypothesis import given
from hypothesis import strategies as st

from phylometa.cli import _invoke
from phylometa.io.annotated_trees import annotate, clone_names, newick_text, nexus_text, safe_names, with_site_tips
from phylometa.io.export import EXPORT_FORMATS
from phylometa.io.pairtree import read_pairtree_params
from phylometa.io.phylogenies import read_phylogenies
from phylometa.io.tables import read_counts
from phylometa.io.trees_io import read_jellyfish, read_metient, read_tree_with_sites
from phylometa.model.clone_tree import CloneTree, preorder
from phylometa.pipeline.stages import load_result

SUFFIX = {
    "nexus": ".nex",
    "auspice": ".json",
    "machina": ".tree",
    "mach2": ".tree",
    "metient": ".tsv",
    "pairtree": ".ssm",
}


@pytest.fixture(scope="module")
def result(small_run):
    return load_result(small_run)


@pytest.fixture(scope="module")
def read_once():
    """The command reads the same results again and again."""
    kept = {}

    def load(directory, *, without=()):
        key = str(directory), frozenset(without)
        if key not in kept:
            kept[key] = load_result(directory, without=without)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phylometa.pipeline.stages.load_result", load)
        yield


@pytest.fixture(scope="module")
def exported(small_run, tmp_path_factory, read_once):
    """Format -> what `phylometa export` wrote."""
    folder = tmp_path_factory.mktemp("exported")
    found = {}
    for target in EXPORT_FORMATS:
        found[target] = folder / f"{target}{SUFFIX.get(target, '')}"
        assert _invoke(["export", str(small_run), "--to", target, "-o", str(found[target])]) == 0
    return found


def rows_of(path):
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def expected_edges(result):
    names = clone_names(result.trees.names)
    return {(names[u], names[v]): float(result.trees.edge_support[u, v]) for u, v in result.trees.best.edges()}


def expected_tips(result):
    names, sites = clone_names(result.trees.names), safe_names(result.trees.site_names)
    return {f"{names[v]}_{sites[t]}": names[v] for v, t in np.argwhere(result.trees.presence[0] >= 0.5)}


def name_of(clade):
    """Bio.Phylo takes the name of an annotated inner node of NEXUS for its confidence."""
    return clade.name or clade.confidence


def pairs_of(tree):
    return {(name_of(parent), name_of(child)) for parent in tree.find_clades() for child in parent}


@pytest.mark.parametrize(("target", "format"), [("newick", "newick"), ("nhx", "newick"), ("nexus", "nexus")])
def test_bio_phylo_reads_the_same_tree(exported, result, target, format):
    tree = next(iter(Phylo.parse(exported[target], format)))
    tips = expected_tips(result)
    assert pairs_of(tree) == {*expected_edges(result), *((clone, tip) for tip, clone in tips.items())}
    length = dict(zip(clone_names(result.trees.names), result.trees.n_mutations))
    assert {name_of(c): c.branch_length for c in tree.find_clades() if name_of(c) in length} == pytest.approx(length)
    assert {clade.name for clade in tree.get_terminals()} == set(tips)


@pytest.mark.parametrize(("target", "pattern"), [("nhx", r"B=([\d.e-]+)"), ("nexus", r"support=([\d.e-]+)")])
def test_supports_are_annotations_of_their_branches(exported, result, target, pattern):
    tree = next(iter(Phylo.parse(exported[target], "newick" if target == "nhx" else "nexus")))
    support = {child: p for (_, child), p in expected_edges(result).items()}
    found = {name_of(c): float(m[1]) for c in tree.find_clades() if (m := re.search(pattern, c.comment or ""))}
    assert found == pytest.approx(support, abs=1e-4)


def test_our_own_reader_finds_the_sites_at_the_tips(exported, result):
    tips, sites = expected_tips(result), result.trees.site_names
    for target in ("nhx", "nexus"):
        tree = read_phylogenies(exported[target])[0]
        site = dict(zip(tree.names, tree.sites))
        named = {safe_names([name])[0]: name for name in sites}
        assert {tip: safe_names([site[tip]])[0] for tip in tips} == {
            tip: tip.removeprefix(f"{clone}_") for tip, clone in tips.items()
        }
        assert {safe_names([s])[0] for s in site.values() if s} <= set(named)


def test_ete_and_dendropy_read_results_and_exports(exported, result, small_run):
    ete4, dendropy = pytest.importorskip("ete4"), pytest.importorskip("dendropy")
    names = set(clone_names(result.trees.names))
    for name in ("best", "consensus"):
        text = (small_run / f"trees/{name}.nwk").read_text()
        tree = ete4.Tree(text, parser=1)
        assert {node.name for node in tree.traverse()} == names
        read = dendropy.Tree.get(data=text, schema="newick")
        assert {node.label or node.taxon.label for node in read.preorder_node_iter()} == names
    support = {child: p for (_, child), p in expected_edges(result).items()}
    tree = ete4.Tree(exported["nhx"].read_text(), parser=1)
    assert {n.name: float(n.props["B"]) for n in tree.traverse() if "B" in n.props} == pytest.approx(support, abs=1e-4)
    trees = dendropy.TreeList.get(path=exported["nexus"], schema="nexus", preserve_underscores=True)
    assert len(trees) == 2 and all(tree.is_rooted for tree in trees)
    found = {n.label: float(n.annotations.get_value("support")) for n in trees[0] if n.label in support}
    assert found == pytest.approx(support, abs=1e-4)


@pytest.mark.parametrize("target", ["machina", "mach2"])
def test_located_trees_come_back(exported, result, target):
    read = read_tree_with_sites(exported[target], exported[target].with_suffix(".labeling"))
    sites = safe_names(result.trees.site_names)
    names = clone_names(result.trees.names)
    wanted = {
        names[v]: {sites[t] for t in np.flatnonzero(row >= 0.5)} for v, row in enumerate(result.trees.presence[0])
    }
    found = {
        name: {read.site_names[t] for t in np.flatnonzero(row)} for name, row in zip(read.tree.names, read.presence)
    }
    assert found == {name: wanted[name] for name in read.tree.names}
    assert {name for name in names if wanted[name]} <= set(read.tree.names)
    assert {(read.tree.names[u], read.tree.names[v]) for u, v in read.tree.edges()} <= set(expected_edges(result))


def test_metient_has_the_primary_and_the_mutations(exported, result):
    read = read_metient(exported["metient"], exported["metient"].with_suffix(".tree"))
    assert read.primaries == (safe_names([result.patient.primary.name])[0],)
    n_mutations = dict(zip(clone_names(result.trees.names), result.trees.n_mutations))
    assert dict(zip(read.tree.names, read.tree.n_mutations)) == {name: n_mutations[name] for name in read.tree.names}


def test_jellyfish_has_all_samples_each_composed_of_all_its_cells(exported, result):
    read = read_jellyfish(exported["jellyfish"])
    assert read.site_names == result.patient.mutations.sample_names
    np.testing.assert_allclose(read.proportions.sum(axis=0), 1.0, atol=1e-6)
    samples = {row["sample"]: row for row in rows_of(exported["jellyfish"] / "samples.tsv")}
    site = {sample.name: sample.site for sample in result.patient.samples}
    for name, row in samples.items():
        if row["parent"]:
            assert int(row["rank"]) == int(samples[row["parent"]]["rank"]) + 1
        assert (row["rank"] == "1") == (site[name] == result.patient.primary.name)
    colours = [row["color"] for row in rows_of(exported["jellyfish"] / "phylogeny.tsv")]
    assert all(re.fullmatch("#[0-9A-Fa-f]{6}", colour) for colour in colours)


def test_cytoscape_networks_open_in_networkx(exported, result):
    clones = nx.cytoscape_graph(json.loads((exported["cytoscape"] / "clones.cyjs").read_text()))
    assert clones.is_directed()
    supports = {(u, v): d["support"] for u, v, d in clones.edges(data=True)}
    assert supports == pytest.approx(expected_edges(result), abs=1e-6)  # written with six digits
    sites = nx.cytoscape_graph(json.loads((exported["cytoscape"] / "sites.cyjs").read_text()))
    names, probability = result.histories.site_names, result.histories.migration_probability
    wanted = {(names[s], names[t]): probability[s, t] for s, t in np.argwhere(probability > 0)}
    assert {(u, v): d["probability"] for u, v, d in sites.edges(data=True)} == pytest.approx(wanted, rel=1e-5)
    assert {n: d["site_class"] for n, d in sites.nodes(data=True)} == {
        s.name: s.site_class for s in result.patient.sites
    }


def test_auspice_is_a_dataset_of_version_2(exported, result):
    document = json.loads(exported["auspice"].read_text())
    assert set(document) == {"version", "meta", "tree"} and document["version"] == "v2"
    assert re.fullmatch(r"[0-9X]{4}-[0-9X]{2}-[0-9X]{2}", document["meta"]["updated"])
    assert document["meta"]["panels"] == ["tree"]
    keys = {coloring["key"] for coloring in document["meta"]["colorings"]}
    nodes, stack = {}, [(document["tree"], 0.0)]
    while stack:
        node, above = stack.pop()
        assert set(node) <= {"name", "node_attrs", "branch_attrs", "children"}
        assert node["node_attrs"]["div"] >= above
        for word, value in node["node_attrs"].items():
            assert word == "div" or "value" in value
        if confidence := node["node_attrs"].get("site", {}).get("confidence"):
            assert sum(confidence.values()) == pytest.approx(1, abs=1e-4)
        nodes[node["name"]] = node
        stack += [(child, node["node_attrs"]["div"]) for child in node.get("children", ())]
    assert {tip for tip, node in nodes.items() if "children" not in node} == set(expected_tips(result))
    assert keys <= {word for node in nodes.values() for word in node["node_attrs"]}
    depth = dict(zip(clone_names(result.trees.names), result.trees.best.depth_in_mutations))
    assert {name: nodes[name]["node_attrs"]["div"] for name in depth} == pytest.approx(depth)


def test_annotation_files_of_itol_name_vertices_of_the_tree(exported, result):
    tree = Phylo.read(exported["itol"] / "tree.nwk", "newick")
    known = {clade.name for clade in tree.find_clades()}
    kinds = {"sites.txt": "DATASET_COLORSTRIP", "clones.txt": "TREE_COLORS", "support.txt": "DATASET_TEXT"}
    for name, kind in kinds.items():
        lines = (exported["itol"] / name).read_text().splitlines()
        assert lines[:2] == [kind, "SEPARATOR TAB"]
        data = [line.split("\t") for line in lines[lines.index("DATA") + 1 :]]
        assert data and {row[0] for row in data} <= known
        legend = [len(line.split("\t")) for line in lines if line.startswith(("LEGEND_S", "LEGEND_C", "LEGEND_L"))]
        assert len(set(legend)) <= 1
    assert {row[0] for row in data} == {child for _, child in expected_edges(result)}


def test_pairtree_reads_and_clusters_come_back(exported, result):
    read = read_counts(exported["pairtree"])
    mutations, clusters = result.patient.mutations, result.clusters
    kept = clusters.in_clone
    np.testing.assert_array_equal(read.mutations.alt_counts, mutations.alt_counts[kept])
    np.testing.assert_array_equal(read.mutations.depth, mutations.depth[kept])
    ours = [clusters.names[label] for label in clusters.labels[kept]]
    assert len(set(zip(ours, read.known_clusters))) == len(set(ours)) == len(set(read.known_clusters))
    params = read_pairtree_params(exported["pairtree"].with_suffix(".params.json"))
    assert len(params["garbage"]) == int((~kept).sum())


def test_export_writes_nothing_into_the_results_nor_beside_them(exported, small_run):
    assert not (small_run.parent / f".{small_run.name}.lock").exists()


def test_nothing_is_overwritten_without_force(exported, small_run, capsys):
    for target, path in exported.items():
        before = {p: p.read_bytes() for p in ([path] if path.is_file() else path.iterdir())}
        assert _invoke(["export", str(small_run), "--to", target, "-o", str(path)]) == 2
        assert str(path) in capsys.readouterr().err
        assert _invoke(["export", str(small_run), "--to", target, "-o", str(path), "--force"]) == 0
        assert {p: p.read_bytes() for p in before} == before  # and the same bytes again


def test_what_export_refuses(small_run, tmp_path, capsys):
    assert _invoke(["export", str(small_run), "--to", "figtree", "-o", str(tmp_path / "x")]) == 2
    assert "known: jellyfish, metient" in capsys.readouterr().err
    assert _invoke(["export", str(tmp_path), "--to", "nexus", "-o", str(tmp_path / "x")]) == 2
    assert _invoke(["export", str(small_run), "--to", "itol", "-o", str(tmp_path / "no" / "x")]) == 2
    only_clusters = tmp_path / "P01"
    counts = Path(small_run) / "input/counts.tsv"
    assert (
        _invoke(["cluster", str(counts), "--sheet", str(small_run / "input/samples.tsv"), "-o", str(only_clusters)])
        == 0
    )
    capsys.readouterr()
    assert _invoke(["export", str(only_clusters), "--to", "nexus", "-o", str(tmp_path / "x")]) == 3
    assert "phylometa tree" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@st.composite
def odd_trees(draw):
    n = draw(st.integers(1, 8))
    parents = [-1, *(draw(st.integers(0, v - 1)) for v in range(1, n))]
    text = st.text("aB1 '\"[](){}:;,=&|/ü%_\t", min_size=1, max_size=6)
    names = draw(st.lists(st.one_of(text, st.integers(-3, 30).map(str)), min_size=n, max_size=n, unique=True))
    sites = draw(st.lists(text, min_size=1, max_size=3, unique=True))
    presence = [[draw(st.booleans()) for _ in sites] for _ in range(n)]
    return CloneTree(tuple(names), np.array(parents)), np.array(presence), sites


@given(odd_trees())
def test_any_names_survive_as_words_that_every_reader_takes_for_names(drawn):
    tree, presence, sites = drawn
    support = {v: 0.5 for _, v in tree.edges()}
    made = with_site_tips(annotate(tree, support, [{"drivers": sites[0]}] * tree.n_clones), presence, sites)
    assert all(re.fullmatch(r"[\w.+-]+", name) and not re.fullmatch(r"[-+.\d].*", name) for name in made.names)
    wanted = {(made.names[p], made.names[v]) for v, p in enumerate(made.parents) if p >= 0}
    for style in ("plain", "nhx"):
        assert pairs_of(Phylo.read(StringIO(newick_text(made, style)), "newick")) == wanted, style
    if len(made.names) > 1:  # Bio.Phylo reads no NEXUS tree of one vertex
        assert pairs_of(next(iter(Phylo.parse(StringIO(nexus_text({"t": made})), "nexus")))) == wanted
    assert len(preorder(made.parents)) == len(made.names)
