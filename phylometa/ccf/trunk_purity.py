"""Purity of samples that are no tissue, from the mutations that every tumour cell carries.

Plasma holds little tumour DNA, often below what any copy-number caller tells. Every tumour cell descends from the
founder, so that the mutations clonal in all tissue samples are in all tumour molecules of the plasma: their allele
frequency there is m rho / (rho C + C_N (1 - rho)), with the copies m and C that the tissue tells. The likelihood of rho
is the product over these mutations, each with a small chance to mean nothing (a lost copy, an error of mapping).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import betaln, gammaln, logsumexp

from phylometa.config import CcfSettings
from phylometa.model.arrays import BoolArray, FloatArray
from phylometa.model.clusters import CcfTable
from phylometa.model.patient import CopyNumberAtLoci, Patient, Sample

__all__ = ["purity_from_trunk", "with_tissue_copies"]

_GRID = np.geomspace(1e-4, 0.99, 400)
# A mutation is of the trunk if it is so prevalent in every sample that stands for a site; at most so many are used.
_CLONAL, _MOST = 0.8, 400
# Without enough of these, the most prevalent mutations that all of these samples show.
_FEW, _SHOWN = 5, 20
_OUTLIER = 0.01
# Relative error that more reads do not take away: copy number in the cells that shed.
_MODEL_SD = 0.05
# Relative standard deviation of a purity that the sheet gives without one.
_GIVEN_SD = 0.3
_REJECTED_SDS = 3.0
_DIGITS = 6


def with_tissue_copies(patient: Patient) -> Patient:
    """Return the patient with copy number of the tissue in samples that circulate or were grown, if they have none.

    A locus of such a sample gets the copies on which all samples that stand for a site agree; else it stays unknown.
    """
    chosen = patient.samples_in_place
    others = np.setdiff1d(np.arange(len(patient.samples)), chosen)
    if not len(others) or not len(chosen):
        return patient
    known = patient.copy_number.is_known
    lacking = others[~known[:, others].any(axis=0)]
    if not len(lacking):
        return patient
    values = {name: np.array(getattr(patient.copy_number, name)) for name in _FIELDS}
    tissue = {name: values[name][:, chosen] for name in _FIELDS}
    first = known[:, chosen].argmax(axis=1)
    rows = np.arange(len(first))
    agreed = known[:, chosen].any(axis=1)
    for name in ("major", "minor", "total", "fraction"):
        column = tissue[name]
        same = np.isclose(column, column[rows, first][:, None], equal_nan=True) | ~known[:, chosen]
        agreed &= same.all(axis=1)
    agreed &= ~np.isfinite(tissue["major2"]).any(axis=1)
    for name in ("major", "minor", "total", "fraction"):
        values[name][np.ix_(agreed, lacking)] = tissue[name][rows, first][agreed][:, None]
    return patient.with_changes(copy_number=CopyNumberAtLoci(**values))


_FIELDS = ("major", "minor", "normal", "total", "fraction", "major2", "minor2")


def purity_from_trunk(patient: Patient, tissue: Patient, ccf: CcfTable, *, settings: CcfSettings) -> Patient:
    """Settle the purities of the samples that do not stand for a site, by the trunk of those that do.

    A given purity is a prior (standard deviation of the sheet, else 30 % of it). It stays unless the trunk lies three
    standard deviations away; else, and if none is given, the trunk's is used and marked as estimated.

    Parameters
    ----------
    patient : Patient
    tissue : Patient
        ``patient.in_place`` with settled purities.
    ccf : CcfTable
        Of `tissue`.
    settings : CcfSettings

    Returns
    -------
    Patient
        With the purities of `tissue`, and a sentence about each that was estimated. A sample without reads at the
        trunk keeps what is given.
    """
    chosen = patient.samples_in_place
    samples, warnings = list(patient.samples), list(tissue.warnings)
    for s, sample in zip(chosen.tolist(), tissue.samples):
        samples[s] = sample
    trunk = _trunk(tissue, ccf)
    for s in np.setdiff1d(np.arange(len(samples)), chosen).tolist():
        sample = samples[s]
        if np.isfinite(sample.purity) and (sample.purity_is_estimated or sample.purity_is_checked):
            continue
        log_likelihood = _log_likelihood(patient, s, trunk, ccf, settings)
        if log_likelihood is None:
            continue
        samples[s], text = _settled(sample, log_likelihood)
        warnings += [text] * bool(text)
    return patient.with_changes(samples=tuple(samples), warnings=tuple(warnings))


def _trunk(tissue: Patient, ccf: CcfTable) -> BoolArray:
    """Mutations (n,) that are clonal in every sample of the tissue, or the most prevalent that all of these show."""
    seen = tissue.mutations.is_informative
    least = np.where(seen, np.nan_to_num(ccf.ccf), 0.0).min(axis=1)
    lost = (np.nan_to_num(ccf.loss) > 0).any(axis=1)
    is_trunk = (least >= _CLONAL) & ~lost
    if is_trunk.sum() < _FEW:
        order = np.argsort(-least, kind="stable")[:_SHOWN]
        is_trunk = np.zeros(len(least), dtype=bool)
        is_trunk[order[least[order] > 0.5 * least.max(initial=0.0)]] = True
        is_trunk &= least > 0
    return is_trunk


def _log_likelihood(
    patient: Patient, sample: int, trunk: BoolArray, ccf: CcfTable, settings: CcfSettings
) -> FloatArray | None:
    """Log-likelihood of every purity of the grid; None without reads at the trunk."""
    mutations, copies = patient.mutations, patient.copy_number
    rows = np.flatnonzero(trunk & mutations.is_informative[:, sample])
    if not len(rows):
        return None
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST)).astype(np.int64)]
    alt = mutations.alt_counts[rows, sample].astype(np.float64)[:, None]
    depth = mutations.depth[rows, sample].astype(np.float64)[:, None]
    error = np.full(len(rows), settings.error_rate)
    if mutations.error_rate is not None:
        stated = mutations.error_rate[rows, sample]
        error = np.where(np.isfinite(stated), stated, error)
    mutated = np.nanmean(ccf.multiplicity[rows], axis=1)[:, None]
    total = np.where(np.isfinite(copies.total[rows, sample]), copies.total[rows, sample], 2.0).astype(np.float64)
    total = np.maximum(total[:, None], mutated)
    normal = copies.normal[rows, sample].astype(np.float64)[:, None]
    frequency = mutated * _GRID / (total * _GRID + normal * (1.0 - _GRID))
    expected = np.clip(frequency * (1.0 - 2.0 * error[:, None]) + error[:, None], 1e-9, 1.0 - 1e-9)
    choose = gammaln(depth + 1.0) - gammaln(alt + 1.0) - gammaln(depth - alt + 1.0)
    told = choose + alt * np.log(expected) + (depth - alt) * np.log1p(-expected)
    anything = choose + betaln(alt + 1.0, depth - alt + 1.0)  # a uniform frequency
    nothing = choose + alt * np.log(error)[:, None] + (depth - alt) * np.log1p(-error)[:, None]
    other = np.logaddexp(anything, nothing) - np.log(2.0)
    found: FloatArray = np.logaddexp(np.log1p(-_OUTLIER) + told, np.log(_OUTLIER) + other).sum(axis=0)
    return found


def _settled(sample: Sample, log_likelihood: FloatArray) -> tuple[Sample, str]:
    """The sample with its purity, and a sentence if that was estimated."""
    mean, sd = _moments(log_likelihood)
    sd = float(np.hypot(sd, _MODEL_SD * mean))
    given = sample.purity
    replaced = ""
    if np.isfinite(given):
        given_sd = sample.purity_sd or _GIVEN_SD * given
        if abs(mean - given) <= _REJECTED_SDS * np.hypot(sd, given_sd):
            about = min(float(np.hypot(sd, mean - given)), given_sd)
            return replace(sample, purity_sd=round(about, _DIGITS), purity_is_checked=True), ""
        replaced = f" instead of {given:g}, which the reads reject"
    value = replace(sample, purity=round(mean, _DIGITS), purity_sd=round(sd, _DIGITS), purity_is_estimated=True)
    text = f"sample {sample.name}: purity estimated from the trunk: {mean:.4f} (sd {sd:.4f}){replaced}"
    return value, text


def _moments(log_likelihood: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of the purity, its prior uniform on the logarithmic grid."""
    weight = np.exp(log_likelihood - logsumexp(log_likelihood))
    mean = float(weight @ _GRID)
    return mean, float(np.sqrt(max(weight @ (_GRID - mean) ** 2, 0.0)))
