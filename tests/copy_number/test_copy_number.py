"""Copy-number distances, tree and events: brute force, MEDICC2's reference values, and what its files must hold."""

import csv
import itertools
import json
import os
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from phylometa.cli import _invoke
from phylometa.config import CopyNumberSettings
from phylometa.copy_number import (
    copy_number_distances,
    infer_copy_number_tree,
    zero_agnostic_distances,
)
from phylometa.copy_number._kernels import INFINITE, directed_cost, mixed_cost, pair_bounds, resampled_distances
from phylometa.copy_number._tree_kernels import branch_cost
from phylometa.copy_number.distance import MAX_DOUBLINGS
from phylometa.copy_number.segmentation import AlleleSequences, consistent_segmentation
from phylometa.errors import InfeasibleError
from phylometa.model.patient import CopyNumberProfile

REFERENCE = {  # events in MEDICC2's tree without and with doubling
    "simple_example": (7, 7),
    "WGD_example": (10, 9),
    "PTX004_input_df": (240, 240),
    "PTX005_input_df": (55, 55),
    "PTX006_input_df": (154, 154),
}
MARKS = {
    "PTX004_input_df": pytest.mark.slow,
    "PTX005_input_df": pytest.mark.system,
    "PTX006_input_df": pytest.mark.slow,
}
needs_data = pytest.mark.skipif("PHYLOMETA_DATA" not in os.environ, reason="needs the published tables")


def reachable(x, most=5):
    """Least number of events from x to every profile, by breadth-first search: a run gains or loses a copy."""
    found, queue = {x: 0}, deque([x])
    while queue:
        now = queue.popleft()
        for i, j in itertools.combinations(range(len(now) + 1), 2):
            for step in (1, -1):
                then = tuple(c + step if i <= k < j and c else c for k, c in enumerate(now))
                if max(then) <= most and then not in found:
                    found[then] = found[now] + 1
                    queue.append(then)
    return found


def test_directed_cost_equals_breadth_first_search():
    rng = np.random.default_rng(2)
    cache = {}
    for _ in range(200):
        n = int(rng.integers(1, 5))
        x, u = (tuple(int(c) for c in rng.integers(0, 4, n)) for _ in range(2))
        if x not in cache:
            cache[x] = reachable(x)
        assert directed_cost(np.array(x), np.array(u), 0) == cache[x].get(u, INFINITE), (x, u)


def test_symmetric_cost_equals_the_least_over_all_ancestors():
    rng = np.random.default_rng(3)
    for _ in range(60):
        n = int(rng.integers(1, 4))
        u, v = (rng.integers(0, 4, n) for _ in range(2))
        starts = np.array([0, n])
        bounds, is_exact = np.zeros((1, 4, 4), dtype=np.int64), np.zeros(1, dtype=bool)
        pair_bounds(u, v, starts, 3, 8, bounds, is_exact)
        costs = {}
        for w_u, w_v in itertools.product(range(3), repeat=2):
            best = min(
                directed_cost(np.array(x), u, w_u) + directed_cost(np.array(x), v, w_v)
                for x in itertools.product(range(6), repeat=n)
            )
            got = bounds[0, w_u, w_v] if is_exact[0] else mixed_cost(u, v, 0, n, w_u, w_v, 8)
            assert bounds[0, w_u, w_v] <= got == best
            costs[w_u, w_v] = w_u + w_v + best
        once = np.ones((1, 1), dtype=np.int64)
        found = resampled_distances(np.array([u, v]), starts, np.zeros(1, dtype=np.int64), once, 2, 8)
        assert found[0, 0, 1] == min(costs.values())


def sequences_of(values, starts):
    nothing = np.zeros(0, dtype=np.int64)
    return AlleleSequences(np.asarray(values), np.asarray(starts), nothing, nothing, (), nothing, nothing)


def test_zero_agnostic_equals_the_distance_without_zeros_and_never_exceeds_it_below():
    rng = np.random.default_rng(4)
    for low in (1, 0):
        values = rng.integers(low, 4, (6, 30))
        found = sequences_of(values, [0, 10, 20, 30])
        exact, agnostic = copy_number_distances(found, wgd=False), zero_agnostic_distances(found)
        assert (exact <= copy_number_distances(found, wgd=False) + 1e-9).all()
        if low:
            assert (exact == agnostic).all()
        else:
            assert (agnostic >= exact).all()


def test_a_doubling_is_one_event():
    x, u = np.array([1, 1, 1, 2]), np.array([2, 2, 2, 3])
    assert branch_cost(x, u, np.array([0, 2, 4]), MAX_DOUBLINGS) == (1, 1)
    assert branch_cost(x, u, np.array([0, 2, 4]), 0) == (2, 0)


def profile(rows, names):
    """Segments from (sample, chrom, start, end, major, minor)."""
    sample, chroms, start, end, major, minor = zip(*rows)
    index = [names.index(name) for name in sample]
    return CopyNumberProfile(tuple(names), index, chroms, start, end, major, minor)


def test_minimum_consistent_segmentation():
    rows = [("A", "1", 0, 100, 1, 1), ("A", "1", 100, 200, 2, 1), ("B", "1", 0, 150, 1, 1), ("B", "1", 150, 200, 1, 0)]
    matrix = consistent_segmentation(profile(rows, ["A", "B"]))
    assert list(zip(matrix.start, matrix.end)) == [(0, 100), (100, 150), (150, 200)]
    assert matrix.copies[:, 0].tolist() == [[1, 2, 2], [1, 1, 1]]
    with pytest.raises(InfeasibleError, match="no copy-number segment"):
        consistent_segmentation(profile([*rows[:1], ("B", "2", 0, 100, 1, 1)], ["A", "B"]), min_coverage=0.0)


def read_reference(name):
    folder = Path(os.environ["PHYLOMETA_DATA"]) / "medicc2"
    return folder, name.removesuffix("_input_df")


@needs_data
@pytest.mark.parametrize("wgd", [False, True])
@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, ())) for name in REFERENCE])
def test_medicc2_tables(name, wgd, tmp_path):
    folder, short = read_reference(name)
    flag = "--wgd" if wgd else "--no-wgd"
    arguments = ["cnv", str(folder / f"{name}.tsv"), "-o", str(tmp_path / "x"), flag, "--bootstrap", "10"]
    assert _invoke(arguments) == 0
    written = tmp_path / "x" / "copy_number"
    with (folder / f"{short}_{'wgd' if wgd else 'nowgd'}_pairwise_distances.tsv").open() as handle:
        rows = list(csv.reader(handle, delimiter="\t"))
    reference = {(row[0], other): float(value) for row in rows[1:] for other, value in zip(rows[0][1:], row[1:])}
    with (written / "distances.tsv").open() as handle:
        rows = list(csv.reader(handle, delimiter="\t"))
    found = {(row[0], other): float(value) for row in rows[1:] for other, value in zip(rows[0][1:], row[1:])}
    assert found == reference
    summary = json.loads((written / "summary.json").read_text())
    assert summary["tree_length"] <= REFERENCE[name][wgd]
    with (written / "events.tsv").open() as handle:
        events = list(csv.DictReader(handle, delimiter="\t"))
    assert len(events) == summary["tree_length"]
    document = json.loads((written / "result.json").read_text())
    chroms, copies = document["chroms"], np.array(document["copies"])  # (nodes, alleles, segments)
    n_alleles, n_segments = copies.shape[1:]
    firsts = [i for i, chrom in enumerate(chroms) if i == 0 or chrom != chroms[i - 1]]
    starts = np.array([a * n_segments + i for a in range(n_alleles) for i in firsts] + [n_alleles * n_segments])
    profiles = copies.reshape(len(copies), -1)
    for v, parent in enumerate(document["parents"]):  # every branch is as long as its ends are apart
        if parent >= 0:
            cost, _ = branch_cost(profiles[parent], profiles[v], starts, MAX_DOUBLINGS if wgd else 0)
            assert cost == document["branch_lengths"][v], document["node_names"][v]


def test_tree_events_and_lengths_agree():
    """Two clades that share events: (A, B) lost chromosome 2, (C, D) gained chromosome 3; D doubled its genome."""
    chroms = [str(c) for c in range(1, 7)]
    state = {name: dict.fromkeys(chroms, (1, 1)) for name in "ABCD"}
    for name in "AB":
        state[name]["2"] = (1, 0)
    state["B"]["5"] = (2, 1)
    for name in "CD":
        state[name]["3"] = (2, 1)
    state["D"] = {c: (major * 2, minor * 2) for c, (major, minor) in state["D"].items()}
    rows = [(name, c, 0, 10**8, *state[name][c]) for name in "ABCD" for c in chroms]
    result = infer_copy_number_tree(
        profile(rows, list("ABCD")), settings=CopyNumberSettings(bootstrap=20), rng=np.random.default_rng(1)
    )
    clades = {result.clade(v) for v in range(len(result.node_names))}
    assert {frozenset("AB"), frozenset("CD")} <= clades
    assert result.wgd_branches == ("D",)
    assert len(result.events) == result.tree_length == int(np.sum(result.branch_lengths))
    kinds = {(event.branch, event.kind, event.chrom) for event in result.events}
    assert ("B", "gain", "5") in kinds
    assert ("D", "doubling", "") in kinds


def test_a_single_sample_has_no_tree():
    rows = [("A", "1", 0, 100, 1, 1)]
    with pytest.raises(InfeasibleError, match="at least two samples"):
        infer_copy_number_tree(profile(rows, ["A"]), settings=CopyNumberSettings(), rng=np.random.default_rng(1))
