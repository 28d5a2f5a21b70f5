"""A clone tree as a dataset of Auspice (Nextstrain): one JSON file after its schema, version 2."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from phylometa.io.annotated_trees import AnnotatedTree
from phylometa.model.clone_tree import children_of, preorder

__all__ = ["auspice_document"]

# The schema wants a date and allows X for what is not known: the same results give the same bytes.
_NO_DATE = "XXXX-XX-XX"


def auspice_document(
    tree: AnnotatedTree,
    *,
    title: str,
    site_confidence: Sequence[Mapping[str, float]],
    colours: Mapping[str, str],
) -> dict[str, Any]:
    """Make the dataset: divergence in mutations, sites as a trait with probabilities, the support of every branch.

    Parameters
    ----------
    tree : AnnotatedTree
        With a tip a site.
    title : str
        Of the page.
    site_confidence : sequence of mapping
        For each vertex: site -> probability.
    colours : mapping
        Site -> ``#rrggbb``.
    """
    children = children_of(tree.parents)
    divergence = np.zeros(len(tree.names))
    nodes: list[dict[str, Any]] = [{} for _ in tree.names]
    for v in preorder(tree.parents):
        parent = int(tree.parents[v])
        divergence[v] = tree.lengths[v] + (divergence[parent] if parent >= 0 else 0.0)
        node: dict[str, Any] = {"name": tree.names[v], "node_attrs": {"div": float(divergence[v])}}
        if site_confidence[v]:
            confidence = {site: float(f"{p:.6g}") for site, p in site_confidence[v].items()}
            best = max(confidence, key=lambda site: confidence[site])
            node["node_attrs"]["site"] = {"value": best, "confidence": confidence}
        if not math.isnan(tree.support[v]):
            node["node_attrs"]["support"] = {"value": float(f"{tree.support[v]:.6g}")}
        for word, value in tree.notes[v].items():
            if word in ("clone", "proportion"):
                node["node_attrs"][word] = {"value": value}
        labels = {"clone": tree.names[v], "drivers": tree.notes[v].get("drivers", "")} if children[v] else {}
        if labels:
            node["branch_attrs"] = {"labels": {word: text for word, text in labels.items() if text}}
        nodes[v] = node
    for v, below in enumerate(children):
        if below:
            nodes[v]["children"] = [nodes[child] for child in below]
    colorings = [
        {"key": "site", "title": "Site", "type": "categorical", "scale": [[s, c] for s, c in colours.items()]},
        {"key": "clone", "title": "Clone", "type": "categorical"},
        {"key": "support", "title": "Support of the branch", "type": "continuous"},
    ]
    return {
        "version": "v2",
        "meta": {
            "title": title,
            "updated": _NO_DATE,
            "panels": ["tree"],
            "colorings": colorings,
            "filters": ["site", "clone"],
            "display_defaults": {"color_by": "site", "distance_measure": "div", "branch_label": "clone"},
        },
        "tree": nodes[int(np.flatnonzero(tree.parents < 0)[0])],
    }
