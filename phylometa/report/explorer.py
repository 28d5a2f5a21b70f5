"""What the interactive part of the report shows: the most probable histories one after the other, and the reads
behind every clone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from phylometa.model.label_specs import value_name
from phylometa.model.result import PatientResult
from phylometa.plots.clone_tree import clone_drivers, clone_tree_scene
from phylometa.plots.history_overview import HistoryOverview
from phylometa.plots.history_tree import history_scene
from phylometa.plots.migration_graph import migration_graph_scene
from phylometa.plots.scene_svg import scene_svg
from phylometa.plots.style import clean_text, percent

__all__ = ["Frame", "evidence_json", "explorer_frames"]

MAX_FRAMES = 24
# Characters of SVG in all frames together; a report stays small enough to be sent by mail.
_SVG_BUDGET = 1_000_000
_LISTED_MUTATIONS = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One history: a caption, and its pictures as SVG."""

    caption: str
    tree_svg: str
    graph_svg: str
    history_svg: str

    @property
    def size(self) -> int:
        return len(self.tree_svg) + len(self.graph_svg) + len(self.history_svg)


def explorer_frames(result: PatientResult) -> tuple[Frame, ...]:
    """Draw the most probable histories, at most `MAX_FRAMES`, or fewer if their pictures are large.

    Without histories one frame with the clone tree; without trees none.
    """
    if result.trees is None or len(result.trees) == 0:
        return ()
    overview = None if result.histories is None else HistoryOverview(result.histories)
    if overview is None or not overview.ranked:
        return (Frame("Most probable clone tree", _svg(clone_tree_scene(result), "tree-0"), "", ""),)
    frames: list[Frame] = []
    drawn_trees: dict[int, str] = {}
    used = 0
    ranked = overview.ranked
    for rank, (in_tree, history) in enumerate(ranked[:MAX_FRAMES]):
        tree = in_tree.tree
        if tree not in drawn_trees:
            drawn_trees[tree] = _svg(clone_tree_scene(result, tree=tree), f"tree-{tree}")
        frame = Frame(
            f"History {rank + 1} of {len(ranked)}: probability {percent(history.weight)}, clone tree {tree + 1} of "
            f"{len(result.trees)}, {history.n_migrations} migrations, {value_name('pattern', history.pattern)}",
            drawn_trees[tree].replace(f"tree-{tree}-", f"tree-{tree}-{rank}-"),
            _svg(migration_graph_scene(result, rank=rank, overview=overview), f"graph-{rank}"),
            _svg(history_scene(result, rank=rank, ranked=ranked), f"history-{rank}"),
        )
        used += frame.size
        if frames and used > _SVG_BUDGET:
            break
        frames.append(frame)
    return tuple(frames)


def _svg(scene: Any, prefix: str) -> str:
    return scene_svg(scene, prefix=prefix, is_interactive=True)


def evidence_json(result: PatientResult) -> str:
    """Write clones, their mutations and reads for the page's script: JSON that cannot end a ``<script>`` element."""
    patient = result.patient
    document: dict[str, Any] = {
        "samples": [clean_text(sample.name) for sample in patient.samples],
        "sites": [clean_text(site) for site in patient.site_names],
        "clones": [],
    }
    if result.trees is not None:
        document["clones"] = [_clone(result, clone) for clone in range(len(result.trees.names))]
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _clone(result: PatientResult, clone: int) -> dict[str, Any]:
    trees, clusters, mutations = result.trees, result.clusters, result.patient.mutations
    assert trees is not None
    entry: dict[str, Any] = {
        "name": clean_text(trees.names[clone]),
        "n": float(trees.n_mutations[clone]),
        "mutations": [],
    }
    if clusters is None or clone >= clusters.n_clusters:
        return entry
    drivers = set(clone_drivers(result, clone))
    members = np.flatnonzero(clusters.labels == clone)
    members = members[np.argsort([mutations.genes[i] not in drivers for i in members], kind="stable")]
    with_reads = members[~mutations.is_event[members]]
    entry["drivers"] = sorted(clean_text(gene) for gene in drivers)
    entry["reads"] = [
        [int(mutations.alt_counts[with_reads, s].sum()), int(mutations.depth[with_reads, s].sum())]
        for s in range(mutations.n_samples)
    ]
    entry["ccf"] = [
        None if not np.isfinite(value) else [round(float(x), 3) for x in (value, low, high)]
        for value, low, high in zip(clusters.ccf[clone], clusters.ccf_lo[clone], clusters.ccf_hi[clone])
    ]
    entry["mutations"] = [
        {
            "id": clean_text(mutations.ids[i]),
            "gene": clean_text(mutations.genes[i]),
            "reads": [
                [int(mutations.alt_counts[i, s]), int(mutations.depth[i, s])]
                if mutations.is_informative[i, s] and not mutations.is_event[i]
                else None
                for s in range(mutations.n_samples)
            ],
        }
        for i in members[:_LISTED_MUTATIONS]
    ]
    return entry
