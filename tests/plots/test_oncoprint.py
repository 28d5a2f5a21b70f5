"""Drivers by sample: rows, shares, what has no reads."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import plot_results
import pytest

from phylometa.model.clone_copy_number import CloneCopyEvent
from phylometa.plots.oncoprint import alteration_rows, oncoprint_scene


@pytest.fixture(scope="module")
def result():
    return plot_results.eight_clones()


def test_every_driver_mutation_has_a_row_with_its_ccf(result):
    rows = [row for row in alteration_rows(result) if row.kind == "mutation"]
    genes = result.patient.mutations.genes
    drivers = [i for i, gene in enumerate(genes) if gene in result.patient.drivers]
    assert sorted(row.text for row in rows) == sorted(genes[i] for i in drivers)
    told = {(genes[i], tuple(np.nan_to_num(result.ccf.told[i], nan=-1))) for i in drivers}
    assert {(row.text, tuple(np.nan_to_num(row.shares, nan=-1))) for row in rows} == told


def test_every_clone_has_a_row_and_parents_come_first(result):
    seen = list(dict.fromkeys(row.clone for row in alteration_rows(result)))
    assert sorted(seen) == list(range(len(result.trees.names)))
    for v, parent in enumerate(result.trees.best.parents):
        assert parent < 0 or seen.index(parent) < seen.index(v)


def test_the_share_of_a_copy_number_event_is_that_of_its_clones(result):
    clone = next(v for v in range(8) if result.trees.best.children[v])
    event = CloneCopyEvent(result.trees.names[clone], "", "gain", 0.9, "8", 0, 10, "8q")
    with_clones = replace(result, copy_number=SimpleNamespace(clones=SimpleNamespace(events=(event,))))
    (row,) = [row for row in alteration_rows(with_clones) if row.kind == "gain"]
    below = [v for v in range(8) if result.trees.best.is_ancestor[clone, v]]
    assert row.text == "gain 8q" and row.clone == clone
    assert row.shares == pytest.approx(np.asarray(result.trees.proportions[0])[below].sum(axis=0))


def test_cells_without_reads_are_marked(result):
    unread = result.ccf.ccf.copy()
    unread[:, 0] = np.nan
    scene = oncoprint_scene(replace(result, ccf=replace(result.ccf, ccf=unread)))
    n_rows = sum(row.kind == "mutation" for row in alteration_rows(result))
    assert [label.text for label in scene.labels].count("?") >= n_rows > 0


def test_without_alterations_it_says_so(result):
    bare = replace(result, patient=result.patient.with_changes(drivers=frozenset()), copy_number=None)
    assert "No driver mutation" in oncoprint_scene(bare).labels[0].text
