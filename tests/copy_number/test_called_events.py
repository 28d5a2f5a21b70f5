"""Segments to events: what is one event, which share of cells has it, and how they stand beside mutations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from phylometa.config import ObservationSettings
from phylometa.copy_number.called_events import call_events
from phylometa.copy_number.event_rows import event_curves, with_copy_number_events, with_purity_of_segments
from phylometa.io.calls import merge_calls
from phylometa.io.counts import read_count_table, write_counts
from phylometa.model.patient import CopyNumberAtLoci, CopyNumberProfile, MutationTable, Patient, Sample, Site
from phylometa.reference.copy_number_alleles import is_copy_number_event

MB = 1_000_000
NORMAL = (1, 1)


def profile_of(rows, samples=("P", "M", "L"), *, is_phased=False):
    """Segments (sample, chrom, start Mb, end Mb, state[, share, second state])."""
    columns = [(*row, 1.0, (np.nan, np.nan))[:7] for row in rows]
    return CopyNumberProfile(
        sample_names=samples,
        sample=np.array([samples.index(row[0]) for row in columns]),
        chroms=tuple(row[1] for row in columns),
        start=np.array([int(row[2] * MB) for row in columns]),
        end=np.array([int(row[3] * MB) for row in columns]),
        major=np.array([row[4][0] for row in columns], dtype=float),
        minor=np.array([row[4][1] for row in columns], dtype=float),
        fraction=np.array([row[5] for row in columns], dtype=float),
        major2=np.array([row[6][0] for row in columns], dtype=float),
        minor2=np.array([row[6][1] for row in columns], dtype=float),
        total=np.array([row[5] * sum(row[4]) + (1 - row[5]) * np.nansum(row[6]) for row in columns], dtype=float),
        is_phased=is_phased,
    )


def shares(events):
    return dict(zip(events.names, events.fraction.round(3).tolist()))


def test_an_arm_is_one_event_however_it_is_cut():
    rows = [("P", "8", 45.2, 145.1, (2, 1)), ("M", "8", 45.2, 145.1, (2, 1)), ("L", "8", 45.2, 145.1, NORMAL)]
    cut = [row for row in rows if row[0] != "P"]
    cut += [("P", "8", a, b, (2, 1)) for a, b in ((45.2, 60), (60, 61), (61, 120), (120, 145.1))]
    for given in (rows, cut):
        assert shares(call_events(profile_of(given))) == {"8q_gain": [1, 1, 0]}


def test_loss_and_gain_of_one_place_are_copy_neutral_loss():
    rows = [("P", "4", 0, 190, (2, 0)), ("M", "4", 0, 190, NORMAL), ("L", "4", 0, 190, NORMAL)]
    events = call_events(profile_of(rows))
    assert events.names == ("4_cnloh",) and events.kinds == ("cnloh",)
    assert events.is_rounded.all()


def test_a_loss_after_the_loss_of_others_is_told_apart_from_a_later_gain():
    # all lost one allele; in M and L the other was gained later: two events, one nested in the other
    rows = [("P", "4", 0, 190, (1, 0)), ("M", "4", 0, 190, (2, 0)), ("L", "4", 0, 190, (2, 0))]
    assert shares(call_events(profile_of(rows))) == {"4_loss": [1, 1, 1], "4_gain": [0, 1, 1]}


def test_shares_of_cells_follow_from_two_states_and_from_means():
    rows = [("P", "1", 0, 248, (2, 1), 0.3, NORMAL), ("M", "1", 0, 248, (3, 1)), ("L", "1", 0, 248, NORMAL)]
    events = call_events(profile_of(rows))
    assert shares(events) == {"1_gain": [0.3, 1, 0], "1_gain_2": [0, 1, 0]} and not events.is_rounded.any()
    means = [("P", "1", 0, 248, (1.4, 1)), ("M", "1", 0, 248, (1.0, 0.35)), ("L", "1", 0, 248, NORMAL)]
    assert shares(call_events(profile_of(means))) == {"1_gain": [0.4, 0, 0], "1_loss": [0, 0.65, 0]}


def test_pieces_between_breakpoints_of_one_event_are_no_events():
    rows = [("P", "1", 0, 40, (2, 1)), ("M", "1", 0, 40.4, (2, 1)), ("L", "1", 0, 39.7, (2, 1))]
    rows += [(s, "1", row[3], 248, NORMAL) for s, row in zip("PML", rows)]
    events = call_events(profile_of(rows), min_length=1_500_000)
    assert events.fraction.tolist() == [[1, 1, 1]]
    assert len(call_events(profile_of(rows)).names) == 3  # without a least length each piece is one


def test_a_single_wrong_state_makes_no_second_event_of_four_samples():
    samples = ("P", "M", "L", "N")
    rows = [(s, "1", 0, 120, (2, 1)) for s in "PM"] + [(s, "1", 0, 120, NORMAL) for s in "LN"]
    rows += [(s, "1", 120, 248, (2, 1)) for s in "PML"] + [("N", "1", 120, 248, NORMAL)]
    assert shares(call_events(profile_of(rows, samples))) == {"1_gain": [1, 1, 1, 0]}


def test_a_doubling_is_one_event_and_the_usual_state_of_its_samples():
    rows = [("P", str(c), 0, 100, NORMAL) for c in range(1, 23)]
    rows += [(s, str(c), 0, 100, (2, 2)) for s in "ML" for c in range(1, 23)]
    assert shares(call_events(profile_of(rows))) == {"genome_doubling": [0, 1, 1]}
    rows[22 + 4] = ("M", "5", 0, 100, (2, 1))
    found = shares(call_events(profile_of(rows)))
    assert found.pop("genome_doubling") == [0, 1, 1] and list(found.values()) == [[0, 1, 0]]


def test_a_male_x_and_unknown_samples():
    rows = [(s, "X", 0, 156, (1, 0)) for s in "PM"]
    assert call_events(profile_of(rows), sex="male").names == ()
    found = call_events(profile_of(rows), sex="female").fraction
    assert found[:, :2].tolist() == [[1, 1]] and np.isnan(found[0, 2])


def patient_of(profile, *, with_reads=()):
    """A patient of three sites; mutations with reads in some samples only."""
    names = profile.sample_names
    n = 3 if with_reads else 0
    depth = np.array([[60 if name in with_reads else 0 for name in names]] * n).reshape(n, len(names))
    table = MutationTable(tuple(f"m{i}" for i in range(n)), names, alt_counts=depth // 3, depth=depth)
    sites = [Site("breast", "primary"), Site("liver", "distant"), Site("lung", "distant")]
    samples = tuple(Sample(name, site.name, purity=0.6 if name == "P" else np.nan) for name, site in zip(names, sites))
    unknown = np.full(depth.shape, np.nan)
    copies = CopyNumberAtLoci(major=unknown, minor=unknown, normal=unknown + 2.0)
    return Patient("X", samples, tuple(sites), table, copies, segments=profile)


ROWS = [("P", "8", 45.2, 145.1, (2, 1)), ("M", "8", 45.2, 145.1, (2, 1)), ("L", "8", 45.2, 145.1, NORMAL)]


def test_events_stand_beside_mutations_only_if_they_are_needed():
    settings = ObservationSettings()
    with_all = patient_of(profile_of(ROWS), with_reads="PML")
    assert with_copy_number_events(with_all, settings) is with_all
    assert with_purity_of_segments(with_all, settings) is with_all
    mixed = patient_of(profile_of(ROWS), with_reads="P")
    never = dataclasses.replace(settings, copy_number_events="never")
    assert with_copy_number_events(mixed, never) is mixed
    for patient in (mixed, patient_of(profile_of(ROWS))):
        grown = with_copy_number_events(with_purity_of_segments(patient, settings), settings)
        assert grown.mutations.ids == (*patient.mutations.ids, "8q_gain")
        assert grown.mutations.is_event.tolist() == [*[False] * patient.mutations.n_mutations, True]
        assert is_copy_number_event(grown.mutations.alts[-1])
        assert grown.of_reads.mutations.ids == patient.mutations.ids
        assert grown.purity.tolist() == [0.6, 1.0, 1.0]  # as given, else 1: no read of these is looked at
        assert any("have segments alone" in text for text in grown.warnings)
        assert (grown.mutations.alt_counts[-1] > 0).tolist() == [True, True, False]
    always = dataclasses.replace(settings, copy_number_events="always")
    assert with_copy_number_events(with_all, always).mutations.n_mutations == 4


def test_events_that_begin_at_one_place_are_read_back_as_two(tmp_path):
    rows = [("P", "8", 45.2, 60, (3, 1)), ("P", "8", 60, 145.1, (2, 1)), ("M", "8", 45.2, 145.1, (2, 1))]
    rows += [("L", "8", 45.2, 145.1, NORMAL)]
    settings = ObservationSettings()
    grown = with_copy_number_events(with_purity_of_segments(patient_of(profile_of(rows)), settings), settings)
    assert grown.mutations.n_mutations == 2 and len(set(grown.mutations.positions.tolist())) == 1
    write_counts(grown, tmp_path / "counts.tsv")
    files = [read_count_table(tmp_path / "counts.tsv", None, display=name) for name in ("counts.tsv", "normal.tsv")]
    found = merge_calls(files, list(grown.mutations.sample_names))  # as with a table of the matched normal
    assert list(found.ids) == list(grown.mutations.ids)
    np.testing.assert_array_equal(found.depth, grown.mutations.depth)


def test_reads_of_an_event_stand_for_its_share_at_the_purity():
    rows = [("P", "8", 0, 145, (2, 1), 0.5, NORMAL), ("M", "8", 0, 145, (2, 1)), ("L", "8", 0, 145, NORMAL)]
    settings = ObservationSettings()
    grown = with_copy_number_events(with_purity_of_segments(patient_of(profile_of(rows)), settings), settings)
    vaf = grown.mutations.alt_counts[0] / grown.mutations.depth[0]
    np.testing.assert_allclose(2 * vaf / grown.purity, [0.5, 1.0, 0.0], atol=0.06)


def test_curves_follow_the_events_of_the_rows():
    settings = ObservationSettings()
    grown = with_copy_number_events(patient_of(profile_of(ROWS), with_reads="P"), settings)
    prevalence = np.linspace(0, 1, 51)
    rows, curves, wrong = event_curves(grown, prevalence, settings)
    assert rows.tolist() == [3] and curves.shape == (1, 3, 51)
    assert curves[0, 0].argmax() == 50 and curves[0, 2].argmax() == 0
    rows, curves, _ = event_curves(grown.of_reads, prevalence, settings)
    assert len(rows) == 0 and curves.shape == (0, 3, 51)


@pytest.mark.parametrize("with_reads", ["P", ""])
def test_more_rows_keep_what_the_patient_had(with_reads):
    patient = patient_of(profile_of(ROWS), with_reads=with_reads)
    n = patient.mutations.n_mutations
    grown = with_copy_number_events(patient, ObservationSettings())
    np.testing.assert_array_equal(grown.mutations.depth[:n], patient.mutations.depth)
    np.testing.assert_array_equal(grown.copy_number.total[n:], 2.0)
    assert patient.with_more_mutations(patient.mutations.take([])) is patient
