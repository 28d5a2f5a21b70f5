"""Copy number of single cells as samples of a patient: one per clone and site, beside what is there."""

from dataclasses import replace

import numpy as np
import pytest
from test_copy_number_clones import matrix_of

from phylometa.cells.bundles import with_cell_bundles
from phylometa.cells.copy_number_bundles import with_copy_number_bundles
from phylometa.config import CellSettings, ObservationSettings
from phylometa.copy_number.event_rows import event_curves, with_copy_number_events, with_purity_of_segments
from phylometa.errors import InfeasibleError
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient, Sample, Site
from phylometa.simulate import SimulationSettings, simulate_patient

SETTINGS = CellSettings(doublet=0.0)
NORMAL, TRUNK = [(1, 1)] * 12, [(2, 1)] * 6 + [(1, 1)] * 6
BRANCH = [(2, 1)] * 6 + [(1, 0)] * 6


def nothing(tables):
    """A patient of cells alone."""
    sites = tuple(Site(s.site, "primary" if s.site == "colon" else "distant") for s, _ in tables)
    table = MutationTable(ids=(), sample_names=(), alt_counts=np.zeros((0, 0)), depth=np.zeros((0, 0)))
    return Patient("S", (), sites, table, CopyNumberAtLoci.diploid(0, 0), cell_matrices=tuple(tables))


def cells(name, site, states, sex=None):
    names = [f"{name}_{c}" for c in range(len(states))]
    return Sample(name, site, kind="cell", sex=sex), matrix_of(states, names=names)


def test_a_clone_has_one_name_in_all_sites_and_few_cells_are_no_sample():
    given = [
        cells("p", "colon", [TRUNK] * 8 + [BRANCH] * 2 + [NORMAL] * 3),
        cells("m", "liver", [BRANCH] * 6),
    ]
    found = with_copy_number_bundles(nothing(given), settings=SETTINGS)
    assert [(s.name, s.site, s.kind) for s in found.samples] == [("p_1", "colon", "cell"), ("m_2", "liver", "cell")]
    assert found.cell_matrices == () and found.mutations.n_mutations == 0
    assert found.segments.is_phased and found.segments.sample_names == ("p_1", "m_2")
    copies = np.stack((found.segments.major, found.segments.minor))
    assert copies[:, found.segments.sample == 1].T.tolist() == [list(state) for state in BRANCH]
    fates = [(cell.fate, cell.clone, cell.sample) for cell in found.cells]
    assert fates[0] == ("clone", "1", "p_1") and fates[8] == ("clone", "2", "") and fates[10] == ("normal", "N", "")
    (text,) = found.warnings
    assert "p_1 (8), m_2 (6)" in text and "3 normal, 2 the only ones of their clone in a site" in text


def test_nothing_but_normal_cells_is_no_patient():
    with pytest.raises(InfeasibleError, match="no clone of the tumour"):
        with_copy_number_bundles(nothing([cells("p", "colon", [NORMAL] * 9)]), settings=SETTINGS)


def test_bulk_samples_keep_their_reads_and_segments():
    patient = simulate_patient(SimulationSettings(distant_sites=1), rng=np.random.default_rng(1)).patient
    site = patient.sites[-1].name
    grown = replace(patient, cell_matrices=(cells("sc", site, [TRUNK] * 5 + [BRANCH] * 5),))
    assert with_cell_bundles(grown, settings=SETTINGS, rng=np.random.default_rng(1)).cell_matrices
    found = with_copy_number_bundles(grown, settings=SETTINGS)
    n = len(patient.samples)
    assert [s.name for s in found.samples[n:]] == ["sc_1", "sc_2"]
    np.testing.assert_array_equal(found.mutations.depth[:, :n], patient.mutations.depth)
    assert not found.mutations.observed[:, n:].any()
    old = found.segments.sample < n
    np.testing.assert_array_equal(found.segments.total[old], patient.segments.total)
    assert not found.segments.is_phased and (found.segments.major >= found.segments.minor)[~old].all()
    assert with_copy_number_bundles(patient, settings=SETTINGS) is patient


def test_events_of_cells_are_surer_than_those_of_a_caller_that_rounds():
    given = [cells("p", "colon", [TRUNK] * 8), cells("m", "liver", [BRANCH] * 6)]
    settings = ObservationSettings()
    found = with_purity_of_segments(with_copy_number_bundles(nothing(given), settings=SETTINGS), settings)
    grown = with_copy_number_events(found, settings)
    prevalence = np.linspace(0, 1, 51)
    rows, curves, wrong = event_curves(grown, prevalence, settings)
    own = [name for name in grown.mutations.ids if "loss" in name]
    k = grown.mutations.ids.index(own[0])
    assert len(rows) == len(grown.mutations.ids) and wrong.tolist() == [0.01, 0.01]
    assert curves[k, 1].argmax() == 50 and curves[k, 0].argmax() == 0
    assert curves[k, 0, 0] - curves[k, 0, 15] > 3  # 30 % of the cells would have been seen
    bulk = replace(grown, samples=tuple(replace(sample, kind="tissue") for sample in grown.samples))
    rounded = event_curves(bulk, prevalence, settings)[1]
    assert rounded[k, 0, 0] - rounded[k, 0, 15] < 0.2


def test_x_is_read_of_females_alone():
    states = [[*TRUNK[:-1], (2, 0)]] * 6
    for sex, n in (("female", 12), (None, 11), ("male", 11)):
        sample, matrix = cells("p", "colon", states, sex=sex)
        given = nothing([(sample, replace(matrix, chroms=(*matrix.chroms[:-1], "X")))])
        assert with_copy_number_bundles(given, settings=SETTINGS).segments.n_segments == n
