"""Copy-number events as rows of a patient's mutations, so that one posterior places both on one tree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.config import ObservationSettings
from phylometa.copy_number.called_events import CalledEvents, call_events
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient
from phylometa.reads.segment_evidence import nominal_reads, segment_log_likelihood, whole_reads
from phylometa.reference.copy_number_alleles import event_allele

__all__ = ["event_curves", "wants_events", "with_copy_number_events", "with_purity_of_segments"]


def wants_events(patient: Patient, settings: ObservationSettings) -> bool:
    """Whether copy-number events enter the posterior of a patient: as asked, or if a sample has segments alone."""
    if patient.segments is None or settings.copy_number_events == "never" or patient.known_clusters is not None:
        return False
    return settings.copy_number_events == "always" or bool(_has_segments_alone(patient).any())


def _has_segments_alone(patient: Patient) -> BoolArray:
    assert patient.segments is not None
    has_segments = np.isin(np.arange(len(patient.samples)), patient.segments.sample)
    return np.asarray(has_segments & ~patient.mutations.is_informative.any(axis=0))


def with_purity_of_segments(patient: Patient, settings: ObservationSettings) -> Patient:
    """Return the patient with a settled purity in samples that have segments alone: as given, else 1.

    Copy number is of tumour cells already, and no read of such a sample is looked at.
    """
    if not wants_events(patient, settings):
        return patient
    samples = list(patient.samples)
    for s in np.flatnonzero(_has_segments_alone(patient)).tolist():
        purity = samples[s].purity
        given = purity if np.isfinite(purity) else 1.0
        samples[s] = replace(samples[s], purity=given, purity_sd=0.0, purity_is_checked=True)
    return replace(patient, samples=tuple(samples))


def with_copy_number_events(patient: Patient, settings: ObservationSettings) -> Patient:
    """Return the patient with its copy-number events as rows after its mutations; the same if they are not wanted.

    Parameters
    ----------
    patient : Patient
        As read, or with purities filled in.
    settings : ObservationSettings

    Returns
    -------
    Patient
        Reads of events stand for shares of cells at the sample's purity (`nominal_reads`); what the posterior weighs
        are the shares themselves (`event_curves`).
    """
    if not wants_events(patient, settings):
        return patient
    events = _events_of(patient, settings)
    alt, total = nominal_reads(events.fraction, events.sd, events.is_rounded)
    purity = np.where(np.isfinite(patient.purity), patient.purity, 1.0)
    alt_counts, depth = whole_reads(alt, total / purity)
    n = len(events.names)
    table = MutationTable(
        ids=events.names,
        sample_names=patient.mutations.sample_names,
        alt_counts=alt_counts.astype(np.int32),
        depth=depth.astype(np.int32),
        chroms=events.chroms,
        positions=events.start,
        refs=("N",) * n,
        alts=tuple(event_allele(name) for name in events.names),
    )
    alone = np.flatnonzero(_has_segments_alone(patient))
    names = ", ".join(patient.samples[s].name for s in alone)
    said = f"; {names} {'has' if len(alone) == 1 else 'have'} segments alone" if len(alone) else ""
    text = f"{n} copy-number events stand beside {patient.mutations.n_mutations} mutations{said}"
    grown = patient.with_more_mutations(table, CopyNumberAtLoci.diploid(n, len(patient.samples)))
    return replace(grown, warnings=(*grown.warnings, text))


def event_curves(
    patient: Patient, prevalence: FloatArray, settings: ObservationSettings
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Find the rows of a patient's mutations that are events, their log-likelihood curves, and how sure states are.

    Parameters
    ----------
    patient : Patient
        With the rows of `with_copy_number_events`.
    prevalence : float64 array (G,)
    settings : ObservationSettings

    Returns
    -------
    rows : int64 array (E,)
    curves : float64 array (E, S, G)
    wrong_state : float64 array (S,)
        Probability of a wrong state: `wrong_segment`, or `wrong_clone_state` of single cells of one clone.
    """
    rows = np.flatnonzero(patient.mutations.is_event)
    is_one_clone = np.isin([sample.name for sample in patient.samples], _of_one_clone(patient))
    wrong = np.where(is_one_clone, settings.wrong_clone_state, settings.wrong_segment)
    if not len(rows) or patient.segments is None:
        return rows[:0], np.zeros((0, len(patient.samples), len(prevalence))), wrong
    events = _events_of(patient, settings)
    place = {name: i for i, name in enumerate(events.names)}
    chosen = np.array([place[patient.mutations.ids[i]] for i in rows.tolist()])
    parts = events.fraction[chosen], events.sd[chosen], events.is_rounded
    return rows, segment_log_likelihood(*parts, prevalence, wrong), wrong


def _of_one_clone(patient: Patient) -> list[str]:
    """Names of the samples that are single cells of one clone."""
    return [sample.name for sample in patient.samples if sample.kind == "cell"]


def _events_of(patient: Patient, settings: ObservationSettings) -> CalledEvents:
    assert patient.segments is not None
    sex = next((sample.sex for sample in patient.samples if sample.sex), None)
    segments = patient.segments.of_samples([sample.name for sample in patient.samples])
    return call_events(segments, sex=sex, min_length=settings.least_event, of_one_clone=_of_one_clone(patient))
