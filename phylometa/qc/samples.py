"""Checks of samples against one another: the same reads twice, another site's sample."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from phylometa.model.arrays import BoolArray
from phylometa.model.patient import Patient
from phylometa.model.quality import QualityFinding

__all__ = ["check_identical_samples", "check_mislabelled_samples"]

# Share of the cells of two samples with the same counts above which the two are one, and cells that must be compared.
SAME_COUNTS = 0.5
_LEAST_COMPARED = 5
# Depth below which equal counts are no wonder.
_LEAST_DEPTH = 10
# Alternate reads and VAF of a mutation that is present; at most so many reads of one that is absent.
_PRESENT_READS, _PRESENT_VAF, _ABSENT_READS = 3, 0.02, 1
# Mutations that a mislabelled sample must share with another site alone, and lack of its own, with two siblings or one.
_SHARED_WITH_OTHER, _LACKED = 5, {2: 3, 1: 5}
_SHARED_WITH_OWN = 0.1
# Mutations of all samples of the other site that it may lack, relative to those shared; one
# sample has mutations of its own, several not.
_LATER_SHARE = {1: 0.5, 2: 0.1}
# Shared mutations that speak for themselves.
_SHARED_ENOUGH = 10
_CARRIED = 0.9


def check_identical_samples(patient: Patient) -> tuple[QualityFinding, ...]:
    """Find samples whose counts are those of another one.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    tuple of QualityFinding
        ``failed`` for two samples of different sites, ``warning`` within a site. Counts that stand for fractions (one
        depth everywhere) and depths below 10 cannot be compared.
    """
    mutations = patient.mutations
    seen = mutations.is_informative & (mutations.depth >= _LEAST_DEPTH)
    findings, n_compared = [], 0
    largest = 0.0
    for a, b in combinations(range(mutations.n_samples), 2):
        compared = seen[:, a] & seen[:, b] & (mutations.alt_counts[:, a] + mutations.alt_counts[:, b] > 0)
        depths = mutations.depth[compared][:, [a, b]]
        if compared.sum() < _LEAST_COMPARED or len(np.unique(depths)) < 3:
            continue
        n_compared += 1
        same = (mutations.alt_counts[:, a] == mutations.alt_counts[:, b]) & (
            mutations.depth[:, a] == mutations.depth[:, b]
        )
        share = float(same[compared].mean())
        if share < SAME_COUNTS:
            largest = max(largest, share)
            continue
        one, other = patient.samples[a], patient.samples[b]
        elsewhere = one.site != other.site
        findings.append(
            QualityFinding(
                "identical_samples",
                f"the same reads at {int(same[compared].sum())} of {int(compared.sum())} mutations",
                f"below {100 * SAME_COUNTS:.0f} %",
                "failed" if elsewhere else "warning",
                "one file stands for two samples: correct the sheet, or leave one out (column exclude)",
                samples=(one.name, other.name),
                sites=(one.site, other.site) if elsewhere else (one.site,),
            )
        )
    if findings:
        return tuple(findings)
    if not n_compared:
        return (QualityFinding("identical_samples", "no two samples with reads to compare", "", "untested"),)
    text = f"the same reads at no more than {100.0 * largest:.0f} % of the mutations of two samples"
    return (QualityFinding("identical_samples", text, f"below {100 * SAME_COUNTS:.0f} %", "pass"),)


def _present_absent(patient: Patient) -> tuple[BoolArray, BoolArray]:
    mutations = patient.mutations
    informative = mutations.is_informative
    present = informative & (mutations.alt_counts >= _PRESENT_READS) & (np.nan_to_num(mutations.vaf) >= _PRESENT_VAF)
    absent = (informative & (mutations.alt_counts <= _ABSENT_READS)) | np.asarray(mutations.censored)
    return present, absent


def check_mislabelled_samples(patient: Patient) -> tuple[QualityFinding, ...]:
    """Find samples whose mutations fit another site better than their own.

    A sample is suspected if it shares mutations with the samples of one other site that neither the other samples of
    its own site nor any third site have, shares hardly any with its own site alone, and lacks mutations that mark its
    own site.

    Parameters
    ----------
    patient : Patient

    Returns
    -------
    tuple of QualityFinding
        ``failed`` with the sample and both sites; ``untested`` if no site has two samples.
    """
    sites = patient.sample_site
    present, absent = _present_absent(patient)
    findings = []
    tested = False
    for k in range(len(sites)):
        own = np.flatnonzero((sites == sites[k]) & (np.arange(len(sites)) != k))
        if not len(own):
            continue
        for site in sorted(set(sites.tolist()) - {int(sites[k])}):
            tested = True
            other = np.flatnonzero(sites == site)
            third = np.flatnonzero((sites != sites[k]) & (sites != site))
            enough = np.ceil(len(other) / 2)
            marks_other = absent[:, own].all(axis=1) & absent[:, third].all(axis=1)
            with_other = marks_other & present[:, k] & (present[:, other].sum(axis=1) >= enough)
            outside = absent[:, other].all(axis=1) & absent[:, third].all(axis=1)
            with_own = outside & present[:, k] & (present[:, own].sum(axis=1) >= np.ceil(len(own) / 2))
            lacked = present[:, own].all(axis=1) & absent[:, k] & absent[:, other].all(axis=1)
            n_shared, n_own, n_lacked = int(with_other.sum()), int(with_own.sum()), int(lacked.sum())
            if n_own > _SHARED_WITH_OWN * n_shared:
                continue
            # The region that a metastasis came from lacks what that acquired later; one of its samples does not.
            later = int((marks_other & absent[:, k] & present[:, other].all(axis=1)).sum())
            by_itself = n_shared >= _SHARED_WITH_OTHER and later <= _LATER_SHARE[min(len(other), 2)] * n_shared
            if by_itself and n_lacked < _LACKED[min(len(own), 2)]:
                by_itself = n_shared >= _SHARED_ENOUGH and later == 0
            clonal = present[:, other].all(axis=1) & absent[:, own].all(axis=1)
            n_clonal = int(clonal.sum())
            fits_whole = (
                len(own) > 1 and len(other) > 1 and n_clonal >= _SHARED_WITH_OTHER and n_lacked >= _SHARED_WITH_OTHER
            )
            fits_whole = fits_whole and n_own == 0 and present[clonal, k].mean() >= _CARRIED
            if len(own) == 1 and by_itself:
                by_itself = len(other) > 1 and n_clonal > 0 and present[clonal, k].mean() >= _CARRIED
            if not by_itself and not fits_whole:
                continue
            sample, stated, fits = patient.samples[k], patient.samples[k].site, patient.sites[site].name
            shared = f"shares {n_shared} mutations with {fits} alone and {n_own} with {stated} alone"
            if not by_itself:
                shared = (
                    f"has the {n_clonal} mutations of all samples of {fits} that {stated} lacks, none of {stated} alone"
                )
            figure = f"{shared}; lacks {n_lacked} that mark {stated}"
            findings.append(
                QualityFinding(
                    "mislabelled_samples",
                    figure,
                    "more with its own site",
                    "failed",
                    f"check whether this sample comes from {fits}; correct the sheet or leave it out (column exclude)",
                    samples=(sample.name,),
                    sites=(stated, fits),
                )
            )
            break
    if findings:
        return tuple(findings)
    if not tested:
        return (QualityFinding("mislabelled_samples", "no site with two samples", "", "untested"),)
    return (QualityFinding("mislabelled_samples", "every sample fits its own site best", "", "pass"),)
