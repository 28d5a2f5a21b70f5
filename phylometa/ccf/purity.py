"""Purities of the samples of a patient from the reads of shared mutations, and what the sheet says checked by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import bdtrc

from phylometa.ccf.purity_modes import PurityMode, find_modes
from phylometa.ccf.purity_states import (
    DOUBLED,
    NEAR_DIPLOID,
    PURITY_GRID,
    SharedReads,
    StateTables,
    given_states,
    shared_reads,
    unknown_states,
)
from phylometa.config import CcfSettings
from phylometa.model.arrays import BoolArray, FloatArray, IntArray
from phylometa.model.patient import Patient
from phylometa.model.purity import PurityPosterior, PuritySolution

__all__ = ["GIVEN_SD", "estimate_purity", "infer_purity", "rejected_purities"]

# Standard deviation of a purity that the sheet gives without one (copy-number callers and pathologists differ by more).
GIVEN_SD = 0.04
# Prior probability that a genome doubled (Bielski et al. 2018, doi:10.1038/s41588-018-0165-1, advanced cancers).
_DOUBLED_PRIOR = 0.3
# Prior probability that the copy number given misses losses.
_MISSES_LOSSES_PRIOR = 0.1
# Starts of the search, relative to the purity at which the usual shared mutation is clonal on one of two copies.
_STARTS = np.array([0.55, 0.7, 0.85, 1.0, 1.2])
_PRECISIONS = (np.inf, 400.0, 120.0, 40.0)
_PRECISION_GAIN = 2.0
# The states are a sketch of a genome. So log-evidences of explanations are divided by a number that grows with the
# mutations, and errors that more reads do not take away are added (chosen on simulated patients, benchmarks/purity.py).
_TEMPER = (2.0, 1.0 / 20.0)
_MODEL_SD = {"given": 0.015, "given_difficult": 0.03, "near_diploid": 0.02, "doubled": 0.13}
# The error of one mutation's state, which many average out.
_FEW_SD = 0.1
# With copy number given, a genome of more copies than this, and a single sample, are difficult.
_MANY_COPIES = 2.7
# Without copy number a genome of more copies than this is as uncertain as one that doubled.
_GAINED_PLOIDY = 2.5
# Solutions with less weight are left out.
_LEAST_WEIGHT = 0.02
_MOST_SOLUTIONS = 8
# Share of a sample's shared mutations that must have copy number for it to be used.
_KNOWN_SHARE = 0.5
# Decimals kept, so that a result's sample sheet gives the same numbers again.
_DIGITS = 6
# A sample that shows less than this share of the mutations that the others share is taken as unrelated to them.
_RELATED_SHARE = 0.2
# Samples that share fewer mutations than this are estimated one by one.
_FEW_TOGETHER = 5
# A given purity is rejected if it lies so many standard deviations from the reads' and by at least so much: a sample
# by itself, or the median over all samples.
_REJECTED_SDS = 3.0
_REJECTED_SDS_TOGETHER = 2.5
_REJECTED_LEAST = 0.05
# Not for a lower one at which mutations that every sample shows have more alternate reads than the copies of their
# locus allow (probability below .01 each): more of them than a share of .05 of wrong copy numbers would make.
_TOO_MANY_READS = 0.01
_WRONG_COPIES = 0.05
_BY_CHANCE = 0.05


def infer_purity(patient: Patient, *, settings: CcfSettings, prior_sd: FloatArray | None = None) -> PurityPosterior:
    """Infer the purities of all samples together from the mutations that all of them show.

    The genome state of a mutation (copies of the locus, mutated copies) is latent and, without copy number, the same in
    all samples; beside the clonal states stands a subclonal class. Shares of states are learnt. Samples with copy
    number are estimated with it. Loci without two copies in normal cells are left out if the others suffice.

    Parameters
    ----------
    patient : Patient
    settings : CcfSettings
    prior_sd : float64 array (S,), optional
        Standard deviations of normal priors around the purities of `patient`; inf: no prior. Default: none anywhere.

    Returns
    -------
    PurityPosterior
        NaN in samples that show no usable mutation.
    """
    n_samples = len(patient.samples)
    known = patient.copy_number.is_known
    mutations = patient.mutations
    seen = mutations.is_informative & (mutations.alt_counts > 0)
    with_copies = (known & seen).sum(axis=0) >= np.maximum(_KNOWN_SHARE * seen.sum(axis=0), 1)
    log_prior = _log_prior(patient.purity, prior_sd)
    parts = []
    least_precision = np.inf
    for columns, is_given in ((np.flatnonzero(with_copies), True), (np.flatnonzero(~with_copies), False)):
        while len(columns):
            together, reads = _related(patient, columns, is_given)
            if len(reads.rows):
                found, precision = _solve(patient, together, reads, log_prior[together], is_given, settings)
                least_precision = min(least_precision, precision)
                parts.append((together, found, reads.n_found))
            columns = np.setdiff1d(columns, together)
    best, spread, low, high = (np.full(n_samples, np.nan) for _ in range(4))
    n_shared = np.zeros(n_samples, dtype=np.int64)
    for columns, solutions, n_found in parts:
        best[columns], spread[columns], low[columns], high[columns] = _summed_up(solutions)
        n_shared[columns] = n_found
    return PurityPosterior(best, spread, low, high, _joined(parts, n_samples), with_copies, n_shared, least_precision)


def _log_prior(purity: FloatArray, prior_sd: FloatArray | None) -> FloatArray:
    log_prior = np.zeros((len(purity), len(PURITY_GRID)))
    if prior_sd is not None:
        for sample, (value, sd) in enumerate(zip(purity.tolist(), prior_sd.tolist())):
            if np.isfinite(value) and np.isfinite(sd) and sd > 0.0:
                log_prior[sample] = -0.5 * ((PURITY_GRID - min(value, PURITY_GRID[-1])) / sd) ** 2
    return log_prior


def _related(patient: Patient, columns: IntArray, is_given: bool) -> tuple[IntArray, SharedReads]:
    """The samples that share mutations, and the reads of these; samples that share hardly any are left for later."""
    mutations = patient.mutations
    while True:
        usable = mutations.is_informative[:, columns]
        if is_given:
            usable = usable & patient.copy_number.is_known[:, columns]
        else:
            usable = usable & (np.asarray(patient.copy_number.normal)[:, columns] == 2.0).all(axis=1)[:, None]
        alt, depth = (array[:, columns].astype(np.int64) for array in (mutations.alt_counts, mutations.depth))
        reads = shared_reads(alt, depth, usable)
        if reads.n_found < _FEW_TOGETHER and len(columns) > 1:
            columns = columns[:1]
            continue
        seen = (reads.alt >= reads.least).sum(axis=0) / np.maximum(reads.informative.sum(axis=0), 1)
        unrelated = ~reads.chooses & (seen < _RELATED_SHARE)
        if not unrelated.any():
            return columns, reads
        columns = columns[~unrelated]


def _solve(
    patient: Patient,
    columns: IntArray,
    reads: SharedReads,
    log_prior: FloatArray,
    is_given: bool,
    settings: CcfSettings,
) -> tuple[list[PuritySolution], float]:
    """Weighted solutions of some samples, and the precision of their reads."""
    chosen = patient.copy_number.take(reads.rows)
    copy_number = type(chosen)(**{name: getattr(chosen, name)[:, columns] for name in _COPY_NUMBER_FIELDS})
    starts = _starts(reads, np.asarray(copy_number.total, dtype=np.float64) if is_given else None)
    stated = patient.purity[columns]
    if np.isfinite(stated).any():  # so that an explanation near what is given is found if there is one
        starts = np.concatenate((starts, np.where(np.isfinite(stated), stated, starts[len(_STARTS) // 2])[None, :]))

    def tables_of(kind: str, precision: float) -> StateTables:
        if is_given:
            options: dict[str, Any] = {"error": settings.error_rate, "precision": precision}
            return given_states(reads, copy_number, **options, may_miss_losses=kind == "given_with_losses")
        states = DOUBLED if kind == "doubled" else NEAR_DIPLOID
        return unknown_states(reads, states, error=settings.error_rate, precision=precision)

    kind = "given" if is_given else "near_diploid"
    precision, modes = _fitted_precision(lambda precision: tables_of(kind, precision), starts, log_prior)
    found = [(kind, mode, mode.log_evidence) for mode in modes]
    if not is_given:
        found = [
            ("doubled" if mode.ploidy > _GAINED_PLOIDY else kind, mode, evidence) for kind, mode, evidence in found
        ]
        doubled = find_modes(tables_of("doubled", precision), starts, log_prior)
        found = [(kind, mode, evidence + np.log1p(-_DOUBLED_PRIOR)) for kind, mode, evidence in found]
        found += [("doubled", mode, mode.log_evidence + np.log(_DOUBLED_PRIOR)) for mode in doubled]
        return _weighed([found], len(reads.rows)), precision
    missed = find_modes(tables_of("given_with_losses", precision), starts, log_prior)
    of_models = ((modes, 1.0 - _MISSES_LOSSES_PRIOR), (missed, _MISSES_LOSSES_PRIOR))
    solutions = _weighed(
        [
            [
                (
                    "given_difficult" if mode.ploidy > _MANY_COPIES or len(columns) == 1 else "given",
                    mode,
                    mode.log_evidence + np.log(prior),
                )
                for mode in of_model
            ]
            for of_model, prior in of_models
        ],
        len(reads.rows),
    )
    return solutions, precision


_COPY_NUMBER_FIELDS = ("major", "minor", "normal", "total", "fraction", "major2", "minor2")


def _starts(reads: SharedReads, total: FloatArray | None) -> FloatArray:
    """Purities to start from (K, S): multiples of the one at which the median mutation is clonal on one copy."""
    frequency = reads.alt / np.maximum(reads.alt + reads.ref, 1.0)
    copies = np.where(np.isfinite(total), total, 2.0) if total is not None else 2.0
    # v = rho / (rho C + 2 (1 - rho)), solved for rho
    purity = 2.0 * frequency / np.maximum(1.0 + frequency * (2.0 - copies), 0.05)
    purity = np.where(reads.informative, purity, np.nan)
    typical = np.array([np.nanmedian(column) if np.isfinite(column).any() else 0.5 for column in purity.T])
    if purity.shape[1] == 1:  # the median mutation of a single sample may well be subclonal
        typical = typical * np.array([[1.0], [1.5], [2.0], [3.0]])[:, :, None]
        return np.clip((_STARTS[:, None] * typical).reshape(-1, 1), PURITY_GRID[1], PURITY_GRID[-2])
    return np.asarray(np.clip(_STARTS[:, None] * typical, PURITY_GRID[1], PURITY_GRID[-2]))


def _fitted_precision(
    tables_of: Callable[[float], StateTables], starts: FloatArray, log_prior: FloatArray
) -> tuple[float, list[PurityMode]]:
    """The beta-binomial precision of the largest evidence, from the binomial on, and its modes."""
    best, best_modes = _PRECISIONS[0], find_modes(tables_of(_PRECISIONS[0]), starts, log_prior)
    for precision in _PRECISIONS[1:]:
        modes = find_modes(tables_of(precision), starts, log_prior)
        if modes[0].log_evidence < best_modes[0].log_evidence + _PRECISION_GAIN:
            break
        best, best_modes = precision, modes
    return best, best_modes


def _weighed(of_models: list[list[tuple[str, PurityMode, float]]], n_mutations: int) -> list[PuritySolution]:
    """The solutions of all models, those that have some weight in their own."""
    found = [entry for of_model in of_models for entry in of_model]
    model = np.repeat(np.arange(len(of_models)), [len(of_model) for of_model in of_models])
    evidence = np.array([value for _, _, value in found]) / (_TEMPER[0] + n_mutations * _TEMPER[1])
    weights = np.exp(evidence - evidence.max())
    in_model = np.bincount(model, weights)[model]
    kept = [
        i
        for i in np.argsort(-weights, kind="stable").tolist()
        if weights[i] >= _LEAST_WEIGHT * max(in_model[i], 1e-300)
    ]
    total = weights[kept].sum()
    return [
        PuritySolution(
            float(weights[i] / total),
            found[i][0] == "doubled",
            found[i][1].ploidy,
            found[i][1].purity,
            np.sqrt(found[i][1].sd ** 2 + _MODEL_SD[found[i][0]] ** 2 + _FEW_SD**2 / max(n_mutations, 1)),
        )
        for i in kept
    ]


def _joined(parts: list[tuple[IntArray, list[PuritySolution], int]], n_samples: int) -> tuple[PuritySolution, ...]:
    """Solutions of all samples: those of groups of samples in every combination, as far as it has some weight."""
    joined = [PuritySolution(1.0, False, 2.0, np.full(n_samples, np.nan), np.full(n_samples, np.nan))]
    for columns, solutions, _ in parts:
        several = []
        for one in joined:
            for other in solutions:
                purity, sd = one.purity.copy(), one.sd.copy()
                purity[columns], sd[columns] = other.purity, other.sd
                weight = one.weight * other.weight
                several.append(PuritySolution(weight, one.is_doubled or other.is_doubled, other.ploidy, purity, sd))
        several.sort(key=lambda solution: -solution.weight)
        kept = [solution for solution in several if solution.weight >= _LEAST_WEIGHT * several[0].weight][
            :_MOST_SOLUTIONS
        ]
        total = sum(solution.weight for solution in kept)
        joined = [replace(solution, weight=solution.weight / total) for solution in kept]
    return tuple(joined)


def _summed_up(solutions: list[PuritySolution]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Value, spread and interval of every sample over the solutions."""
    best = solutions[0].purity
    weight = np.array([solution.weight for solution in solutions])
    means = np.stack([solution.purity for solution in solutions])
    sds = np.stack([solution.sd for solution in solutions])
    spread = np.sqrt(weight @ ((means - best) ** 2 + sds**2))
    fine = np.linspace(0.0, 1.0, 1001)
    bounds = np.empty((2, len(best)))
    for sample in range(len(best)):
        mean, sd = means[:, sample, None], sds[:, sample, None]
        density = weight @ (np.exp(-0.5 * ((fine - mean) / sd) ** 2) / sd)
        bounds[:, sample] = np.interp([0.025, 0.975], np.cumsum(density) / density.sum(), fine)
    return best, spread, bounds[0], bounds[1]


def _given_sd(patient: Patient) -> FloatArray:
    """Standard deviation of every given purity; inf if none is given."""
    return np.array(
        [
            (sample.purity_sd or GIVEN_SD) if np.isfinite(sample.purity) and not sample.purity_is_estimated else np.inf
            for sample in patient.samples
        ]
    )


def rejected_purities(patient: Patient, posterior: PurityPosterior) -> BoolArray:
    """Find given purities (S,) that the reads reject, sample by sample or because all are off in one direction.

    Parameters
    ----------
    patient : Patient
        With the purities of the sheet.
    posterior : PurityPosterior
        From `infer_purity` without priors.

    Returns
    -------
    bool array (S,)
        True if no solution comes within three standard deviations of the given purity, those of the given one and of
        the solution together, and the nearest is at least .05 away; or, with several given, if the median over
        samples, whose errors are taken as independent, lies 2.5 standard deviations and .05 away: then all are
        rejected. One is kept in any case if what every sample shows is impossible at the lower purity that the reads
        say: then a clone that some samples share was taken for the trunk.
    """
    given_sd = _given_sd(patient)
    given = np.isfinite(given_sd) & np.isfinite(posterior.purity)
    if not given.any():
        return given
    value = np.clip(patient.purity, PURITY_GRID[0], PURITY_GRID[-1])
    one_by_one = given.copy()
    all_off = True
    for solution in posterior.solutions:
        off = solution.purity - value
        scale = np.hypot(solution.sd, given_sd)
        one_by_one &= (np.abs(off) > _REJECTED_SDS * scale) & (np.abs(off) >= _REJECTED_LEAST)
        typical = float(np.median(off[given]))
        model = float(solution.sd[given].min())
        common = np.hypot(model, 1.25 * np.sqrt((given_sd[given] ** 2).sum()) / given.sum())
        all_off &= (
            given.sum() > 1 and abs(typical) > _REJECTED_SDS_TOGETHER * common and abs(typical) >= _REJECTED_LEAST
        )
    return np.asarray((given if all_off else one_by_one) & ~_is_impossible(patient, posterior.purity))


def _is_impossible(patient: Patient, purity: FloatArray) -> BoolArray:
    """Mark the samples (S,) in which mutations that every sample shows have more alternate reads than copies allow."""
    mutations, copy_number = patient.mutations, patient.copy_number
    shown = (mutations.is_informative & (mutations.alt_counts > 1)).all(axis=1)
    found = np.zeros(len(purity), dtype=bool)
    for sample in np.flatnonzero(np.isfinite(purity)):
        rows = np.flatnonzero(shown & copy_number.is_known[:, sample])
        chosen = copy_number.take(rows)
        total, normal = chosen.total[:, sample], chosen.normal[:, sample]
        copies = np.where(np.isfinite(chosen.major[:, sample]), chosen.major[:, sample], total)
        copies = np.fmax(copies, chosen.major2[:, sample])  # of a subclonal segment
        rho = purity[sample]
        most = np.minimum(copies * rho / np.maximum(total * rho + normal * (1.0 - rho), 1e-9), 1.0)
        alt, depth = mutations.alt_counts[rows, sample], mutations.depth[rows, sample]
        n_impossible = int((bdtrc(alt - 1.0, depth, most) < _TOO_MANY_READS).sum())
        found[sample] = n_impossible > 0 and bdtrc(n_impossible - 1.0, len(rows), _WRONG_COPIES) <= _BY_CHANCE + 1e-9
    return found


def estimate_purity(patient: Patient, *, settings: CcfSettings, posterior: PurityPosterior | None = None) -> Patient:
    """Fill in missing purities from the reads, check the given ones, and put a standard deviation to each.

    A given purity is a prior (standard deviation of the sheet, else .04). It stays unless the reads reject it
    (`rejected_purities`); a rejected one is replaced by the reads' and marked as estimated. Purities that were
    estimated or checked before stay.

    Parameters
    ----------
    patient : Patient
    settings : CcfSettings
    posterior : PurityPosterior, optional
        From `infer_purity` of this patient without priors, if it is at hand.

    Returns
    -------
    Patient
        With every purity finite, its standard deviation, and a sentence in `warnings` about each that was estimated.
    """
    settled_before = np.array([sample.purity_is_estimated or sample.purity_is_checked for sample in patient.samples])
    settled_before &= np.isfinite(patient.purity)
    if settled_before.all():
        return patient
    given_sd = _given_sd(patient)
    is_given = np.isfinite(given_sd)
    posterior = posterior or infer_purity(patient, settings=settings)
    rejected = rejected_purities(patient, posterior)
    if is_given.any():
        prior_sd = np.where(rejected, np.inf, given_sd)
        settled = infer_purity(patient, settings=settings, prior_sd=prior_sd)
    else:
        settled = posterior
    samples = list(patient.samples)
    warnings = list(patient.warnings)
    for index, sample in enumerate(samples):
        if settled_before[index]:
            continue
        mean, sd = float(settled.purity[index]), float(settled.sd[index])
        if is_given[index] and not rejected[index]:
            about = np.hypot(sd, mean - sample.purity) if np.isfinite(mean) else given_sd[index]
            about = round(float(min(about, given_sd[index])), _DIGITS)
            samples[index] = replace(sample, purity_sd=about, purity_is_checked=True)
            continue
        if not np.isfinite(mean):
            mean, sd = 0.5, 0.25
        value, spread = round(mean, _DIGITS), round(sd, _DIGITS)
        samples[index] = replace(sample, purity=value, purity_sd=spread, purity_is_estimated=True)
        if not is_given[index]:
            warnings.append(_sentence(sample.name, index, settled, mean, sd))
    return patient.with_changes(samples=tuple(samples), warnings=tuple(warnings))


def _sentence(name: str, index: int, posterior: PurityPosterior, mean: float, sd: float) -> str:
    text = f"sample {name}: purity not given, estimated from the reads: {mean:.2f} (sd {sd:.2f})"
    if not posterior.uses_copy_number[index]:
        text += ", without copy number"
    if not posterior.n_shared[index]:
        return text + "; no mutation tells it"
    others = [f"{s.purity[index]:.2f} ({100.0 * s.weight:.0f} %)" for s in posterior.solutions[1:]]
    others = [other for other in others if not other.startswith(f"{mean:.2f}")]
    if others:
        text += f"; other explanations of the reads: {', '.join(others)}; copy number would settle it"
    return text
