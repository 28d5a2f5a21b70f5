"""Samples of a simulated patient that are no tissue: plasma over time, pools of circulating cells, xenografts.

Every site sheds: the plasma holds the clones of a site in the site's proportions, sites with weights of their own that
drift from one sample to the next. A clone of its own may be in the plasma alone, from a site that nobody sampled. A
pool of circulating cells holds a few clones, a xenograft those few of its site that grew.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.clone_tree import CloneTree
from phylometa.model.patient import SEGMENT_NUMBERS, CopyNumberAtLoci, CopyNumberProfile, Patient, Sample
from phylometa.reference.genome import CHROMOSOMES
from phylometa.simulate.genome import segments_at
from phylometa.simulate.history import DIAGNOSIS_DATE
from phylometa.simulate.reads import draw_alternate_reads, draw_depth, expected_vaf, sequence_normal
from phylometa.simulate.settings import SimulationSettings
from phylometa.simulate.truth import SimulatedPatient, SimulationTruth

__all__ = ["wants_other_kinds", "with_other_kinds"]

# How the weights of the sites in the plasma drift from one sample to the next (standard deviation, log units).
_DRIFT = 0.5
_CTC_PURITY = (0.3, 0.9)
_XENOGRAFT_PURITY = 0.95


@dataclass(frozen=True, eq=False)
class _New:
    """Samples to be added (C): records, shares of clones (K, C), tumour shares, mean depths, error rates."""

    samples: tuple[Sample, ...]
    proportions: FloatArray
    purity: FloatArray
    depth: FloatArray
    error: FloatArray


def wants_other_kinds(settings: SimulationSettings) -> bool:
    """Whether the settings ask for a sample that is no tissue."""
    return settings.plasma_samples + settings.ctc_pools + settings.xenografts > 0


def with_other_kinds(simulated: SimulatedPatient, rng: np.random.Generator) -> SimulatedPatient:
    """Add the samples that the settings ask for to a simulated patient of tissue; its own reads stay as they are.

    Parameters
    ----------
    simulated : SimulatedPatient
    rng : numpy.random.Generator

    Returns
    -------
    SimulatedPatient
        Copy number of the new samples is not stated. A clone that only plasma has is the last of the tree, named
        ``unseen``; it has no place in the history.
    """
    settings = simulated.settings
    if settings.plasma_only_share > 0 and settings.plasma_samples:
        simulated = _with_unseen_clone(simulated, rng)
    new = _draw_samples(simulated, rng)
    alt, depth = _sequence(simulated, new, rng)
    listed = np.ones(len(alt), dtype=bool)
    hidden = simulated.truth.tree.n_clones - 1
    if simulated.truth.tree.names[-1] == "unseen":  # called in plasma or not at all
        listed = (simulated.truth.clone != hidden) | (alt >= max(settings.min_alt_reads, 1)).any(axis=1)
    return _joined(simulated, new, alt, depth, np.flatnonzero(listed))


def _with_unseen_clone(simulated: SimulatedPatient, rng: np.random.Generator) -> SimulatedPatient:
    """The patient with a further clone that no site has, and its mutations without reads in the tissue."""
    truth, patient, settings = simulated.truth, simulated.patient, simulated.settings
    n, parent = settings.plasma_only_mutations, int(rng.integers(truth.tree.n_clones))
    ids, chroms, positions = _free_places(patient, n, rng)
    old = patient.mutations
    depth = draw_depth(np.full((n, old.n_samples), settings.depth), settings.depth_size, rng)
    alt = draw_alternate_reads(
        depth, np.zeros(depth.shape), error_rate=settings.error_rate, precision=settings.precision, rng=rng
    )
    normal = sequence_normal(np.zeros(n), settings=settings, rng=rng)
    table = replace(
        old,
        ids=(*old.ids, *ids),
        alt_counts=np.concatenate((old.alt_counts, alt)),
        depth=np.concatenate((old.depth, depth)),
        observed=np.concatenate((old.observed, depth > 0)),
        chroms=(*old.chroms, *chroms),
        positions=np.concatenate((old.positions, np.array(positions))),
        refs=(*old.refs, *["C"] * n),
        alts=(*old.alts, *["T"] * n),
        genes=(*old.genes, *[""] * n),
        contexts=(*old.contexts, *[""] * n),
        normal_alt=np.concatenate((old.normal_alt, normal[0][:, None])),
        normal_depth=np.concatenate((old.normal_depth, normal[1][:, None])),
        censored=None,  # type: ignore[arg-type]
        usual_depth=None,  # type: ignore[arg-type]
    )
    tree = truth.tree
    k = tree.n_clones
    own = np.zeros((n, k + 1), dtype=np.int64)
    own[:, k] = 1
    grown = replace(
        truth,
        tree=CloneTree((*tree.names, "unseen"), np.append(tree.parents, parent), np.append(tree.n_mutations, float(n))),
        n_called=np.append(truth.n_called, n),
        clone_age=np.append(truth.clone_age, max(settings.diagnosis_age - 1.0, float(truth.clone_age[parent]))),
        presence=np.concatenate((truth.presence, np.zeros((1, truth.presence.shape[1]), dtype=bool))),
        proportions=np.concatenate((truth.proportions, np.zeros((1, truth.proportions.shape[1])))),
        causes=(*truth.causes, *["clone"] * n),
        clone=np.append(truth.clone, np.full(n, k)),
        age=np.append(truth.age, np.full(n, settings.diagnosis_age - 1.0)),
        allele=np.append(truth.allele, np.zeros(n, dtype=np.int64)),
        multiplicity=np.concatenate((np.column_stack((truth.multiplicity, truth.multiplicity[:, parent])), own)),
        expected_vaf=np.concatenate((truth.expected_vaf, np.zeros((n, truth.expected_vaf.shape[1])))),
        profile=_with_copy_of(truth.profile, parent, "unseen"),
    )
    return SimulatedPatient(
        patient.with_changes(mutations=table, copy_number=_copies_with(patient, chroms, positions)),
        grown,
        settings,
    )


def _free_places(patient: Patient, n: int, rng: np.random.Generator) -> tuple[list[str], list[str], list[int]]:
    """Draw `n` autosomal C>T that the patient's table does not list: ids, chromosomes and 0-based positions."""
    taken = set(patient.mutations.ids)
    found: dict[str, tuple[str, int]] = {}
    while len(found) < n:
        chromosome = CHROMOSOMES[int(rng.integers(22))]
        position = int(rng.integers(chromosome.length))
        name = f"{chromosome.name}:{position + 1}:C:T"
        if name not in taken:
            found.setdefault(name, (chromosome.name, position))
    return list(found), [chrom for chrom, _ in found.values()], [position for _, position in found.values()]


def _copies_with(patient: Patient, chroms: list[str], positions: list[int]) -> CopyNumberAtLoci:
    """Give the copy number at the patient's loci and, from the segments if there are any, at further ones."""
    old, n = patient.copy_number, len(chroms)
    fills = {"major": np.nan, "minor": np.nan, "normal": 2.0, "total": np.nan, "fraction": 1.0}
    fills |= {"major2": np.nan, "minor2": np.nan}
    shape = (n, patient.mutations.n_samples)
    copies = {name: np.concatenate((getattr(old, name), np.full(shape, fill))) for name, fill in fills.items()}
    if patient.segments is not None:
        rows = segments_at(patient.segments, chroms, np.array(positions))
        for name in ("major", "minor", "total", "fraction", "major2", "minor2"):
            copies[name][-n:] = getattr(patient.segments, name)[rows]
    return CopyNumberAtLoci(**copies)


def _with_copy_of(profile: CopyNumberProfile, clone: int, name: str) -> CopyNumberProfile:
    """The exact copies of the clones, with one more clone that has those of another."""
    rows = np.flatnonzero(profile.sample == clone)
    numbers = {c: getattr(profile, c) for c in SEGMENT_NUMBERS}
    arrays: dict[str, Any] = {c: np.concatenate((values, values[rows])) for c, values in numbers.items()}
    sample = np.append(profile.sample, np.full(len(rows), len(profile.sample_names)))
    chroms = (*profile.chroms, *(profile.chroms[i] for i in rows))
    return replace(profile, sample_names=(*profile.sample_names, name), sample=sample, chroms=chroms, **arrays)


def _draw_samples(simulated: SimulatedPatient, rng: np.random.Generator) -> _New:
    truth, patient, settings = simulated.truth, simulated.patient, simulated.settings
    sites = list(dict.fromkeys(truth.sample_site))
    of_site = np.stack(
        [truth.proportions[:, [s == site for s in truth.sample_site]].mean(axis=1) for site in sites], axis=1
    )
    sheds = rng.dirichlet(np.ones(len(sites)))
    samples, shares, purity, depth, error = [], [], [], [], []

    def add(
        kind: str, number: int, share: FloatArray, tumour: float, reads: float, errors: float, **about: str
    ) -> None:
        taken = DIAGNOSIS_DATE + datetime.timedelta(days=settings.plasma_interval_days * (number - 1))
        one = patient.samples[0]
        samples.append(
            Sample(
                name=f"{settings.patient}_{kind}_{number}",
                site=about.get("site", ""),
                kind=kind,  # type: ignore[arg-type]
                sex=settings.sex,
                collection_date=taken if kind != "pdx" else None,
                age=one.age + (number - 1) * settings.plasma_interval_days / 365.25 if kind != "pdx" else float("nan"),
                assay=settings.assay,
            )
        )
        shares.append(share)
        purity.append(tumour)
        depth.append(reads)
        error.append(errors)

    for number in range(1, settings.plasma_samples + 1):
        low, high = np.log(settings.plasma_min_tumour), np.log(settings.plasma_max_tumour)
        tumour = float(np.exp(rng.uniform(low, high)))
        weights = sheds * np.exp(rng.normal(0.0, _DRIFT, len(sites)))
        share = of_site @ (weights / weights.sum())
        if truth.tree.names[-1] == "unseen":
            hidden = min(settings.plasma_only_share / tumour, 0.9)
            share = share * (1.0 - hidden)
            share[-1] = hidden
        add("ctdna", number, share, tumour, settings.plasma_depth, settings.plasma_error)
    for number in range(1, settings.ctc_pools + 1):
        share = _few_clones(of_site @ sheds, settings.ctc_clones, rng)
        add("ctc", number, share, float(rng.uniform(*_CTC_PURITY)), settings.depth, settings.error_rate)
    metastases = [site.name for site in patient.sites if site.is_metastasis and site.name in sites] or sites
    for number in range(1, settings.xenografts + 1):
        site = metastases[(number - 1) % len(metastases)]
        share = _few_clones(of_site[:, sites.index(site)], settings.xenograft_clones, rng)
        add("pdx", number, share, _XENOGRAFT_PURITY, settings.depth, settings.error_rate, site=site)
    return _New(
        tuple(samples), np.stack(shares, axis=1), np.array(purity), np.array(depth), np.array(error)
    )  # fmt: skip


def _few_clones(weights: FloatArray, most: int, rng: np.random.Generator) -> FloatArray:
    """Shares of at most so many clones, drawn by their weights: Dirichlet, at least a tenth each."""
    able = np.flatnonzero(weights > 0)
    n = min(most, len(able))
    chosen = rng.choice(able, size=n, replace=False, p=weights[able] / weights[able].sum())
    least = min(0.1, 0.5 / n)
    share = np.zeros(len(weights))
    share[chosen] = least + (1.0 - n * least) * rng.dirichlet(np.full(n, 2.0))
    return share


def _sequence(
    simulated: SimulatedPatient, new: _New, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Alternate reads and depth (n, C) of all loci in the new samples."""
    vaf, molecules = _expected(simulated, new)
    per_cell = 2.0
    depth = draw_depth(new.depth * molecules / per_cell, simulated.settings.depth_size, rng)
    alt = draw_alternate_reads(depth, vaf, error_rate=new.error, precision=simulated.settings.precision, rng=rng)
    return alt, depth


def _expected(simulated: SimulatedPatient, new: _New) -> tuple[FloatArray, FloatArray]:
    """Share of mutated molecules, and molecules per cell (n, C); germline variants are half of all, artefacts none."""
    truth, table = simulated.truth, simulated.patient.mutations
    rows = segments_at(truth.profile, table.chroms, table.positions)
    total = truth.profile.total[rows].astype(np.int64)
    normal = simulated.patient.copy_number.normal[:, 0].astype(np.float64)
    donor: IntArray = np.zeros(len(new.purity), dtype=np.int64)
    parts = (truth.multiplicity, total, normal, new.proportions, new.purity)
    vaf, molecules = expected_vaf(*parts, leakage=0.0, donor=donor)
    vaf[[cause == "germline" for cause in truth.causes]] = 0.5
    return vaf, molecules


def _joined(
    simulated: SimulatedPatient, new: _New, alt: NDArray[np.int64], depth: NDArray[np.int64], rows: IntArray
) -> SimulatedPatient:
    """The patient with the new samples behind those it has, restricted to listed loci."""
    patient, truth, old = simulated.patient, simulated.truth, simulated.patient.mutations
    names = (*old.sample_names, *(sample.name for sample in new.samples))
    kept = old.take(rows)
    error_rate = None
    if (new.error != simulated.settings.error_rate).any():
        error_rate = np.full((len(rows), len(names)), np.nan)
        error_rate[:, old.n_samples :] = new.error
    table = replace(
        kept,
        sample_names=names,
        alt_counts=np.column_stack((kept.alt_counts, alt[rows])),
        depth=np.column_stack((kept.depth, depth[rows])),
        observed=np.column_stack((kept.observed, depth[rows] > 0)),
        error_rate=error_rate,
        censored=None,  # type: ignore[arg-type]
        call_threshold=None,  # type: ignore[arg-type]
        usual_depth=None,  # type: ignore[arg-type]
    )
    one = patient.copy_number.take(rows)
    unknown = np.full((len(rows), len(new.samples)), np.nan)
    normal = np.repeat(np.asarray(one.normal)[:, :1], len(new.samples), axis=1)
    copies = {
        name: np.column_stack((getattr(one, name), unknown)) for name in ("major", "minor", "total", "major2", "minor2")
    }
    copy_number = CopyNumberAtLoci(
        normal=np.column_stack((one.normal, normal)),
        fraction=np.column_stack((one.fraction, np.ones(unknown.shape))),
        **copies,
    )
    segments = patient.segments
    grown: Patient = replace(
        patient,
        samples=(*patient.samples, *new.samples),
        mutations=table,
        copy_number=copy_number,
        segments=None if segments is None else replace(segments, sample_names=names),
    )
    vaf = np.column_stack((truth.expected_vaf, _expected(simulated, new)[0]))[rows]
    listed: SimulationTruth = replace(
        truth,
        n_called=np.bincount(truth.clone[rows][truth.clone[rows] >= 0], minlength=truth.tree.n_clones),
        sample_site=(*truth.sample_site, *(sample.site for sample in new.samples)),
        proportions=np.column_stack((truth.proportions, new.proportions)),
        purity=np.append(truth.purity, new.purity),
        causes=tuple(truth.causes[i] for i in rows),
        clone=truth.clone[rows],
        age=truth.age[rows],
        allele=truth.allele[rows],
        multiplicity=truth.multiplicity[rows],
        expected_vaf=vaf,
    )
    return SimulatedPatient(grown, listed, simulated.settings)
