"""Bulk samples, a matrix of mutations in single cells and one of their copy number: one patient, sheet and command."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from shared_runs import made_once
from small_patients import QUICK, no_page

from phylometa.cli import _invoke
from phylometa.io.simulated import write_simulated_patient
from phylometa.io.tsv import read_tsv
from phylometa.pipeline.stages import load_result
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.cells import simulate_cell_copy_number

pytestmark = pytest.mark.system  # a run of seconds, for all

SETTINGS = SimulationSettings(
    patient="B", distant_sites=2, primary_clones=3, mutation_rate=0.0002, branch_cn_events=3.0, depth=80
)
SEED, N_CELLS, N_NORMAL, DROPOUT, FALSE_POSITIVE, WRONG = 4, 60, 8, 0.2, 0.01, 0.05
OF_MUTATIONS, OF_COPIES = "metastasis_1", ("primary", "metastasis_2")


def simulated():
    """The patient and its truth; the same whenever it is asked for."""
    return simulate_patient(SETTINGS, rng=np.random.default_rng(SEED))


def cells_of(patient, site):
    """True clone of every cell of a site, by the shares of clones there; -1 is a normal cell."""
    truth = patient.truth
    share = truth.proportions[:, [s for s, name in enumerate(truth.sample_site) if name == site]].mean(axis=1)
    rng = np.random.default_rng([SEED, patient.patient.site_names.index(site)])
    return np.append(rng.choice(len(share), N_CELLS, p=share / share.sum()), np.full(N_NORMAL, -1)), rng


def write_mutations(patient, path, site):
    """Calls of every mutation of the bulk samples in the cells of a site."""
    clone, rng = cells_of(patient, site)
    has = np.where(clone >= 0, patient.truth.multiplicity[:, clone] > 0, False)
    seen = rng.random(has.shape) < np.where(has, 1 - DROPOUT, FALSE_POSITIVE)
    lines = ["\t".join(("mutation", *(f"{site}_{c}" for c in range(len(clone)))))]
    lines += ["\t".join((name, *map(str, row))) for name, row in zip(patient.patient.mutations.ids, seen.astype(int))]
    path.write_text("\n".join(lines) + "\n")


def write_copies(patient, path, site):
    """Copy number of the cells of a site as MEDICC2 takes it."""
    clone, rng = cells_of(patient, site)
    matrix = simulate_cell_copy_number(patient.truth.profile, clone, wrong=WRONG, rng=rng)
    lines = ["cell\tchrom\tstart\tend\tcn_a\tcn_b"]
    for c in range(len(clone)):
        for j, chrom in enumerate(matrix.chroms):
            a, b = matrix.copies[:, j, c]
            lines.append(f"{site}_{c}\t{chrom}\t{matrix.start[j] + 1}\t{matrix.end[j]}\t{a}\t{b}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The folder `in` with sheet and files, and the folder `out` of the run."""

    def make(folder):
        patient = simulated()
        sheet = write_simulated_patient(patient, folder / "in")
        write_mutations(patient, folder / "in/mutations.tsv", OF_MUTATIONS)
        head, *rows = (line.split("\t") for line in sheet.read_text().splitlines())
        types = {row[head.index("site")]: row[head.index("site_type")] for row in rows}
        cells = [("muts_sc", OF_MUTATIONS, "mutations.tsv")]
        for site in OF_COPIES:
            write_copies(patient, folder / "in" / f"{site}.tsv", site)
            cells.append((f"{site}_sc", site, f"{site}.tsv"))
        head += ["cells"] if "kind" in head else ["kind", "cells"]
        rows = [[*row, *[""] * (len(head) - len(row))] for row in rows]
        for sample, site, file in cells:
            own = {"patient": "B", "sample": sample, "site": site, "site_type": types[site]}
            own |= {"kind": "cell", "cells": file}
            rows.append([own.get(name, "") for name in head])
        sheet.write_text("\n".join("\t".join(row) for row in (head, *rows)) + "\n")
        quick = QUICK[1]
        config = folder / "quick.toml"
        with open(quick) as handle:
            config.write_text(handle.read() + "\n[cells]\nmoves = 5000\nchains = 2\ndraws = 20\n")
        with no_page():
            arguments = ["run", str(sheet), "-o", str(folder / "out"), "--no-plots", "--config", str(config)]
            assert _invoke(arguments) == 0

    return made_once(tmp_path_factory, "both_kinds_of_cells", make)


@pytest.fixture(scope="module")
def result(given):
    return load_result(given / "out/B")


def samples_of(result, prefix):
    return [s for s, sample in enumerate(result.patient.samples) if sample.name.startswith(prefix)]


def test_every_kind_has_its_samples_and_bulk_is_what_it_was(given, result):
    patient = simulated().patient
    n = len(patient.samples)
    assert [sample.name for sample in result.patient.samples[:n]] == [sample.name for sample in patient.samples]
    rows = [i for i, name in enumerate(result.patient.mutations.ids) if name in patient.mutations.ids]
    place = [patient.mutations.ids.index(result.patient.mutations.ids[i]) for i in rows]
    assert {sample.kind for sample in result.patient.samples[:n]} == {"tissue"}
    assert {sample.kind for sample in result.patient.samples[n:]} == {"cell"}
    for prefix, site in (("muts_sc", OF_MUTATIONS), *((f"{site}_sc", site) for site in OF_COPIES)):
        own = samples_of(result, prefix)
        assert own and all(result.patient.samples[s].site == site for s in own)
        has_reads = (result.patient.mutations.depth[np.ix_(rows, own)] > 0).any(axis=0)
        assert has_reads.all() if site == OF_MUTATIONS else not has_reads.any()
    assert len(rows) > 0.9 * patient.mutations.n_mutations
    np.testing.assert_array_equal(result.patient.mutations.depth[rows][:, :n], patient.mutations.depth[place])


def test_cells_of_both_kinds_are_where_their_clone_is(given, result):
    """A cell's sample holds its clone's mutations, and none of others: as the one tree of all says."""
    patient = simulated()
    truth = patient.truth
    fates = list(read_tsv(given / "out/B/input/cells.tsv"))
    assert len(fates) == 3 * (N_CELLS + N_NORMAL)
    shares = np.einsum("t,tks->ks", result.trees.weights, result.trees.proportions)
    carried = result.trees.best.is_ancestor.T | np.eye(len(shares), dtype=bool)  # [clone, whose mutations it has]
    ids, names = patient.patient.mutations.ids, [sample.name for sample in result.patient.samples]
    label = dict(zip(result.patient.mutations.ids, result.clusters.labels.tolist()))
    known = [i for i, name in enumerate(ids) if label.get(name, -1) >= 0 and truth.causes[i] == "clone"]
    shown = np.array([label[ids[i]] for i in known])
    for site in (OF_MUTATIONS, *OF_COPIES):
        clone, _ = cells_of(patient, site)
        own = [row for row in fates if row["cell"].startswith(f"{site}_")]
        normal = [row["fate"] for row in own if clone[int(row["cell"].rsplit("_", 1)[1])] < 0]
        assert normal.count("normal") >= N_NORMAL - 1
        placed = [row for row in own if row["sample"]]
        assert len(placed) >= 0.8 * N_CELLS
        right = []
        for row in placed:
            k = int(clone[int(row["cell"].rsplit("_", 1)[1])])
            found = int(shares[:, names.index(row["sample"])].argmax())
            right.append(np.mean(carried[found][shown] == (truth.multiplicity[known, k] > 0)) if k >= 0 else 0.0)
        assert np.mean(right) > 0.9, site


def test_routes_are_those_of_the_truth(result):
    patient = simulated()
    names = patient.patient.site_names
    true = {(names[s], names[t]) for _, s, _, t in patient.truth.history.edges.tolist() if s != t}
    p, sites = result.histories.migration_probability, result.histories.site_names
    assert set(sites) == set(names)  # cells make no site of their own
    sure = {(sites[s], sites[t]) for s, t in zip(*np.nonzero(p > 0.8))}
    assert sure and sure <= true


def test_warnings_name_both_kinds(given):
    warnings = [row["warning"] for row in read_tsv(given / "out/B/warnings.tsv")]
    assert any(text.startswith("single cells of muts_sc in bundles of one clone") for text in warnings)
    n = len(OF_COPIES) * (N_CELLS + N_NORMAL)
    assert any(text.startswith(f"copy number of {n} single cells of primary_sc") for text in warnings)


def test_the_stages_can_be_run_again(given, tmp_path):
    copy = tmp_path / "B"
    shutil.copytree(given / "out/B", copy)
    for stage in ("tree", "migrate", "seeding"):
        assert _invoke([stage, str(copy)]) == 0
    first, again = (json.loads((folder / "seeding/labels.json").read_text()) for folder in (given / "out/B", copy))
    assert [again[name] for name in ("labels", "status", "settled_by")] == [
        first[name] for name in ("labels", "status", "settled_by")
    ]
