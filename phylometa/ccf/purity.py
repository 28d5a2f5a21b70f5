"""Purity of a sample from the allele frequencies of its mutations, where the user gives none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from phylometa.config import CcfSettings
from phylometa.model.arrays import FloatArray, IntArray
from phylometa.model.patient import CopyNumberAtLoci, MutationTable, Patient
from phylometa.reads.multiplicity import MultiplicityOptions, ccf_grid, enumerate_multiplicities, slab_weights

__all__ = ["estimate_purity", "purity_posterior"]

# Purities considered, CCF points of the subclonal slab, and mutations used at most (more only cost time).
# Below 1: at purity 1 a homozygous deletion would have no reads at all.
_PURITY_GRID = np.linspace(0.02, 0.99, 98)
_SLAB_POINTS = 17
_MAX_MUTATIONS = 2000
# Prior counts of absent, clonal and subclonal among mutations found in every sample, and among the others: what is
# found everywhere mostly is truncal.
_PRIOR_SHARED = np.array([0.1, 8.0, 2.0])
_PRIOR_OTHER = np.array([2.0, 2.0, 2.0])
_WEIGHT_ROUNDS = 12
# Error that more reads do not take away: clusters just below CCF 1 pass for clonal (benchmarks, own simulations).
_MODEL_ERROR = 0.04
# The same where no copy number is known: half of a genome may be gained or lost.
_MODEL_ERROR_WITHOUT_COPY_NUMBER = 0.12


def estimate_purity(patient: Patient, *, settings: CcfSettings) -> Patient:
    """Fill in missing purities from the reads.

    Parameters
    ----------
    patient : Patient
        Samples whose purity is NaN are estimated; the others stay as they are.
    settings : CcfSettings

    Returns
    -------
    Patient
        With every purity finite; the estimated ones marked, with the standard deviation of their posterior, and one
        sentence each in `warnings`.
    """
    missing = [index for index, sample in enumerate(patient.samples) if not np.isfinite(sample.purity)]
    if not missing:
        return patient
    mutations = patient.mutations
    # Any purity will do here: only copies and totals of the options are used.
    copy_number = _diploid_where_unknown(patient.copy_number)
    options = enumerate_multiplicities(mutations, copy_number, np.ones(mutations.n_samples), settings=settings)
    shared = _found_everywhere(mutations)
    samples = list(patient.samples)
    warnings = list(patient.warnings)
    for index in missing:
        density = _sample_posterior(mutations, options, shared, index)
        mean = float(density @ _PURITY_GRID)
        without_copy_number = not patient.copy_number.is_known[:, index].any()
        model_error = _MODEL_ERROR_WITHOUT_COPY_NUMBER if without_copy_number else _MODEL_ERROR
        spread = float(np.sqrt(density @ (_PURITY_GRID - mean) ** 2 + model_error**2))
        samples[index] = replace(samples[index], purity=mean, purity_is_estimated=True, purity_sd=spread)
        text = f"sample {samples[index].name}: purity not given, estimated from the reads: {mean:.2f} (sd {spread:.2f})"
        if without_copy_number:
            text += ", without copy number"
        warnings.append(text)
    return patient.with_changes(samples=tuple(samples), warnings=tuple(warnings))


def purity_posterior(patient: Patient, sample: int, *, settings: CcfSettings) -> tuple[FloatArray, FloatArray]:
    """Posterior of the purity of one sample from its reads, whatever the sheet says.

    Every mutation is absent (CCF 0), clonal (CCF 1) or subclonal (uniform), with shares fitted for every purity;
    mutations found in all samples have shares of their own. Multiplicity is summed out; where copy number is unknown
    the usual one is taken. The prior of the purity is uniform.

    Parameters
    ----------
    patient : Patient
    sample : int
        Column of `patient.mutations`.
    settings : CcfSettings

    Returns
    -------
    purity : float64 array (99,)
    probability : float64 array (99,)
        Adds up to 1.
    """
    mutations = patient.mutations
    copy_number = _diploid_where_unknown(patient.copy_number)
    options = enumerate_multiplicities(mutations, copy_number, np.ones(mutations.n_samples), settings=settings)
    return _PURITY_GRID, _sample_posterior(mutations, options, _found_everywhere(mutations), sample)


def _diploid_where_unknown(copy_number: CopyNumberAtLoci) -> CopyNumberAtLoci:
    """Copy number with one copy of each allele (of a male's X and Y: one copy) where nothing is known.

    Every allele frequency fits several purities once copy number is free; that most of the genome has the usual number
    of copies is what lets the reads speak at all.
    """
    unknown = ~copy_number.is_known
    usual_minor = np.where(copy_number.normal > 1.0, 1.0, 0.0)
    return replace(
        copy_number,
        major=np.where(unknown, 1.0, copy_number.major),
        minor=np.where(unknown, usual_minor, copy_number.minor),
        total=np.where(unknown, 1.0 + usual_minor, copy_number.total),
    )


def _found_everywhere(mutations: MutationTable) -> IntArray:
    """1 where a mutation has alternate reads in every sample that observed it, and more than one did; else 0."""
    informative = mutations.is_informative
    found = (mutations.alt_counts >= 2) | ~informative
    return (found.all(axis=1) & (informative.sum(axis=1) > 1)).astype(np.int64)


def _sample_posterior(
    mutations: MutationTable, options: MultiplicityOptions, shared: IntArray, sample: int
) -> FloatArray:
    rows = np.flatnonzero(mutations.is_informative[:, sample])
    if len(rows) > _MAX_MUTATIONS:
        rows = rows[np.linspace(0, len(rows) - 1, _MAX_MUTATIONS).astype(np.int64)]
    evidence = np.empty(len(_PURITY_GRID))
    for index, purity in enumerate(_PURITY_GRID.tolist()):
        components = _component_log_likelihood(mutations, options, rows, sample, purity)
        evidence[index] = _fit_shares(components, shared[rows])
    density = np.exp(evidence - evidence.max())
    return np.asarray(density / density.sum())


def _component_log_likelihood(
    mutations: MutationTable, options: MultiplicityOptions, rows: IntArray, sample: int, purity: float
) -> FloatArray:
    """Log-likelihood (n, 3) of absent, clonal and subclonal at one purity, multiplicities summed out."""
    ccf = ccf_grid(_SLAB_POINTS)
    state = options.cell_state[rows, sample]
    slope = options.copies * purity / (purity * options.totals + options.normal[:, None] * (1.0 - purity))
    error = options.error[:, None, None]
    p = np.clip(slope[:, :, None] * ccf * (1.0 - 2.0 * error) + error, 1e-9, 1.0 - 1e-9)
    alt = mutations.alt_counts[rows, sample].astype(np.float64)[:, None, None]
    ref = mutations.depth[rows, sample] - mutations.alt_counts[rows, sample].astype(np.float64)
    log_likelihood = alt * np.log(p)[state] + ref[:, None, None] * np.log1p(-p)[state]
    at_ccf = np.logaddexp.reduce(log_likelihood + options.log_prior[state][:, :, None], axis=1)
    # Several copies below CCF 1 need a second event: the slab knows a single copy only.
    one_copy = np.where(options.copies == 1.0, options.log_prior, -np.inf)
    one_copy -= np.logaddexp.reduce(one_copy, axis=1)[:, None]
    single = np.logaddexp.reduce(log_likelihood + one_copy[state][:, :, None], axis=1)
    with np.errstate(divide="ignore"):
        slab = np.logaddexp.reduce(single + np.log(slab_weights(ccf)), axis=1)
    return np.stack((at_ccf[:, 0], at_ccf[:, -1], slab), axis=1)


def _fit_shares(components: FloatArray, shared: IntArray) -> float:
    """Log-likelihood at the most probable shares of the components (EM), both classes of mutations."""
    share = np.stack((_PRIOR_OTHER / _PRIOR_OTHER.sum(), _PRIOR_SHARED / _PRIOR_SHARED.sum()))
    peak = components.max(axis=1, keepdims=True)
    weight = np.exp(components - peak)
    for _ in range(_WEIGHT_ROUNDS):
        joint = weight * share[shared]
        joint /= joint.sum(axis=1, keepdims=True)
        counts = np.stack((_PRIOR_OTHER, _PRIOR_SHARED))
        np.add.at(counts, shared, joint)
        share = counts / counts.sum(axis=1, keepdims=True)
    prior = (np.stack((_PRIOR_OTHER, _PRIOR_SHARED)) * np.log(share)).sum()
    return float((np.log((weight * share[shared]).sum(axis=1)) + peak[:, 0]).sum() + prior)
