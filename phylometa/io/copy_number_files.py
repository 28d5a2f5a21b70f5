"""copy_number/ of a patient's directory: tree, distances, events and instability as tables, the whole as JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from phylometa.io.documents import write_json
from phylometa.io.tsv import write_tsv

__all__ = ["write_copy_number"]

INSTABILITY_COLUMNS = (
    *("name", "is_sample", "ploidy", "altered", "loh", "wgii", "subclonal", "major_2", "wgd_probability"),
    *("wgd_major", "wgd_ploidy"),
    *("wgd_parsimony", "branch_length", "gains", "losses", "doublings", "new_loh"),
)


def write_copy_number(result: Any, directory: str | Path) -> None:
    """Write all files of a `phylometa.copy_number.CopyNumberResult`.

    Parameters
    ----------
    result : CopyNumberResult
    directory : path
        Made if it does not exist. ``tree.nwk`` has the support (%) at inner nodes, ``tree_named.nwk`` their names;
        ``distances.tsv`` is square; ``events.tsv`` has one event a row, as many as the tree is long (positions 1-based,
        both included); ``branches.tsv`` one branch, ``instability.tsv`` one node, ``parallel.tsv`` one pair of events a
        row; ``clone_events.tsv`` and ``clone_states.tsv`` one event, one segment of a clone a
        row; ``result.json`` is the whole.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tree.nwk").write_text(result.newick() + "\n", encoding="utf-8")
    (directory / "tree_named.nwk").write_text(result.newick(labels="names") + "\n", encoding="utf-8")
    leaves = [*result.sample_names, "diploid"]
    rows = [[name, *row] for name, row in zip(leaves, result.distances.tolist())]
    write_tsv(directory / "distances.tsv", ["sample", *leaves], rows)
    parent = {
        name: None if p < 0 else result.node_names[p] for name, p in zip(result.node_names, result.parents.tolist())
    }
    events = (
        [parent[e.branch], e.branch, e.kind, e.chrom or None, e.start + 1 if e.chrom else None]
        + [e.end if e.chrom else None, e.allele or None]
        for e in result.events
    )
    write_tsv(directory / "events.tsv", ["parent", "branch", "event", "chrom", "start", "end", "allele"], events)
    branches = (
        [name, parent[name], result.branch_lengths[v], result.doublings[v], result.support[v]]
        + [",".join(name for name in result.sample_names if name in result.clade(v))]
        for v, name in enumerate(result.node_names)
        if parent[name] is not None
    )
    write_tsv(directory / "branches.tsv", ["branch", "parent", "length", "doublings", "support", "samples"], branches)
    write_tsv(
        directory / "instability.tsv",
        INSTABILITY_COLUMNS,
        ([getattr(row, name) for name in INSTABILITY_COLUMNS] for row in result.instability),
    )
    header = ["branch_1", "branch_2", "event", "chrom", "start", "end", "allele_1", "allele_2", "mirrored"]
    pairs = ([*p.branches, p.kind, p.chrom, p.start + 1, p.end, *p.alleles, p.is_mirrored] for p in result.parallel)
    write_tsv(directory / "parallel.tsv", header, pairs)
    if result.clones is not None:
        _write_clones(result.clones, directory)
    write_json(directory / "summary.json", summary(result))
    write_json(directory / "result.json", result.to_json(), indent=None)


def _write_clones(clones: Any, directory: Path) -> None:
    """clone_events.tsv and clone_states.tsv of a `phylometa.model.clone_copy_number.CloneCopyNumber`."""
    header = ["clone", "parent", "event", "probability", "chrom", "start", "end", "arm"]
    header += ["before", "after", "genes", "parallel", "mirrored"]
    rows = (
        [e.clone, e.parent or None, e.kind, e.probability, e.chrom or None, e.start + 1 if e.chrom else None]
        + [e.end if e.chrom else None, e.name or None]
        + (["+".join(map(str, e.before)), "+".join(map(str, e.after))] if e.chrom else [None, None])
        + [",".join(e.genes) or None, ",".join(e.parallel) or None, e.mirrored]
        for e in clones.events
    )
    write_tsv(directory / "clone_events.tsv", header, rows)
    places = list(zip(clones.chroms, (clones.start + 1).tolist(), clones.end.tolist(), clones.third_change.tolist()))
    states = (
        [name, chrom, start, end, *clones.states[k, g].tolist(), clones.state_probability[k, g]]
        + [clones.change_probability[k, g], third]
        for k, name in enumerate(clones.clone_names)
        for g, (chrom, start, end, third) in enumerate(places)
    )
    header = ["clone", "chrom", "start", "end", "copies_a", "copies_b", "probability", "p_change", "third_change"]
    write_tsv(directory / "clone_states.tsv", header, states)


def summary(result: Any) -> dict[str, Any]:
    """summary.json of copy_number/."""
    test = result.parallel_test
    kinds = [event.kind for event in result.events]
    return {
        "samples": list(result.sample_names),
        "tree_length": result.tree_length,
        "open_sequences": result.open_sequences,
        "wgd": result.wgd,
        "wgd_branches": list(result.wgd_branches),
        "events": {kind: kinds.count(kind) for kind in ("gain", "loss", "doubling")},
        "support": result.support_method,
        "segments": len(result.chroms),
        "comparisons": [dataclasses.asdict(item) for item in result.comparisons],
        "parallel_events": None if test is None else dataclasses.asdict(test),
        "agreement": result.agreement,
        "warnings": list(result.warnings),
    }
