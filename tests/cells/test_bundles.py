"""Single cells as samples of a patient: which cells a bundle holds, and what it says of their mutations."""

from dataclasses import replace

import numpy as np

from phylometa.cells.bundles import with_cell_bundles
from phylometa.config import CellSettings
from phylometa.model.cells import relations_of
from phylometa.simulate import SimulationSettings, simulate_patient
from phylometa.simulate.cells import CellErrors, simulate_cells

SETTINGS = CellSettings(moves=20_000, chains=2, draws=40)


def test_doublets_are_in_no_bundle():
    """Without them no bundle shows mutations of two branches; how many are left out is said."""
    cells = simulate_cells(
        n_cells=150, n_mutations=40, n_clones=5, errors=CellErrors(doublet=0.2), rng=np.random.default_rng(2)
    )
    patient = simulate_patient(SimulationSettings(), rng=np.random.default_rng(1)).patient
    site = replace(patient.samples[-1], name="sc", kind="cell")
    patient = replace(patient, cell_matrices=((site, cells.matrix),))
    found = with_cell_bundles(patient, settings=SETTINGS, rng=np.random.default_rng(1))
    (text,) = (text for text in found.warnings if text.startswith("single cells of sc"))
    n_left = int(text.split("; ")[-1].split()[0])
    assert text.endswith("are two cells of different branches, and left out")
    other = relations_of(np.arange(5), cells.parents)[2]
    pairs = zip(cells.clone_of_cell.tolist(), cells.second_clone.tolist())
    assert abs(n_left - sum(b < 5 and other[a, b] == 1 for a, b in pairs)) <= 2 <= n_left
    rows = [found.mutations.ids.index(name) for name in cells.matrix.mutations]
    bundles = [s for s, sample in enumerate(found.samples) if sample.kind == "cell"]
    depth = found.mutations.depth[np.ix_(rows, bundles)]
    share = found.mutations.alt_counts[np.ix_(rows, bundles)] / np.maximum(depth, 1)
    carried = np.array([share[cells.labels == k].mean(axis=0) > 0.2 for k in range(5)])  # a carrier shows 1 of 2
    assert len(bundles) >= 5 and carried.any(axis=0).all()
    assert not np.einsum("ks,kl,ls->s", carried, other, carried).any()
    assert depth.max(axis=0).sum() <= 2 * (150 - n_left)
