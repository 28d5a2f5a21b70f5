"""trees/ of a patient's directory: the posterior over clone trees as JSON, Newick and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phylometa.io.annotated_trees import annotate, newick_text
from phylometa.io.documents import read_json, reading, write_json
from phylometa.io.history_files import quoted
from phylometa.io.tsv import write_tsv
from phylometa.model.circulation import COLUMNS, Circulation
from phylometa.model.clone_tree import CloneTree
from phylometa.model.colours import colours_of_trees
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.tree_ensemble import PresenceScenario, TreeEnsemble

__all__ = ["read_trees", "write_circulation", "write_trees"]


def write_trees(trees: TreeEnsemble, sample_names: Sequence[str], directory: Path) -> None:
    """Write trees/: trees.json, best and consensus tree, edge support, clone proportions, presence in sites."""
    directory.mkdir(exist_ok=True)
    write_json(directory / "trees.json", _document(trees, sample_names), indent=None)
    if trees.joint is None:
        (directory / "joint.json").unlink(missing_ok=True)  # of an earlier run
    else:
        write_json(directory / "joint.json", trees.joint.to_json(trees.site_names), indent=None)
    best = trees.best
    confidence = {v: float(trees.edge_support[u, v]) for u, v in best.edges()}
    _write_newick(best, confidence, directory / "best.nwk")
    _write_graph(best, confidence, colours_of_trees(trees), directory / "best")
    consensus, clade_support = trees.consensus()
    _write_newick(consensus, clade_support, directory / "consensus.nwk")
    _write_edge_support(trees, directory / "edge_support.tsv")
    _write_proportions(trees, sample_names, directory / "clone_proportions.tsv")
    _write_presence(trees, directory / "presence.tsv")


def _document(trees: TreeEnsemble, sample_names: Sequence[str]) -> dict[str, Any]:
    """Convert the posterior to the document of trees.json."""
    names, sites = trees.names, trees.site_names
    return {
        "trees": [
            {
                "weight": trees.weights[i],
                "log_likelihood": trees.log_likelihood[i],
                "parents": {name: None if p < 0 else names[p] for name, p in zip(names, trees.parents[i])},
                "proportions": trees.proportions[i],
                "presence": trees.presence[i],
            }
            for i in range(len(trees))
        ],
        "complete": trees.complete,
        "n_trees": trees.n_trees,
        "method": trees.method,
        "clones": list(names),
        "n_mutations": trees.n_mutations,
        "samples": list(sample_names),
        "sites": list(sites),
        "diagnostics": trees.diagnostics,
        "scenarios": [
            {
                "tree": s.tree,
                "weight": s.weight,
                "presence": {name: [sites[t] for t in np.flatnonzero(row)] for name, row in zip(names, s.presence)},
            }
            for s in trees.scenarios
        ],
    }


def _write_edge_support(trees: TreeEnsemble, path: Path) -> None:
    """Write every edge and every ancestry of any tree with its probability."""
    names, support, ancestor = trees.names, trees.edge_support, trees.ancestor_probability
    pairs = [(u, v) for u in range(len(names)) for v in range(len(names)) if support[u, v] > 0 or ancestor[u, v] > 0]
    write_tsv(
        path,
        ["parent", "child", "probability", "ancestor_probability"],
        ((names[u], names[v], support[u, v], ancestor[u, v]) for u, v in pairs),
    )


def _write_proportions(trees: TreeEnsemble, sample_names: Sequence[str], path: Path) -> None:
    """Write the share of every clone in every sample: mean and interval of the posterior, and that of the best tree."""
    mean = np.einsum("t,tks->ks", trees.weights, trees.proportions)
    unknown = np.full(mean.shape, np.nan)
    intervals = trees.diagnostics.get("proportion_intervals", {"lower": unknown, "upper": unknown})
    columns = (mean, np.asarray(intervals["lower"]), np.asarray(intervals["upper"]), trees.proportions[0])
    write_tsv(
        path,
        ["clone", "sample", "proportion", "proportion_lo", "proportion_hi", "proportion_best_tree"],
        (
            (clone, sample, *(column[k, s] for column in columns))
            for k, clone in enumerate(trees.names)
            for s, sample in enumerate(sample_names)
        ),
    )


def _write_presence(trees: TreeEnsemble, path: Path) -> None:
    """Write the probability that a clone is in a site, for every clone and site."""
    present = np.einsum("t,tks->ks", trees.weights, trees.presence)
    write_tsv(
        path,
        ["clone", "site", "probability", "probability_best_tree"],
        (
            (clone, site, present[k, t], trees.presence[0, k, t])
            for k, clone in enumerate(trees.names)
            for t, site in enumerate(trees.site_names)
        ),
    )


def _write_graph(tree: CloneTree, support: Mapping[int, float], colours: Sequence[str], path: Path) -> None:
    """`path`.graphml and `path`.dot: clones with their mutations and colour, edges with their support."""
    import networkx as nx

    graph = tree.to_networkx()
    lines = ["digraph clones {"]
    for v in tree.preorder:
        name = quoted(tree.names[v])
        graph.nodes[tree.names[v]]["color"] = colours[v]
        lines.append(f'  {name} [label={name[:-1]}\\n{tree.n_mutations[v]:g}"];')
    for u, v in tree.edges():
        edge = tree.names[u], tree.names[v]
        graph.edges[edge]["support"] = float(f"{support[v]:.6g}")
        lines.append(f'  {quoted(edge[0])} -> {quoted(edge[1])} [label="{support[v]:.2f}"];')
    path.with_suffix(".dot").write_text("\n".join([*lines, "}"]) + "\n", encoding="utf-8")
    nx.write_graphml(graph, path.with_suffix(".graphml"))


def _write_newick(tree: CloneTree, support: Mapping[int, float], path: Path) -> None:
    """`path` in Newick with NHX annotations: clones at all nodes, named as `clone_names`, and B, the support."""
    path.write_text(newick_text(annotate(tree, support)) + "\n", encoding="utf-8")


def write_circulation(found: Circulation, directory: Path) -> None:
    """Write circulating.tsv (shares of clones), shed.tsv (where they are known from) and circulation.json of trees/."""
    write_json(directory / "circulation.json", found.to_json())
    before = dict(zip(found.samples, ("; ".join(texts) for texts in found.treatments_before)))
    rows = ((*row, before[row[0]]) for row in found.rows)
    write_tsv(directory / "circulating.tsv", [*COLUMNS, "treatments_before"], rows)
    bounds = (found.shed, found.shed_lo, found.shed_hi)
    write_tsv(
        directory / "shed.tsv",
        ["sample", "kind", "date", "tumour_fraction", "known_from", "share", "share_lo", "share_hi"],
        (
            (sample, found.kinds[c], found.dates[c], found.purity[c], origin, *(values[o, c] for values in bounds))
            for c, sample in enumerate(found.samples)
            for o, origin in enumerate(found.origins)
        ),
    )


def read_trees(directory: Path) -> TreeEnsemble:
    """Read the ensemble that `write_trees` wrote."""
    joint = None
    if (directory / "joint.json").is_file():
        document = read_json(directory / "joint.json")
        with reading(directory / "joint.json"):
            joint = JointPosterior.from_json(document)
    path = directory / "trees.json"
    document = read_json(path)
    with reading(path):
        names = document["clones"]
        index: dict[str | None, int] = {name: k for k, name in enumerate(names)}
        index[None] = -1
        sites = {name: t for t, name in enumerate(document["sites"])}
        scenarios = []
        for item in document["scenarios"]:
            presence = np.zeros((len(names), len(sites)), dtype=bool)
            for clone, where in item["presence"].items():
                presence[index[clone], [sites[t] for t in where]] = True
            scenarios.append(PresenceScenario(item["tree"], item["weight"], presence))
        trees = document["trees"]
        return TreeEnsemble(
            names=names,
            n_mutations=document["n_mutations"],
            parents=np.array([[index[tree["parents"][name]] for name in names] for tree in trees]),
            weights=np.array([tree["weight"] for tree in trees]),
            log_likelihood=np.array([tree["log_likelihood"] for tree in trees], dtype=float),
            proportions=np.array([tree["proportions"] for tree in trees], dtype=float),
            presence=np.array([tree["presence"] for tree in trees], dtype=float),
            site_names=document["sites"],
            complete=document["complete"],
            n_trees=document["n_trees"],
            method=document["method"],
            diagnostics=document["diagnostics"],
            scenarios=tuple(scenarios),
            joint=joint,
        )
