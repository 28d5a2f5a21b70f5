"""Copy number of clones through the pipeline of a simulated patient: result, tables, and the result read back."""

import csv
from dataclasses import replace

import numpy as np

from phylometa.config import CopyNumberSettings
from phylometa.copy_number import clone_copy_number_of_trees, infer_copy_number_tree
from phylometa.io.copy_number_files import write_copy_number
from phylometa.model.copy_number import CopyNumberResult
from phylometa.model.tree_ensemble import TreeEnsemble
from phylometa.simulate import SimulationSettings, simulate_patient


def rows_of(path):
    with open(path, encoding="utf-8") as handle:
        return list(csv.DictReader((line for line in handle if not line.startswith("##")), delimiter="\t"))


def test_tables_of_clones(tmp_path):
    settings = SimulationSettings(
        assay="wes", trunk_cn_events=8, branch_cn_events=3, distant_sites=1, trunk_doubling=1.0
    )
    simulated = simulate_patient(settings, rng=np.random.default_rng(5))
    patient, truth = simulated.patient, simulated.truth
    n = truth.tree.n_clones
    trees = TreeEnsemble(
        names=tuple(truth.tree.names),
        n_mutations=np.ones(n),
        parents=np.asarray(truth.tree.parents)[None],
        weights=np.ones(1),
        log_likelihood=np.zeros(1),
        proportions=truth.proportions[None],
        presence=np.ones((1, n, 1)),
        site_names=("all",),
        complete=True,
        n_trees=1,
    )
    options = CopyNumberSettings(bootstrap=0, permutations=0)
    clones = clone_copy_number_of_trees(
        patient.segments, trees, patient.mutations.sample_names, settings=options, sex=patient.samples[0].sex
    )
    root = int(np.flatnonzero(np.asarray(truth.tree.parents) < 0)[0])
    assert clones.doubling_probability[root] > 0.9
    found = infer_copy_number_tree(patient.segments, settings=options, rng=np.random.default_rng(1))
    found = replace(found, clones=clones)
    write_copy_number(found, tmp_path)
    events = rows_of(tmp_path / "clone_events.tsv")
    assert [row["event"] for row in events].count("doubling") == 1 and len(events) == len(clones.events)
    states = rows_of(tmp_path / "clone_states.tsv")
    assert len(states) == n * len(clones.chroms)
    assert all(0.0 <= float(row["probability"]) <= 1.0 for row in states)
    again = CopyNumberResult.from_json(found.to_json())
    assert again.clones is not None and again.clones.events == clones.events
