"""DNA of one sample in another: which samples hold it, of which donor and how much, and what it makes of the reads."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from phylometa.model.arrays import FloatArray
from phylometa.model.patient import MutationTable, Patient
from phylometa.model.quality import QualityFinding

__all__ = ["Contamination", "allow_for_contamination", "check_contamination", "find_contamination"]

# VAF of a mutation in force, and of one that is not, in units of a clonal one's; mutations, ratios of VAFs, and
# log-likelihood of a contamination.
_STRONG, _WEAK = 0.3, 0.2
_LEAST_MUTATIONS = 5
_RATIOS = np.exp(np.linspace(np.log(0.01), np.log(0.11), 36))
_LEAST_GAIN = 15.0
_MIXTURE_GAIN = 2.0
_ERROR = 0.002
# One sample alone must show so many mutations; with fewer, two samples must.
_ENOUGH_ALONE = 10


class Contamination(NamedTuple):
    """Sample `target` shows the `n_mutations` of the site of sample `donor` at `ratio` of their VAF there.

    `gain` is the log-likelihood of that ratio against sequencing errors.
    """

    target: str
    donor: str
    ratio: float
    n_mutations: int
    gain: float


def find_contamination(patient: Patient, purity: FloatArray) -> tuple[Contamination, ...] | None:
    """Find samples that hold a share of the DNA of another site's samples.

    Foreign DNA brings all mutations of its donor, each in proportion to its VAF there; a clone brings its own. So the
    mutations that only the donor's site has in force must all be seen in the sample at one ratio of VAFs.

    Parameters
    ----------
    patient : Patient
    purity : float64 array (S,)

    Returns
    -------
    tuple of Contamination or None
        By target; of the samples of a site the donor that explains the reads best. None if no site has mutations of
        its own.
    """
    mutations = patient.mutations
    sites = patient.sample_site
    vaf = np.nan_to_num(mutations.vaf)
    clonal = np.nan_to_num(purity, nan=0.5) / 2.0  # VAF of a clonal mutation on one of two copies
    strong = mutations.is_informative & (vaf >= _STRONG * clonal)
    weak = ~mutations.is_informative | (vaf < _WEAK * clonal)
    names = mutations.sample_names
    best: dict[tuple[int, int], Contamination] = {}
    tested = False
    for site in np.unique(sites).tolist():
        inside, outside = np.flatnonzero(sites == site), np.flatnonzero(sites != site)
        if not len(outside):
            continue
        own = strong[:, inside].any(axis=1) & weak[:, outside].all(axis=1)
        for donor in inside.tolist():
            rows = np.flatnonzero(own & strong[:, donor])
            if len(rows) < _LEAST_MUTATIONS:
                continue
            tested = True
            for target in outside.tolist():
                ratio, gain = _ratio(patient, rows, vaf[rows, donor], target)
                if ratio > 0.0 and ((target, site) not in best or gain > best[target, site].gain):
                    best[target, site] = Contamination(names[target], names[donor], ratio, len(rows), gain)
    if not tested:
        return None
    found = tuple(best[key] for key in sorted(best))
    targets = {one.target for one in found}
    if len(targets) == 1 and max(one.n_mutations for one in found) < _ENOUGH_ALONE:
        return ()
    return found


def check_contamination(patient: Patient, found: tuple[Contamination, ...] | None) -> tuple[QualityFinding, ...]:
    """Say which samples hold DNA of others.

    Parameters
    ----------
    patient : Patient
    found : tuple of Contamination or None
        From `find_contamination`.

    Returns
    -------
    tuple of QualityFinding
        ``warning`` with the sample, its donor and the ratio, one of each sample; ``untested`` for None.
    """
    if found is None:
        return (QualityFinding("contamination", "no site with mutations of its own", "", "untested"),)
    if not found:
        figure = "no sample shows all mutations of another site at one ratio"
        return (QualityFinding("contamination", figure, "", "pass"),)
    findings = []
    site_of = {sample.name: sample.site for sample in patient.samples}
    for target in dict.fromkeys(one.target for one in found):
        one = max((one for one in found if one.target == target), key=lambda one: one.n_mutations)
        findings.append(
            QualityFinding(
                "contamination",
                f"all {one.n_mutations} mutations that only {site_of[one.donor]} has in force are seen at "
                f"{100.0 * one.ratio:.0f} % of their VAF in {one.donor}",
                "none, or those of one clone",
                "warning",
                "DNA of one sample may be in the other (barcodes, a spill): ask the laboratory, sequence again, "
                "or leave the sample out (column exclude); do not trust clones of low CCF in it",
                samples=(target,),
                sites=(site_of[target],),
            )
        )
    return tuple(findings)


def allow_for_contamination(patient: Patient, found: tuple[Contamination, ...] | None, *, error_rate: float) -> Patient:
    """Take reads that foreign DNA brings for errors: of a cell's reads a share shows the donor's alleles.

    Parameters
    ----------
    patient : Patient
    found : tuple of Contamination or None
    error_rate : float
        Sequencing error of cells without one of their own.

    Returns
    -------
    Patient
        Its `MutationTable.error_rate` is at least `error_rate` + ratio x the donor's VAF, summed over the donors. The
        same if it was allowed for before.
    """
    if not found:
        return patient
    mutations = patient.mutations
    place = {name: column for column, name in enumerate(mutations.sample_names)}
    vaf = np.nan_to_num(mutations.vaf)
    brought = np.zeros(mutations.depth.shape)
    for one in found:
        brought[:, place[one.target]] += one.ratio * vaf[:, place[one.donor]]
    stated = np.nan if mutations.error_rate is None else mutations.error_rate
    error = np.where(brought > 0.0, np.fmax(stated, error_rate + brought), stated)
    return patient.with_changes(mutations=replace(mutations, error_rate=error.astype(np.float32)))


def _errors(mutations: MutationTable) -> FloatArray:
    """Sequencing error of every cell (n, S): its own if that is higher than what is allowed for here."""
    if mutations.error_rate is None:
        return np.full(mutations.depth.shape, _ERROR)
    return np.fmax(mutations.error_rate, _ERROR).astype(np.float64)


def _ratio(patient: Patient, rows: np.ndarray, donor_vaf: FloatArray, target: int) -> tuple[float, float]:
    """Ratio of VAFs at which one sample shows all mutations of another, and its gain; zeros if it does not show all."""
    mutations = patient.mutations
    seen = mutations.is_informative[rows, target]
    if seen.sum() < _LEAST_MUTATIONS:
        return 0.0, 0.0
    error = _errors(mutations)[rows, target][seen]
    alt = mutations.alt_counts[rows, target][seen].astype(np.float64)
    depth = mutations.depth[rows, target][seen].astype(np.float64)
    donor = donor_vaf[seen]

    def log_likelihood(rate: FloatArray) -> FloatArray:
        mean = depth * rate
        return np.asarray(alt * np.log(mean) - mean)

    none = log_likelihood(error)
    by_ratio = np.stack([log_likelihood(error + ratio * donor) for ratio in _RATIOS])
    whole = by_ratio.sum(axis=1)
    best = int(whole.argmax())
    if whole[best] < none.sum() + _LEAST_GAIN or best in (0, len(_RATIOS) - 1):
        return 0.0, 0.0
    shares = np.linspace(0.05, 0.95, 19)
    mixed = max(
        float(np.logaddexp(np.log(share) + row, np.log1p(-share) + none).sum()) for row in by_ratio for share in shares
    )
    if mixed >= whole[best] + _MIXTURE_GAIN:
        return 0.0, 0.0
    return float(_RATIOS[best]), float(whole[best] - none.sum())
